//! List, show and remove.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, Semaphore};

use super::{Scene, next};
use crate::lock::Locker;
use crate::protocol::{Error, FinishState, Interrupt, NewUpload, Upload, UploadId};
use crate::store::{Handle, ListRequest, MemoryStore, Store, Terminator};
use crate::uploads::{UploadState, Uploads};

#[tokio::test]
async fn the_uploads_of_one_user_are_listed_in_pages() {
    let scene = Scene::new();
    for id in ["alice/1", "alice/2", "bob/1"] {
        scene.upload(id, "").await;
    }
    let request = ListRequest::default().prefix("alice/").limit(1);
    let page = scene.uploads.list(&request).await.unwrap();
    assert_eq!(page.uploads[0].id.as_str(), "alice/1");
    let request = request.after(page.next.unwrap());
    let page = scene.uploads.list(&request).await.unwrap();
    assert_eq!(page.uploads[0].id.as_str(), "alice/2");
}

#[tokio::test]
async fn an_upload_is_shown_with_its_state_and_whether_it_is_held() {
    let scene = Scene::new();
    let id = scene.upload("a", "he").await;
    let shown = scene.uploads.show(&id).await.unwrap();
    assert_eq!(
        (shown.state, shown.is_held),
        (UploadState::Receiving, false)
    );
    assert_eq!(shown.upload.offset.get(), 2);
    assert_eq!(shown.upload.created, Some(scene.clock.now()));

    let interrupt = Interrupt::default();
    let guard = scene.locker.acquire(&id, interrupt.clone(), Duration::MAX);
    let guard = guard.await.unwrap();
    assert!(scene.uploads.show(&id).await.unwrap().is_held);
    assert!(interrupt.cause().is_none(), "nobody is interrupted");
    guard.release().await;

    let complete = scene.upload("b", "hello").await;
    let state = async |id| scene.uploads.show(id).await.unwrap().state;
    assert_eq!(state(&complete).await, UploadState::Complete);
    for (finishing, expected) in [
        (FinishState::Done, UploadState::Finished),
        (FinishState::Failed, UploadState::Failed),
    ] {
        let mut handle = scene.store.open(&complete).await.unwrap();
        handle.record(finishing).await.unwrap();
        assert_eq!(state(&complete).await, expected);
    }
    let missing = UploadId::random();
    let shown = scene.uploads.show(&missing).await;
    assert!(matches!(shown, Err(Error::NotFound)));
}

