//! What the limits let through.

use tower_tus_layers::protocol::{Interrupt, ResponseOverride};
use tower_tus_layers::store::AppendError;

use super::*;

#[tokio::test]
async fn a_creation_reserves_its_length_and_a_termination_gives_it_back() {
    let store = limited(100);
    let first = create(&store, 60).await.unwrap();
    assert_eq!(code(create(&store, 41).await), FULL);
    assert_eq!(total(&store).await, 60);
    create(&store, 40).await.unwrap();
    assert_eq!(code(create(&store, 1).await), FULL);
    create(&store, 0).await.unwrap();
    terminate(&store, &first.id).await.unwrap();
    assert_eq!(total(&store).await, 40);
    create(&store, 60).await.unwrap();
    assert_eq!(total(&store).await, 100);
}

#[tokio::test]
async fn an_upload_that_can_never_fit_is_too_large() {
    let store = limited(100);
    assert_eq!(code(create(&store, 101).await), TOO_LARGE);
    create(&store, 100).await.unwrap();
    assert_eq!(code(create(&store, 101).await), TOO_LARGE);
    assert_eq!(code(create(&store, 100).await), FULL);
}

#[tokio::test]
async fn a_deferred_upload_is_charged_as_it_grows_and_keeps_what_fits() {
    for mode in [WriteMode::Streaming, WriteMode::Atomic] {
        let store = limited(100);
        let kept = create(&store, 70).await.unwrap();
        let upload = create(&store, None).await.unwrap();
        assert_eq!(total(&store).await, 70);
        let appended = append(&store, &upload.id, 20, mode).await;
        assert!(appended.error.is_none());
        assert_eq!(total(&store).await, 90);

        let appended = append(&store, &upload.id, 20, mode).await;
        assert!(matches!(
            appended.error,
            Some(AppendError::Store(Error::InsufficientStorage(_)))
        ));
        let fits = if mode.is_atomic() { 20 } else { 30 };
        assert_eq!(appended.offset, fits);
        assert_eq!(total(&store).await, 70 + fits);

        // It can never fit, so that the client need not try again.
        let never = append(&store, &upload.id, 200, mode).await;
        let never = never.error.unwrap();
        assert_eq!(never.error().code(), TOO_LARGE);
        terminate(&store, &kept.id).await.unwrap();
        assert_eq!(total(&store).await, fits);
        let appended = append(&store, &upload.id, 50, mode).await;
        assert!(appended.error.is_none());
    }
}

#[tokio::test]
async fn a_declared_length_reserves_the_rest_or_changes_nothing() {
    let store = limited(100);
    create(&store, 50).await.unwrap();
    let upload = create(&store, None).await.unwrap();
    append(&store, &upload.id, 10, WriteMode::Streaming)
        .await
        .error
        .ok_or(())
        .unwrap_err();
    let mut handle = store.open(&upload.id).await.unwrap();
    assert_eq!(code(handle.declare_length(Length::from(51)).await), FULL);
    assert_eq!(
        code(handle.declare_length(Length::from(101)).await),
        TOO_LARGE
    );
    assert_eq!(total(&store).await, 60);
    handle.declare_length(Length::from(50)).await.unwrap();
    assert_eq!(total(&store).await, 100);
    // The rest is charged already.
    let appended = append(&store, &upload.id, 40, WriteMode::Streaming).await;
    assert!(appended.error.is_none());
    assert_eq!(total(&store).await, 100);
}

#[tokio::test]
async fn an_upload_that_is_declared_complete_is_charged_what_it_has() {
    use tower_tus_layers::protocol::Completion;
    let store = limited(100);
    let mut new = NewUpload::new(Some(Length::from(80)), Metadata::EMPTY);
    new.completion = Completion::ByClient { declared: false };
    let mut handle = store.create(new).await.unwrap();
    let mut body = Body::from("hello");
    let appended = handle
        .append(Chunk::new(&mut body), AppendOptions::default())
        .await;
    assert!(appended.error.is_none());
    assert_eq!(total(&store).await, 80);
    handle.declare_complete().await.unwrap();
    assert_eq!(total(&store).await, 5);
}

/// Creates two complete parts of 20 bytes, and returns a final of them.
async fn final_of_parts(store: &Limited, pending: bool) -> NewUpload {
    let mut parts = Vec::new();
    for _ in 0..2 {
        let mut new = NewUpload::new(Some(Length::from(20)), Metadata::EMPTY);
        new.concat = Some(Concat::new(Role::Partial { awaited_by: vec![] }, None));
        let part = store.create(new).await.unwrap().info().id.clone();
        let appended = append(store, &part, 20, WriteMode::Streaming).await;
        assert!(appended.error.is_none());
        parts.push(part);
    }
    let mut new = NewUpload::new(None, Metadata::EMPTY);
    new.concat = Some(Concat::new(Role::Final { parts, pending }, None));
    new
}

#[tokio::test]
async fn a_final_is_charged_what_it_adds() {
    for (limit, fits) in [
        (80, Ok(80)),
        (79, Err(FULL)),
        (40, Err(FULL)),
        (39, Err(TOO_LARGE)),
    ] {
        let whole = MemoryStore::default();
        let new = final_of_parts(&Limited::new(whole.clone()), false).await;
        let store = Limited::new(whole).total(limit);
        let concatenator = store.concatenator().unwrap();
        let made = concatenator.concatenate(new, &Interrupt::default()).await;
        match fits {
            Ok(used) => {
                let id = made.unwrap().info().id.clone();
                assert_eq!(total(&store).await, used);
                terminate(&store, &id).await.unwrap();
                assert_eq!(total(&store).await, used - 40);
            }
            Err(error) => {
                assert_eq!(code(made), error);
                assert_eq!(total(&store).await, 40);
            }
        }
    }
}

