//! Uploads that have expired are removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Scene, next};
use crate::expiration::Expiration;
use crate::lock::Locker;
use crate::protocol::{
    Body, Chunk, Concat, Interrupt, Length, Metadata, NewUpload, Role, UploadId,
};
use crate::store::{AppendOptions, Store};
use crate::uploads::expire::End;
use crate::uploads::{ExpireReport, UploadState};

/// A scene whose uploads expire a minute after their last activity.
fn scene() -> (Scene, Expiration) {
    let mut scene = Scene::new();
    let expiration = Expiration::after(Duration::from_secs(60)).clock(scene.clock.clone());
    scene.uploads = scene.uploads.expiration(expiration.clone());
    (scene, expiration)
}

fn report(expired: u64, bytes: u64, held: u64) -> ExpireReport {
    ExpireReport {
        expired,
        bytes,
        held,
        failed: 0,
    }
}

#[tokio::test]
async fn what_has_expired_is_removed_and_nothing_else() {
    let (scene, expiration) = scene();
    let old = scene.upload("old", "he").await;
    let finished = scene.upload("finished", "hello").await;
    scene.uploads.finish_pending().await.unwrap();
    scene.passes(30);
    let young = scene.upload("young", "h").await;
    scene.passes(29);
    assert_eq!(scene.uploads.expire().await.unwrap(), report(0, 0, 0));

    scene.passes(1);
    let shown = scene.uploads.show(&old).await.unwrap();
    assert_eq!(shown.state, UploadState::Expired);
    assert_eq!(shown.expires, Some(scene.clock.now()));
    let mut events = scene.uploads.events();
    assert_eq!(scene.uploads.expire().await.unwrap(), report(1, 2, 0));
    assert_eq!(next(&mut events).await, "expired old");
    assert!(scene.stored(&old).await.is_none());
    assert!(expiration.is_buried(&old));
    for id in [finished, young] {
        assert!(scene.stored(&id).await.is_some());
    }
    assert_eq!(scene.locker.len(), 0);
}

