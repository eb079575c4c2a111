//! Complete uploads are finished without a client.

use std::time::Duration;

use super::{Scene, next};
use crate::lock::Locker;
use crate::protocol::{Error, FinishState, Interrupt};
use crate::store::Store;
use crate::uploads::FinishReport;

fn report(finished: u64, unfinished: u64, held: u64) -> FinishReport {
    FinishReport {
        finished,
        unfinished,
        held,
    }
}

#[tokio::test]
async fn a_complete_upload_is_finished_without_a_client() {
    let scene = Scene::new();
    let mut events = scene.uploads.events();
    let complete = scene.upload("complete", "hello").await;
    let receiving = scene.upload("receiving", "he").await;
    let done = scene.uploads.finish_pending().await.unwrap();
    assert_eq!(done, report(1, 0, 0));
    assert!(scene.is_finished(&complete).await);
    assert_eq!(next(&mut events).await, "finished complete");
    assert_eq!(scene.decision.asked(), 1);
    assert_eq!(scene.stored(&receiving).await.unwrap().offset.get(), 2);

    let again = scene.uploads.finish_pending().await.unwrap();
    assert_eq!((again, scene.decision.asked()), (report(0, 0, 0), 0));
}

#[tokio::test]
async fn a_request_that_holds_the_upload_is_left_alone() {
    let scene = Scene::new();
    let id = scene.upload("a", "hello").await;
    let interrupt = Interrupt::default();
    let guard = scene.locker.acquire(&id, interrupt.clone(), Duration::MAX);
    let guard = guard.await.unwrap();
    let done = scene.uploads.finish_pending().await.unwrap();
    assert_eq!(done, report(0, 0, 1));
    assert!(interrupt.cause().is_none());
    assert_eq!(scene.decision.asked(), 0);
    guard.release().await;

    scene.passes(1);
    assert_eq!(scene.uploads.finish_pending().await.unwrap().finished, 1);
}

#[tokio::test]
async fn what_could_not_be_finished_is_asked_for_again_later_and_less_and_less() {
    let scene = Scene::new();
    scene.decision.becomes(Err(Error::internal("down")));
    let id = scene.upload("a", "hello").await;
    for seconds in [1, 2, 4] {
        let done = scene.uploads.finish_pending().await.unwrap();
        assert_eq!((done, scene.decision.asked()), (report(0, 1, 0), 1));
        scene.passes(seconds - 1);
        let early = scene.uploads.finish_pending().await.unwrap();
        assert_eq!((early, scene.decision.asked()), (report(0, 0, 0), 0));
        scene.passes(1);
    }
    scene.decision.becomes(Ok(()));
    scene.uploads.finish_pending().await.unwrap();
    assert!(scene.is_finished(&id).await);
    assert_eq!(scene.uploads.back_off.len(), 0);
}

#[tokio::test]
async fn an_upload_that_was_rejected_for_good_is_asked_for_no_more() {
    let mut scene = Scene::new();
    scene.decision.becomes(Err(Error::Rejected));
    let id = scene.upload("a", "hello").await;
    for _ in 0..12 {
        scene.uploads.finish_pending().await.unwrap();
        scene.passes(600);
    }
    assert_eq!(scene.decision.asked(), 10);
    let attempts = FinishState::Pending { attempts: 10 };
    assert_eq!(scene.stored(&id).await.unwrap().finishing, Some(attempts));
    assert_eq!(scene.uploads.back_off.len(), 0);

    // The same upload under a lower limit, and under one of more attempts.
    scene.uploads = scene.uploads.finish_attempts(11);
    assert_eq!(
        scene.uploads.finish_pending().await.unwrap(),
        report(0, 1, 0)
    );
}

#[tokio::test]
async fn an_upload_that_is_removed_meanwhile_is_forgotten() {
    let scene = Scene::new();
    scene.decision.becomes(Err(Error::internal("down")));
    let id = scene.upload("a", "hello").await;
    scene.uploads.finish_pending().await.unwrap();
    assert_eq!(scene.uploads.back_off.len(), 1);
    scene
        .store
        .terminator()
        .unwrap()
        .terminate(&id)
        .await
        .unwrap();
    scene.passes(1);
    scene.uploads.finish_waiting().await;
    assert_eq!(scene.uploads.back_off.len(), 0);
}

#[tokio::test]
async fn a_limited_number_of_uploads_is_finished_at_once() {
    let scene = Scene::new();
    scene.decision.answers.forget_permits(usize::MAX >> 3);
    for number in 0..20 {
        scene.upload(&format!("{number}"), "hello").await;
    }
    let pass = tokio::spawn({
        let uploads = scene.uploads.clone();
        async move { uploads.finish_pending().await }
    });
    let mut asked = 0;
    for answered in 0..20 {
        // All hands ask before the next answer.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        asked += scene.decision.asked();
        assert_eq!(asked, (answered + 8).min(20));
        scene.decision.answers.add_permits(1);
    }
    assert_eq!(pass.await.unwrap().unwrap(), report(20, 0, 0));
}