#[tokio::test]
async fn a_pending_final_is_charged_once_its_length_is_known() {
    for (limit, fits) in [(80, true), (79, false)] {
        let store = limited(limit);
        let new = final_of_parts(&store, true).await;
        let id = new.id.clone();
        store.create(new).await.unwrap();
        assert_eq!(total(&store).await, 40);
        let concatenator = store.concatenator().unwrap();
        let assembled = concatenator.assemble(&id, &Interrupt::default()).await;
        match fits {
            true => assembled.unwrap(),
            false => assert_eq!(code(assembled), FULL),
        }
        assert_eq!(total(&store).await, if fits { 80 } else { 40 });
        // Again it does nothing.
        if fits {
            concatenator
                .assemble(&id, &Interrupt::default())
                .await
                .unwrap();
            assert_eq!(total(&store).await, 80);
        }
    }
}

#[tokio::test]
async fn each_owner_has_a_limit_besides_that_of_all() {
    let store = limited(100).per_owner_key(50, "owner");
    create_of(&store, "alice", 50).await.unwrap();
    assert_eq!(code(create_of(&store, "alice", 1).await), FULL);
    assert_eq!(code(create_of(&store, "bob", 51).await), TOO_LARGE);
    let of_bob = create_of(&store, "bob", 30).await.unwrap();
    // Of nobody: only the total counts.
    create(&store, 20).await.unwrap();
    assert_eq!(code(create_of(&store, "carol", 1).await), FULL);
    let usage = usage(&store).await;
    assert_eq!((usage.total, usage.limit), (100, Some(100)));
    assert_eq!(usage.owners[&Owner::from("alice")], 50);
    assert_eq!(usage.owners[&Owner::from("bob")], 30);
    terminate(&store, &of_bob.id).await.unwrap();
    assert!(!store.usage().owners.contains_key(&Owner::from("bob")));
    create_of(&store, "carol", 30).await.unwrap();
}

#[tokio::test]
async fn the_owner_may_stand_in_the_id() {
    let owner = |upload: &Upload| {
        let (owner, _) = upload.id.as_str().split_once('/')?;
        Some(Owner::from(owner))
    };
    let store = Limited::new(MemoryStore::default()).per_owner(10, owner);
    for (id, fits) in [("alice/a", true), ("alice/b", false), ("bob/a", true)] {
        let mut new = NewUpload::new(Some(Length::from(6)), Metadata::EMPTY);
        new.id = id.parse().unwrap();
        assert_eq!(store.create(new).await.is_ok(), fits, "{id}");
    }
    let usage = usage(&store).await;
    assert_eq!(
        (usage.total, usage.owners.len(), usage.limit),
        (12, 2, None)
    );
}

#[tokio::test]
async fn an_id_that_is_taken_reserves_nothing() {
    let store = limited(100);
    let mut new = NewUpload::new(Some(Length::from(40)), Metadata::EMPTY);
    new.id = "a".parse().unwrap();
    store.create(new.clone()).await.unwrap();
    for _ in 0..5 {
        assert_eq!(code(store.create(new.clone()).await), "ERR_UPLOAD_EXISTS");
    }
    assert_eq!(total(&store).await, 40);
}

#[tokio::test]
async fn a_store_with_a_quota_passes_the_conformance_suite() {
    let store = limited(1 << 40).per_owner_key(1 << 40, "owner");
    conformance::run(|| store.clone()).await;
    total(&store).await;
    assert!(store.terminator().is_some() && store.concatenator().is_some());
    assert!(store.reader().is_some() && store.lister().is_some());
}

#[cfg(feature = "file")]
#[tokio::test]
async fn a_file_store_with_a_quota_passes_the_conformance_suite() {
    let dir = tempfile::tempdir().unwrap();
    let store = Limited::new(crate::store::FileStore::new(dir.path())).total(1 << 40);
    conformance::run(|| store.clone()).await;
    total(&store).await;
    assert!(store.cleaner().is_some());
}

#[tokio::test]
async fn the_answer_to_a_finish_is_kept_behind_the_limits() {
    let store = limited(100);
    let upload = create(&store, 0).await.unwrap();
    let answer = ResponseOverride::default().with_body("well done");
    let mut handle = store.open(&upload.id).await.unwrap();
    handle.record_finished(&answer).await.unwrap();
    let found = store.open(&upload.id).await.unwrap();
    assert_eq!(found.answer(), Some(answer));
    assert!(found.info().is_finished());
}

#[test]
#[should_panic(expected = "a quota needs a store that lists its uploads")]
fn a_store_that_cannot_list_is_refused_at_once() {
    let _ = Limited::new(Unlisted);
}

#[derive(Debug)]
struct Unlisted;

#[tower_tus_layers::async_trait]
impl Store for Unlisted {
    async fn create(&self, _: NewUpload) -> Result<Box<dyn Handle>, Error> {
        Err(Error::NotFound)
    }

    async fn open(&self, _: &UploadId) -> Result<Box<dyn Handle>, Error> {
        Err(Error::NotFound)
    }
}