#[tokio::test]
async fn an_upload_is_removed_although_clients_may_not_and_its_holder_is_asked_to_let_go() {
    let scene = Scene::new();
    let id = scene.upload("a", "he").await;
    let mut events = scene.uploads.events();
    let interrupt = Interrupt::default();
    let guard = scene.locker.acquire(&id, interrupt.clone(), Duration::MAX);
    let guard = guard.await.unwrap();
    let removing = tokio::spawn({
        let (uploads, id) = (scene.uploads.clone(), id.clone());
        async move { uploads.remove(&id).await }
    });
    assert!(matches!(interrupt.fired().await, Error::Interrupted));
    assert!(scene.stored(&id).await.is_some());
    guard.release().await;

    let removed = removing.await.unwrap().unwrap();
    assert_eq!(removed.offset.get(), 2);
    assert!(scene.stored(&id).await.is_none());
    assert_eq!(next(&mut events).await, "terminated a");
    assert!(!scene.locker.is_held(&id).await.unwrap());
    let again = scene.uploads.remove(&id).await;
    assert!(matches!(again, Err(Error::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn a_removal_gives_up_if_the_holder_keeps_the_lock() {
    let scene = Scene::new();
    let id = scene.upload("a", "he").await;
    let guard = scene
        .locker
        .acquire(&id, Interrupt::default(), Duration::MAX);
    let guard = guard.await.unwrap();
    let removed = scene.uploads.remove(&id).await;
    assert!(matches!(removed, Err(Error::LockTimeout)));
    assert!(scene.stored(&id).await.is_some());

    let removing = scene.uploads.remove(&id);
    scene.shutdown.begin();
    assert!(matches!(removing.await, Err(Error::Shutdown)));
    guard.release().await;
}

#[tokio::test]
async fn an_upload_is_removed_on_a_condition_that_is_asked_under_its_lock() {
    let scene = Scene::new();
    let id = scene.upload("a", "he").await;
    let mut events = scene.uploads.events();
    let kept = scene.uploads.remove_if(&id, async |_| Ok(false)).await;
    assert!(kept.unwrap().is_none() && scene.stored(&id).await.is_some());
    let failed = scene
        .uploads
        .remove_if(&id, async |_| Err(Error::UploadFailed))
        .await;
    assert!(matches!(failed, Err(Error::UploadFailed)));
    assert!(scene.stored(&id).await.is_some());

    let locker = scene.locker.clone();
    let is_locked = async move |upload: Upload| {
        assert_eq!(upload.offset.get(), 2);
        locker.is_held(&upload.id).await
    };
    let removed = scene.uploads.remove_if(&id, is_locked).await.unwrap();
    assert_eq!(removed.unwrap().id, id);
    assert!(scene.stored(&id).await.is_none());
    assert_eq!(next(&mut events).await, "terminated a");
    let again = scene.uploads.remove_if(&id, async |_| Ok(true)).await;
    assert!(matches!(again, Err(Error::NotFound)));
    assert_eq!(scene.locker.len(), 0);
}

#[tokio::test]
async fn an_upload_that_is_held_is_not_removed_on_a_condition_and_nobody_is_interrupted() {
    let scene = Scene::new();
    let id = scene.upload("a", "he").await;
    let interrupt = Interrupt::default();
    let guard = scene.locker.acquire(&id, interrupt.clone(), Duration::MAX);
    let guard = guard.await.unwrap();
    let asked = async |_| panic!("it was asked without the lock");
    let kept = scene.uploads.remove_if(&id, asked).await;
    assert!(kept.unwrap().is_none() && scene.stored(&id).await.is_some());
    assert!(interrupt.cause().is_none());
    guard.release().await;
}

/// A store that removes only what it is let, and lists nothing.
#[derive(Debug)]
struct Slow {
    store: MemoryStore,
    begun: Arc<Notify>,
    may_remove: Arc<Semaphore>,
}

#[async_trait]
impl Store for Slow {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.store.create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        match id.as_str() {
            "moved" => Err(Error::NotFound),
            _ => self.store.open(id).await,
        }
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        Some(self)
    }
}

#[async_trait]
impl Terminator for Slow {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        self.begun.notify_one();
        self.may_remove.acquire().await.unwrap().forget();
        self.store.terminator().unwrap().terminate(id).await
    }

    async fn remains(&self, id: &UploadId) -> Result<Upload, Error> {
        Ok(Upload::new(id.clone()))
    }
}

#[tokio::test]
async fn a_removal_that_has_begun_goes_on_when_it_is_dropped_and_a_shutdown_waits_for_it() {
    goes_on(async |uploads, id| uploads.remove(&id).await.map(drop)).await;
    goes_on(async |uploads, id| uploads.remove_if(&id, async |_| Ok(true)).await.map(drop)).await;
}

async fn goes_on<F>(remove: impl FnOnce(Uploads, UploadId) -> F)
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (begun, may_remove) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let scene = Scene::over(|store| Slow {
        store,
        begun: Arc::clone(&begun),
        may_remove: Arc::clone(&may_remove),
    });
    let id = scene.upload("a", "he").await;
    let removing = tokio::spawn(remove(scene.uploads.clone(), id.clone()));
    begun.notified().await;
    removing.abort();
    assert!(removing.await.unwrap_err().is_cancelled());
    scene.shutdown.begin();
    let drained = tokio::spawn({
        let shutdown = scene.shutdown.clone();
        async move { shutdown.drained().await }
    });
    assert!(scene.locker.is_held(&id).await.unwrap());
    assert!(!drained.is_finished());
    may_remove.add_permits(1);
    drained.await.unwrap();
    assert!(scene.stored(&id).await.is_none());
    assert!(!scene.locker.is_held(&id).await.unwrap());
}

#[tokio::test]
async fn what_is_left_of_an_upload_whose_bytes_are_gone_is_removed() {
    let scene = Scene::over(|store| Slow {
        store,
        begun: Arc::default(),
        may_remove: Arc::new(Semaphore::new(1)),
    });
    let id = scene.upload("moved", "").await;
    assert!(matches!(
        scene.uploads.show(&id).await,
        Err(Error::NotFound)
    ));
    scene.uploads.remove(&id).await.unwrap();
    assert!(scene.stored(&id).await.is_none());
}

/// A store without capabilities.
#[derive(Debug)]
struct Bare(MemoryStore);

#[async_trait]
impl Store for Bare {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.0.create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        self.0.open(id).await
    }
}

#[tokio::test]
async fn what_a_store_cannot_do_is_said() {
    let scene = Scene::over(Bare);
    let id = scene.upload("a", "he").await;
    let list = scene.uploads.list(&ListRequest::default()).await;
    assert!(matches!(list, Err(Error::NotImplemented)));
    let removed = scene.uploads.remove(&id).await;
    assert!(matches!(removed, Err(Error::NotImplemented)));
    let removed = scene.uploads.remove_if(&id, async |_| Ok(true)).await;
    assert!(matches!(removed, Err(Error::NotImplemented)));
    let finished = scene.uploads.finish_pending().await;
    assert!(matches!(finished, Err(Error::NotImplemented)));
    assert!(scene.uploads.show(&id).await.is_ok());
}