#[tokio::test]
async fn whoever_is_told_that_an_upload_has_expired_gets_no_404_for_it() {
    let (scene, expiration) = scene();
    let id = scene.upload("a", "he").await;
    let (inside, known) = (scene.uploads.service.clone(), expiration.clone());
    let told = Arc::new(AtomicBool::new(false));
    let is_buried = Arc::clone(&told);
    let mut uploads = scene.uploads.clone();
    // Where hooks are called.
    uploads.service = Arc::new(move |request| {
        let removing = inside(request);
        let (known, is_buried, id) = (known.clone(), Arc::clone(&is_buried), "a".parse().unwrap());
        Box::pin(async move {
            let response = removing.await;
            is_buried.store(known.is_buried(&id), Ordering::SeqCst);
            response
        })
    });
    scene.passes(60);
    assert_eq!(uploads.expire().await.unwrap(), report(1, 2, 0));
    assert!(scene.stored(&id).await.is_none());
    assert!(told.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_request_that_holds_the_upload_keeps_it_and_is_not_interrupted() {
    let (scene, _) = scene();
    let id = scene.upload("a", "he").await;
    let interrupt = Interrupt::default();
    let guard = scene.locker.acquire(&id, interrupt.clone(), Duration::MAX);
    let guard = guard.await.unwrap();
    scene.passes(60);
    assert_eq!(scene.uploads.expire().await.unwrap(), report(0, 0, 1));
    assert!(interrupt.cause().is_none());
    guard.release().await;
    assert_eq!(scene.uploads.expire().await.unwrap(), report(1, 2, 0));
}

#[tokio::test]
async fn an_upload_that_was_revived_after_the_list_is_kept() {
    let (scene, expiration) = scene();
    let id = scene.upload("a", "he").await;
    scene.passes(60);
    // As if bytes had arrived since the list said that it has expired.
    let upload = scene.stored(&id).await.unwrap();
    assert_eq!(scene.uploads.state(&upload), UploadState::Expired);
    let mut handle = scene.store.open(&id).await.unwrap();
    let mut body = Body::from("l");
    let chunk = Chunk::new(&mut body);
    let appended = handle.append(chunk, AppendOptions::default()).await;
    assert!(appended.error.is_none());
    let end = scene.uploads.expire_one(&expiration, &id).await;
    assert_eq!(end, End::Kept);
    assert_eq!(scene.stored(&id).await.unwrap().offset.get(), 3);
    assert!(!expiration.is_buried(&id));
}

#[tokio::test]
async fn a_part_is_kept_as_long_as_a_pending_final_needs_it() {
    let (scene, _) = scene();
    let ids = ["part", "young", "final"].map(|id| id.parse::<UploadId>().unwrap());
    let [part, young, whole] = ids;
    let create = async |id: &UploadId, length: Option<u32>, role| {
        let mut new = NewUpload::new(length.map(Length::from), Metadata::EMPTY);
        new.id = id.clone();
        new.concat = Some(Concat::new(role, None));
        new.created = scene.clock.now();
        scene.store.create(new).await.unwrap();
    };
    let awaited_by = || vec![whole.clone()];
    let parts = vec![part.clone(), young.clone()];
    let partial = |awaited_by| Role::Partial { awaited_by };
    create(&part, Some(0), partial(awaited_by())).await;
    create(
        &whole,
        None,
        Role::Final {
            parts,
            pending: true,
        },
    )
    .await;
    scene.passes(60);
    create(&young, Some(5), partial(awaited_by())).await;

    let shown = scene.uploads.show(&part).await.unwrap();
    assert_eq!(shown.state, UploadState::Finished);
    assert_eq!(scene.uploads.expire().await.unwrap(), report(0, 0, 0));
    scene.uploads.remove(&whole).await.unwrap();
    assert_eq!(scene.uploads.expire().await.unwrap(), report(1, 0, 0));
    assert!(scene.stored(&part).await.is_none());
    assert!(scene.stored(&young).await.is_some());
}

#[tokio::test]
async fn without_an_expiration_nothing_expires() {
    let scene = Scene::new();
    let id = scene.upload("a", "he").await;
    scene.passes(1 << 40);
    assert_eq!(scene.uploads.expire().await.unwrap(), report(0, 0, 0));
    let shown = scene.uploads.show(&id).await.unwrap();
    assert_eq!((shown.expires, shown.state), (None, UploadState::Receiving));
}

/// A store that cannot remove one of its uploads.
mod failing {
    use async_trait::async_trait;

    use super::*;
    use crate::protocol::Error;
    use crate::store::{Handle, Lister, MemoryStore, Terminator};

    #[derive(Debug)]
    struct Failing(MemoryStore);

    #[async_trait]
    impl Store for Failing {
        async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
            self.0.create(new).await
        }

        async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
            self.0.open(id).await
        }

        fn terminator(&self) -> Option<&dyn Terminator> {
            Some(self)
        }

        fn lister(&self) -> Option<&dyn Lister> {
            self.0.lister()
        }
    }

    #[async_trait]
    impl Terminator for Failing {
        async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
            match id.as_str() {
                "b" => Err(Error::internal("the disk is read-only")),
                _ => self.0.terminator().unwrap().terminate(id).await,
            }
        }
    }

    #[tokio::test]
    async fn a_failure_on_one_upload_does_not_stop_the_rest() {
        let mut scene = Scene::over(Failing);
        let expiration = Expiration::after(Duration::from_secs(60)).clock(scene.clock.clone());
        scene.uploads = scene.uploads.expiration(expiration.clone());
        for id in ["a", "b", "c"] {
            scene.upload(id, "he").await;
        }
        scene.passes(60);
        let expected = ExpireReport {
            failed: 1,
            ..report(2, 4, 0)
        };
        assert_eq!(scene.uploads.expire().await.unwrap(), expected);
        assert!(!expiration.is_buried(&"b".parse().unwrap()));
        assert_eq!(scene.locker.len(), 0);
    }
}
