//! The handle on the uploads of a stack.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::StatusCode;
use tempfile::TempDir;
use tower_tus::{
    BoxError, Clock, Error, Event, Expiration, FileStore, HookKind, HookKinds, Hooks, ListRequest,
    Reply, Shutdown, Stack, TusService, UploadEvent, UploadId, UploadState, Uploads, async_trait,
};

use crate::{append, code, creation, location, request, send};

/// Hooks that record their events, and reply to one kind as told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) heard: Arc<Mutex<Vec<String>>>,
    replies: Arc<Mutex<Option<(HookKind, Result<Reply, &'static str>)>>>,
}

#[async_trait]
impl Hooks for Recorder {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        let (method, uri) = (&event.request.method, &event.request.uri);
        let heard = format!("{} {method} {uri}", event.kind);
        self.heard.lock().unwrap().push(heard);
        match &*self.replies.lock().unwrap() {
            Some((kind, reply)) if *kind == event.kind => Ok(reply.clone()?),
            _ => Ok(Reply::accept()),
        }
    }

    fn kinds(&self) -> HookKinds {
        HookKinds::ALL
    }
}

struct Scene {
    home: TempDir,
    hooks: Recorder,
    shutdown: Shutdown,
    service: TusService,
    uploads: Uploads,
}

impl Scene {
    fn new(set: impl FnOnce(Stack) -> Stack) -> Self {
        Self::within(TempDir::new().unwrap(), set)
    }

    /// Builds the stack over a directory that may have uploads.
    fn within(home: TempDir, set: impl FnOnce(Stack) -> Stack) -> Self {
        let (hooks, shutdown) = (Recorder::default(), Shutdown::default());
        let stack = Stack::new(FileStore::new(home.path()))
            .hooks(hooks.clone())
            .shutdown(shutdown.clone());
        let (service, uploads) = set(stack).into_service_and_uploads();
        Self {
            home,
            hooks,
            shutdown,
            service,
            uploads,
        }
    }

    async fn create(&self) -> (String, UploadId) {
        let url = location(&send(&self.service, creation(), "").await);
        let id = url.strip_prefix("/files/").unwrap().parse().unwrap();
        (url, id)
    }

    /// Returns what hooks have heard, once all of it was delivered.
    async fn heard(&self) -> Vec<String> {
        self.shutdown.drained().await;
        std::mem::take(&mut self.hooks.heard.lock().unwrap())
    }

    fn has(&self, name: &str) -> bool {
        self.home.path().join(name).exists()
    }
}

fn names(dir: &Path) -> usize {
    dir.read_dir().unwrap().count()
}

#[tokio::test]
async fn hooks_hear_of_a_removal_like_that_of_a_client_but_are_not_asked() {
    let scene = Scene::new(Stack::without_termination);
    let (url, id) = scene.create().await;
    scene.heard().await;
    let delete = request(http::Method::DELETE, &url);
    let refused = send(&scene.service, delete, "").await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);

    let removed = scene.uploads.remove(&id).await.unwrap();
    assert_eq!(removed.id, id);
    let expected = [format!("post-terminate DELETE {url}")];
    assert_eq!(scene.heard().await, expected);
    assert_eq!(names(scene.home.path()), 0);
}

#[tokio::test]
async fn the_rest_of_an_upload_whose_file_was_moved_away_is_removed() {
    let scene = Scene::new(|stack| stack);
    let (_, id) = scene.create().await;
    std::fs::remove_file(scene.home.path().join(id.as_str())).unwrap();
    assert!(scene.has(&format!("{id}.info")));
    let shown = scene.uploads.show(&id).await;
    assert!(matches!(shown, Err(Error::NotFound)));
    scene.uploads.remove(&id).await.unwrap();
    assert!(!scene.has(&format!("{id}.info")));
}

#[tokio::test]
async fn what_is_left_complete_is_finished_by_the_next_process_without_a_client() {
    let scene = Scene::new(|stack| stack);
    *scene.hooks.replies.lock().unwrap() = Some((HookKind::PreFinish, Err("down")));
    let (url, id) = scene.create().await;
    let appended = send(&scene.service, append(&url), "hello").await;
    assert_eq!(appended.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let Scene { home, .. } = scene;

    let scene = Scene::within(home, |stack| stack);
    let shown = scene.uploads.show(&id).await.unwrap();
    assert_eq!(shown.state, UploadState::Complete);
    let report = scene.uploads.finish_pending().await.unwrap();
    assert_eq!((report.finished, report.unfinished, report.held), (1, 0, 0));
    let list = scene.uploads.list(&ListRequest::default()).await.unwrap();
    assert!(list.uploads[0].is_finished());
    let expected = ["pre-finish", "post-finish"].map(|kind| format!("{kind} HEAD {url}"));
    assert_eq!(scene.heard().await, expected);
}

#[tokio::test]
async fn an_upload_that_has_expired_is_removed_and_the_service_remembers_it() {
    let later = || SystemTime::now() + Duration::from_secs(7200);
    let expiration = Expiration::after(Duration::from_secs(3600)).clock(Clock::from_fn(later));
    let scene = Scene::new(|stack| stack.expiration(expiration));
    let (url, id) = scene.create().await;
    scene.heard().await;
    let report = scene.uploads.expire().await.unwrap();
    assert_eq!((report.expired, report.failed), (1, 0));
    assert!(!scene.has(id.as_str()) && !scene.has(&format!("{id}.info")));
    assert_eq!(scene.heard().await, [format!("post-expire DELETE {url}")]);
    let gone = send(&scene.service, request(http::Method::HEAD, &url), "").await;
    assert_eq!(code(&gone), "ERR_UPLOAD_EXPIRED");
}

#[tokio::test]
async fn a_subscriber_hears_that_a_hook_has_removed_an_upload_after_its_request() {
    let scene = Scene::new(|stack| stack);
    let mut events = scene.uploads.events();
    *scene.hooks.replies.lock().unwrap() = Some((HookKind::PostCreate, Ok(Reply::stop())));
    let (_, id) = scene.create().await;
    let created = events.next().await.unwrap();
    assert!(matches!(created, UploadEvent::Created(it) if it.id == id));
    let removed = events.next().await.unwrap();
    assert!(matches!(removed, UploadEvent::Terminated(it) if it.id == id));
}
