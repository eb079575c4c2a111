//! A quota that makes room through the stack around it.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, StatusCode};
use tower_tus::store::limited::{Evict, Limited};
use tower_tus::{
    Error, Gate, MemoryStore, NewUpload, Shutdown, Stack, TusService, UploadEvent, Uploads,
    async_trait,
};

use crate::uploads::Recorder;
use crate::{append, channel, creation, location, request, send};

/// Gives a new upload the id that its client asks for.
#[derive(Debug)]
struct Named;

#[async_trait]
impl Gate for Named {
    async fn creating(&self, request: &Parts, new: &mut NewUpload) -> Result<(), Error> {
        if let Some(id) = request.headers.get("X-Id") {
            new.id = id.to_str().unwrap().parse().unwrap();
        }
        Ok(())
    }
}

struct Scene {
    store: Limited,
    hooks: Recorder,
    shutdown: Shutdown,
    service: TusService,
    uploads: Arc<Uploads>,
}

impl Scene {
    /// A stack with room for 10 bytes, and for one upload that is written.
    fn new() -> Self {
        let store = Limited::new(MemoryStore::default()).total(10);
        let (hooks, shutdown) = (Recorder::default(), Shutdown::default());
        let (service, uploads) = Stack::new(store.clone())
            .hooks(hooks.clone())
            .add_gate(Named)
            .unfinished_concatenation()
            .max_open_uploads(1)
            .shutdown(shutdown.clone())
            .into_service_and_uploads();
        let uploads = Arc::new(uploads);
        store.evict_through(&uploads, Evict::OldestUnfinished);
        Self {
            store,
            hooks,
            shutdown,
            service,
            uploads,
        }
    }

    /// Creates an upload of 5 bytes.
    async fn create(&self) -> String {
        let created = send(&self.service, creation(), "").await;
        assert_eq!(created.status(), StatusCode::CREATED);
        location(&created)
    }

    /// Creates an upload with a deferred length.
    async fn defer(&self, id: &str) -> String {
        let post = request(Method::POST, "/files/");
        let post = post.header("Upload-Defer-Length", "1").header("X-Id", id);
        location(&send(&self.service, post, "").await)
    }

    async fn is_there(&self, url: &str) -> bool {
        let head = send(&self.service, request(Method::HEAD, url), "").await;
        head.status() == StatusCode::OK
    }

    /// Returns what hooks have heard, once all of it was delivered.
    async fn heard(&self) -> Vec<String> {
        self.shutdown.drained().await;
        std::mem::take(&mut self.hooks.heard.lock().unwrap())
    }
}

#[tokio::test]
async fn hooks_and_subscribers_hear_of_an_eviction_and_its_bytes_are_given_back_once() {
    let scene = Scene::new();
    let (old, young) = (scene.create().await, scene.create().await);
    scene.heard().await;
    let mut events = scene.uploads.events();
    let new = scene.create().await;
    let id = |url: &str| url.strip_prefix("/files/").unwrap().to_owned();
    match events.next().await {
        Some(UploadEvent::Terminated(upload)) => assert_eq!(upload.id.as_str(), id(&old)),
        other => panic!("{other:?}"),
    }
    match events.next().await {
        Some(UploadEvent::Created(upload)) => assert_eq!(upload.id.as_str(), id(&new)),
        other => panic!("{other:?}"),
    }
    let heard = scene.heard().await;
    let of_old: Vec<_> = heard.iter().filter(|it| it.contains(&id(&old))).collect();
    assert_eq!(of_old, [&format!("post-terminate DELETE {old}")]);
    assert!(!heard.iter().any(|it| it.contains("pre-terminate")));
    assert!(!scene.is_there(&old).await && scene.is_there(&young).await);
    assert_eq!(scene.store.usage().total, 10);
    assert_eq!(scene.store.count().await.unwrap().total, 10);
}

#[tokio::test]
async fn an_upload_that_is_being_written_makes_room_although_it_has_the_only_slot() {
    let scene = Scene::new();
    let old = scene.create().await;
    let url = scene.defer("deferred").await;
    let (frames, body) = channel();
    let writing = tokio::spawn({
        let (service, url) = (scene.service.clone(), url.clone());
        async move { send(&service, append(&url), body).await }
    });
    // Nobody else can write while it does.
    frames.send("12345").unwrap();
    while scene.store.usage().total < 10 {
        tokio::task::yield_now().await;
    }
    let other = send(&scene.service, append(&old), "hello").await;
    assert_eq!(other.status(), StatusCode::SERVICE_UNAVAILABLE);
    frames.send("67890").unwrap();
    drop(frames);
    assert_eq!(writing.await.unwrap().status(), StatusCode::NO_CONTENT);
    assert!(!scene.is_there(&old).await);
    assert_eq!(scene.store.usage().total, 10);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_has_the_id_of_a_former_final_can_make_room_by_a_part_of_it() {
    let scene = Scene::new();
    let partial = creation().header("Upload-Concat", "partial");
    let part = location(&send(&scene.service, partial, "").await);
    let whole = request(Method::POST, "/files/")
        .header("Upload-Concat", format!("final;{part}"))
        .header("X-Id", "whole");
    let whole = location(&send(&scene.service, whole, "").await);
    let deleted = send(&scene.service, request(Method::DELETE, &whole), "").await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);

    // The part still names the final whose lock the PATCH holds.
    assert_eq!(scene.defer("whole").await, whole);
    let begun = tokio::time::Instant::now();
    let written = send(&scene.service, append(&whole), "1234567890").await;
    assert_eq!(written.status(), StatusCode::NO_CONTENT);
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(!scene.is_there(&part).await);
}