/// Finals of parts that were finished while nobody could assemble them.
#[cfg(feature = "concatenation")]
mod finals {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;

    use async_trait::async_trait;
    use http::request::Parts;
    use tower::ServiceBuilder;

    use super::*;
    use crate::concatenation::ConcatenationLayer;
    use crate::gate::{Gate, GateLayer};
    use crate::protocol::{Clock, Concat, Metadata, NewUpload, Role, Upload};
    use crate::service::Core;
    use crate::store::MemoryStore;
    use crate::uploads::Uploads;

    fn new(id: &str, role: Role) -> NewUpload {
        let mut new = NewUpload::new(None, Metadata::EMPTY);
        new.id = id.parse().unwrap();
        new.concat = Some(Concat::new(role, None));
        new.finishing = Some(FinishState::Pending { attempts: 0 });
        new
    }

    /// Fails for a final.
    #[derive(Debug)]
    struct Down;

    #[async_trait]
    impl Gate for Down {
        async fn complete(&self, _: &Parts, upload: &Upload) -> Result<(), Error> {
            match upload.is_final() {
                true => Err(Error::internal("down")),
                false => Ok(()),
            }
        }

        fn decides_completion(&self) -> bool {
            true
        }
    }

    #[tokio::test]
    async fn a_final_that_is_assembled_with_its_last_part_but_not_finished_is_asked_for_later() {
        let store = MemoryStore::default();
        let awaited_by = vec!["final".parse().unwrap()];
        let part = new("part", Role::Partial { awaited_by });
        let mut part = store.create(part).await.unwrap();
        part.declare_length(0.into()).await.unwrap();
        let parts = vec![part.info().id.clone()];
        let (part, pending) = (parts[0].clone(), true);
        let whole = store
            .create(new("final", Role::Final { parts, pending }))
            .await;
        let whole = whole.unwrap().info().id.clone();

        let core = Core::new(store.clone());
        let shared = Arc::clone(core.store());
        let locker = Arc::new(crate::lock::MemoryLocker::default());
        let inside = ServiceBuilder::new()
            .layer(GateLayer::new(Down))
            .layer(ConcatenationLayer::new(Arc::clone(&shared), locker.clone()))
            .service(core);
        let seconds = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&seconds);
        let clock = Clock::from_fn(move || {
            SystemTime::UNIX_EPOCH + Duration::from_secs(shown.load(Ordering::SeqCst))
        });
        let uploads = Uploads::new(inside, shared, locker, Duration::from_secs(20));
        let uploads = uploads.clock(clock.clone());
        uploads.back_off.begin(&part, &clock);
        seconds.store(1, Ordering::SeqCst);
        uploads.finish_waiting().await;
        assert!(store.open(&part).await.unwrap().info().is_finished());
        let state = store.open(&whole).await.unwrap().info().clone();
        assert!(state.is_complete() && !state.is_finished());
        assert_eq!(uploads.back_off.len(), 1);
        assert!(!uploads.back_off.is_over(&whole, &clock));
    }

    #[tokio::test]
    async fn a_final_whose_parts_are_finished_is_assembled() {
        let store = MemoryStore::default();
        let part = new("part", Role::Partial { awaited_by: vec![] });
        let mut part = store.create(part).await.unwrap();
        let parts = vec![part.info().id.clone()];
        let whole = new(
            "final",
            Role::Final {
                parts,
                pending: true,
            },
        );
        let whole = store.create(whole).await.unwrap().info().id.clone();

        let (core, locker) = (
            Core::new(store.clone()),
            Arc::new(crate::lock::MemoryLocker::default()),
        );
        let shared = Arc::clone(core.store());
        let inside = ServiceBuilder::new()
            .layer(ConcatenationLayer::new(Arc::clone(&shared), locker.clone()))
            .service(core);
        let uploads = Uploads::new(inside, shared, locker, Duration::from_secs(20));
        assert_eq!(uploads.finish_pending().await.unwrap(), report(0, 1, 0));
        assert!(store.open(&whole).await.unwrap().info().is_pending());

        part.declare_length(0.into()).await.unwrap();
        part.record(FinishState::Done).await.unwrap();
        uploads.back_off.forget(&whole);
        assert_eq!(uploads.finish_pending().await.unwrap(), report(1, 0, 0));
        assert!(store.open(&whole).await.unwrap().info().is_finished());
    }
}
