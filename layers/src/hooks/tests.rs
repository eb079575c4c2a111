//! Which hooks are called, and how their replies are applied.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::{mpsc, oneshot};
use tower::{Layer, ServiceExt};

use super::HooksLayer;
use crate::context::{Derived, Rollback, context};
use crate::hooks::{Event, HookKind, HookKinds, Hooks, Reply};
use crate::protocol::{
    Body, BoxError, Disconnect, Error, FinishState, Interrupt, Length, Offset, Outcome,
    ResponseOverride, Shutdown, UploadId,
};
use crate::service::Core;
use crate::store::{MemoryStore, Store, WriteMode};

mod answers;
mod closures;
mod failures;
mod places;
mod stops;

/// Hooks that record their events, and give prepared replies.
#[derive(Clone, Debug, Default)]
struct Recorder {
    heard: Arc<Mutex<Vec<String>>>,
    replies: Arc<Mutex<Vec<(HookKind, Result<Reply, &'static str>)>>>,
}

impl Recorder {
    /// Prepares the reply to the next event of `kind`.
    fn reply(self, kind: HookKind, reply: Result<Reply, &'static str>) -> Self {
        self.replies.lock().unwrap().push((kind, reply));
        self
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

#[async_trait]
impl Hooks for Recorder {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        let heard = format!("{} {}", event.kind, event.upload.offset);
        self.heard.lock().unwrap().push(heard);
        let mut replies = self.replies.lock().unwrap();
        let reply = replies.iter().position(|(kind, _)| *kind == event.kind);
        reply.map_or(Ok(Reply::accept()), |at| Ok(replies.remove(at).1?))
    }

    fn kinds(&self) -> HookKinds {
        HookKinds::ALL
    }
}

struct Scene {
    layer: HooksLayer,
    store: MemoryStore,
    shutdown: Shutdown,
}

impl Scene {
    fn new(hooks: impl Hooks) -> Self {
        let shutdown = Shutdown::default();
        Self {
            layer: HooksLayer::new(hooks).shutdown(shutdown.clone()),
            store: MemoryStore::default(),
            shutdown,
        }
    }

    /// Sends a request, and waits until all its events were delivered.
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let service = self.layer.layer(Core::new(self.store.clone()));
        let response = service.oneshot(request).await.unwrap();
        self.shutdown.drained().await;
        response
    }

    async fn create(&self, length: u64) -> Response<Body> {
        let request = Request::post("/").header("Upload-Length", length);
        self.send(request.body(Body::default()).unwrap()).await
    }

    async fn append(&self, location: &str, offset: u64, body: Body) -> Response<Body> {
        self.send(append(location, offset).body(body).unwrap())
            .await
    }
}

fn append(location: &str, offset: u64) -> http::request::Builder {
    Request::patch(location)
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", offset)
}

fn location(response: &Response<Body>) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

fn error(response: &Response<Body>) -> &'static str {
    response.extensions().get::<Error>().unwrap().code()
}

fn changed(text: &'static str) -> ResponseOverride {
    ResponseOverride::default()
        .with_body(text)
        .with_header("x-hook".parse().unwrap(), HeaderValue::from_static(text))
}

#[tokio::test]
async fn an_upload_is_told_of_from_its_beginning_to_its_end() {
    let hooks = Recorder::default();
    let scene = Scene::new(hooks.clone());
    let url = location(&scene.create(11).await);
    assert_eq!(hooks.heard(), ["pre-create 0", "post-create 0"]);

    scene.append(&url, 0, "hello".into()).await;
    assert_eq!(hooks.heard(), ["post-receive 5"]);

    scene.append(&url, 5, " world".into()).await;
    let expected = ["pre-finish 11", "post-receive 11", "post-finish 11"];
    assert_eq!(hooks.heard(), expected);

    let delete = Request::delete(&url).body(Body::default()).unwrap();
    scene.send(delete).await;
    assert_eq!(hooks.heard(), ["pre-terminate 11", "post-terminate 11"]);
}

#[tokio::test]
async fn only_what_is_wanted_is_told() {
    let hooks = Recorder::default();
    let mut scene = Scene::new(hooks.clone());
    scene.layer = scene
        .layer
        .kinds([HookKind::PostFinish].into_iter().collect());
    scene.create(0).await;
    assert_eq!(hooks.heard(), ["post-finish 0"]);
}

#[tokio::test]
async fn a_rejected_creation_makes_nothing() {
    let reply = Reply::reject().with_response(changed("no"));
    let hooks = Recorder::default().reply(HookKind::PreCreate, Ok(reply));
    let scene = Scene::new(hooks.clone());
    let response = scene.create(5).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(error(&response), "ERR_UPLOAD_REJECTED");
    assert_eq!(response.headers()["x-hook"], "no");
    assert_eq!(hooks.heard(), ["pre-create 0"]);
}

#[tokio::test]
async fn a_creation_is_what_its_hook_makes_of_it() {
    let mut reply = Reply::accept();
    reply.id = Some("alice/one".parse().unwrap());
    reply.metadata = Some(crate::protocol::Metadata::from_pairs([("a", "b")]).unwrap());
    let scene = Scene::new(Recorder::default().reply(HookKind::PreCreate, Ok(reply)));
    assert_eq!(location(&scene.create(5).await), "/alice/one");
    let handle = scene
        .store
        .open(&"alice/one".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(handle.info().metadata.get("a"), Some(&b"b"[..]));
}

#[tokio::test]
async fn no_error_is_made_to_look_like_success() {
    let reply = || Ok(Reply::accept().with_response(changed("fine")));
    let hooks = Recorder::default()
        .reply(HookKind::PreCreate, reply())
        .reply(HookKind::PreCreate, reply())
        .reply(HookKind::PreFinish, Err("not yet"));
    let scene = Scene::new(hooks.clone());
    let response = scene.create(5).await;
    assert_eq!(response.headers()["x-hook"], "fine");
    // Its creation also finishes it, which fails.
    let response = scene.create(0).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.headers().contains_key("x-hook"));
}

#[tokio::test]
async fn a_rejected_end_is_asked_for_again() {
    let reply = Reply::reject().with_response(changed("not yet"));
    let hooks = Recorder::default().reply(HookKind::PreFinish, Ok(reply));
    let scene = Scene::new(hooks.clone());
    let url = location(&scene.create(5).await);
    let response = scene.append(&url, 0, "hello".into()).await;
    assert_eq!(error(&response), "ERR_UPLOAD_REJECTED");
    assert_eq!(response.headers()["x-hook"], "not yet");
    let head = Request::head(&url).body(Body::default()).unwrap();
    assert_eq!(scene.send(head).await.headers()["upload-offset"], "5");
}

#[tokio::test]
async fn a_hook_that_fails_before_a_creation_makes_nothing() {
    let hooks = Recorder::default().reply(HookKind::PreCreate, Err("a secret"));
    let response = Scene::new(hooks).create(5).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.headers().contains_key("location"));
    let error = response.extensions().get::<Error>().unwrap();
    assert_eq!(error.to_string(), "internal server error");
}

#[tokio::test]
async fn an_upload_is_finished_when_its_hook_says_so() {
    let hooks = Recorder::default()
        .reply(HookKind::PreFinish, Err("not yet"))
        .reply(HookKind::PreFinish, Err("not yet"));
    let scene = Scene::new(hooks.clone());
    let url = location(&scene.create(5).await);
    hooks.heard();

    let response = scene.append(&url, 0, "hello".into()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let head = || Request::head(&url).body(Body::default()).unwrap();
    let response = scene.send(head()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.headers().contains_key("upload-offset"));
    let handle = scene.store.open(&url[1..].parse().unwrap()).await.unwrap();
    // A failure does not count as a decision of the hook.
    let pending = FinishState::Pending { attempts: 0 };
    assert_eq!(handle.info().finishing, Some(pending));

    let response = scene.send(head()).await;
    assert_eq!(response.headers()["upload-offset"], "5");
    let expected = [
        "pre-finish 5",
        "post-receive 5",
        "pre-finish 5",
        "pre-finish 5",
        "post-finish 5",
    ];
    assert_eq!(hooks.heard(), expected);
    scene.send(head()).await;
    assert!(hooks.heard().is_empty(), "it is finished once");
}

#[tokio::test]
async fn a_client_may_not_end_what_a_hook_protects() {
    let reply = Reply::reject().with_response(changed("kept"));
    let hooks = Recorder::default().reply(HookKind::PreTerminate, Ok(reply));
    let scene = Scene::new(hooks.clone());
    let url = location(&scene.create(5).await);
    let delete = || Request::delete(&url);
    let response = scene.send(delete().body(Body::default()).unwrap()).await;
    assert_eq!(error(&response), "ERR_UPLOAD_TERMINATION_REJECTED");
    assert_eq!(response.headers()["x-hook"], "kept");
    assert!(scene.store.bytes(&url[1..].parse().unwrap()).is_some());

    hooks.heard();
    let id = url[1..].parse().unwrap();
    let (parts, ()) = delete().body(()).unwrap().into_parts();
    let discard = Derived::Rollback(id, Rollback::Always).of(parts);
    let discard = Request::from_parts(discard, Body::default());
    scene.send(discard).await;
    assert_eq!(hooks.heard(), ["post-terminate 0"], "no hook is called");
}

#[tokio::test]
async fn an_upload_that_has_expired_is_told_as_that_and_nobody_is_asked() {
    for (kinds, heard) in [
        (HookKinds::ALL, &["post-expire 5"][..]),
        (HookKinds::default(), &[]),
    ] {
        let reply = Ok(Reply::reject());
        let hooks = Recorder::default().reply(HookKind::PreTerminate, reply);
        let mut scene = Scene::new(hooks.clone());
        scene.layer = scene.layer.kinds(kinds);
        let url = location(&scene.create(11).await);
        scene.append(&url, 0, "hello".into()).await;
        hooks.heard();
        let id: UploadId = url[1..].parse().unwrap();
        let (parts, ()) = Request::delete(&url).body(()).unwrap().into_parts();
        let removal = Derived::Rollback(id.clone(), Rollback::Expired).of(parts);
        let removal = Request::from_parts(removal, Body::default());
        scene.send(removal).await;
        assert_eq!(hooks.heard(), heard);
        assert!(scene.store.bytes(&id).is_none());
    }
}

/// A body that yields what is sent, and ends when interrupted.
fn endless(interrupt: &Interrupt) -> (mpsc::UnboundedSender<&'static str>, Body) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let interrupt = interrupt.clone();
    let frames = futures_util::stream::poll_fn(move |cx| {
        if let std::task::Poll::Ready(error) = interrupt.poll_fired(cx) {
            return std::task::Poll::Ready(Some(Err(error)));
        }
        receiver.poll_recv(cx).map(|text| text.map(Ok))
    });
    let frames = frames.map(|text| text.map(|text: &str| Frame::data(Bytes::from(text))));
    (sender, Body::new(StreamBody::new(frames)))
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_stopped_is_removed() {
    let reply = Reply::stop().with_response(changed("too much"));
    let hooks = Recorder::default().reply(HookKind::PostReceive, Ok(reply));
    let scene = Scene::new(hooks.clone());
    let url = location(&scene.create(11).await);
    hooks.heard();

    let interrupt = Interrupt::default();
    let (sender, body) = endless(&interrupt);
    sender.send("hello").unwrap();
    let request = append(&url, 0)
        .extension(context(|it| it.set_interrupt(interrupt)))
        .body(body)
        .unwrap();
    let response = scene.send(request).await;
    assert_eq!(error(&response), "ERR_UPLOAD_STOPPED");
    assert_eq!(response.headers()["x-hook"], "too much");
    let outcome = response.extensions().get::<Outcome>().unwrap();
    assert!(outcome.terminated && outcome.received == 5);
    assert_eq!(hooks.heard(), ["post-receive 5", "post-terminate 5"]);
    assert!(scene.store.bytes(&url[1..].parse().unwrap()).is_none());
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_when_there_is_some() {
    let hooks = Recorder::default();
    let mut scene = Scene::new(hooks.clone());
    scene.layer = scene.layer.progress_interval(Duration::from_secs(10));
    let url = location(&scene.create(100).await);
    hooks.heard();

    let (sender, body) = endless(&Interrupt::default());
    let client = tokio::spawn(async move {
        for text in ["hello", " ", "", "", "world"] {
            sender.send(text).unwrap();
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    });
    scene.append(&url, 0, body).await;
    client.await.unwrap();
    let expected = ["post-receive 5", "post-receive 6", "post-receive 11"];
    assert_eq!(hooks.heard(), expected);
}

#[tokio::test(start_paused = true)]
async fn of_a_chunk_that_may_be_taken_back_nothing_is_told_before_its_end() {
    let hooks = Recorder::default();
    let scene = Scene::new(hooks.clone());
    let url = location(&scene.create(100).await);
    hooks.heard();
    let (sender, body) = endless(&Interrupt::default());
    let client = tokio::spawn(slowly(sender));
    let request = append(&url, 0).extension(context(|it| it.set_write_mode(WriteMode::Atomic)));
    scene.send(request.body(body).unwrap()).await;
    client.await.unwrap();
    assert_eq!(hooks.heard(), ["post-receive 2"]);
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_whatever_headers_announce() {
    let hooks = Recorder::default();
    let scene = Scene::new(hooks.clone());
    let url = location(&scene.create(100).await);
    hooks.heard();
    let (sender, body) = endless(&Interrupt::default());
    let client = tokio::spawn(slowly(sender));
    let request = append(&url, 0).header("Trailer", "X-Other");
    scene.send(request.body(body).unwrap()).await;
    client.await.unwrap();
    assert_eq!(hooks.heard(), ["post-receive 1", "post-receive 2"]);
}

#[tokio::test(start_paused = true)]
async fn def_03_progress_has_the_length_that_its_request_declares() {
    let lengths = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lengths);
    let hooks = crate::hooks::Callbacks::new().post_receive(move |event| {
        let upload = &event.upload;
        heard.lock().unwrap().push((upload.offset, upload.length));
        async {}
    });
    let scene = Scene::new(hooks);
    let deferred = Request::post("/").header("Upload-Defer-Length", 1);
    let deferred = deferred.body(Body::default()).unwrap();
    let url = location(&scene.send(deferred).await);
    scene.append(&url, 0, "hello".into()).await;

    let (sender, body) = endless(&Interrupt::default());
    let client = tokio::spawn(slowly(sender));
    let request = append(&url, 5).header("Upload-Length", 100);
    scene.send(request.body(body).unwrap()).await;
    client.await.unwrap();
    let expected = [(5, None), (6, Some(100)), (7, Some(100))]
        .map(|(offset, length)| (Offset::from(offset), length.map(Length::from)));
    assert_eq!(*lengths.lock().unwrap(), expected);
}

async fn slowly(sender: mpsc::UnboundedSender<&'static str>) {
    for text in ["a", "b"] {
        sender.send(text).unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}

/// Hooks that block until the test lets them go on.
#[derive(Debug)]
struct Slow {
    heard: Recorder,
    go: tokio::sync::Mutex<Option<oneshot::Receiver<()>>>,
}

#[async_trait]
impl Hooks for Slow {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        if let Some(go) = self.go.lock().await.take() {
            go.await?;
        }
        self.heard.call(event).await
    }

    fn kinds(&self) -> HookKinds {
        let posts = [
            HookKind::PostCreate,
            HookKind::PostReceive,
            HookKind::PostFinish,
        ];
        posts.into_iter().collect()
    }
}

#[tokio::test]
async fn what_waits_for_a_slow_hook_keeps_its_order() {
    let (go, wait) = oneshot::channel();
    let heard = Recorder::default();
    let scene = Scene::new(Slow {
        heard: heard.clone(),
        go: Some(wait).into(),
    });
    let service = scene.layer.layer(Core::new(scene.store.clone()));
    let send = |request| service.clone().oneshot(request);
    let create = Request::post("/").header("Upload-Length", "3");
    let created = send(create.body(Body::default()).unwrap()).await.unwrap();
    let url = location(&created);
    for offset in 0..3 {
        let request = append(&url, offset).body("x".into()).unwrap();
        let response = send(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
    assert!(heard.heard().is_empty());
    go.send(()).unwrap();
    scene.shutdown.drained().await;
    let expected = ["post-create 0", "post-receive 3", "post-finish 3"];
    assert_eq!(heard.heard(), expected);
}

#[tokio::test]
async fn events_that_wait_for_a_slow_hook_are_bounded_in_memory() {
    let (go, wait) = oneshot::channel();
    let heard = Recorder::default();
    let scene = Scene::new(Slow {
        heard: heard.clone(),
        go: Some(wait).into(),
    });
    let service = scene.layer.layer(Core::new(scene.store.clone()));
    let create = async |large: &str| {
        let create = Request::post("/").header("Upload-Length", "3");
        let create = create.header("X-Large", large).body(Body::default());
        service.clone().oneshot(create.unwrap()).await.unwrap()
    };
    let large = "x".repeat(1 << 20);
    for _ in 0..60 {
        assert_eq!(create(&large).await.status(), StatusCode::CREATED);
    }
    // A small event fits into the remaining memory.
    create("").await;
    go.send(()).unwrap();
    scene.shutdown.begin();
    scene.shutdown.drained().await;
    assert_eq!(
        heard.heard().len(),
        31 + 1,
        "of 1 MiB each, and 32 MiB in all"
    );
}

/// Hooks that never reply, and signal when they are called and dropped.
#[derive(Debug)]
struct Silent {
    asked: mpsc::UnboundedSender<()>,
    given_up: mpsc::UnboundedSender<()>,
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
    }
}

struct GivenUp(mpsc::UnboundedSender<()>);

#[async_trait]
impl Hooks for Silent {
    async fn call(&self, _: &Event) -> Result<Reply, BoxError> {
        let _given_up = GivenUp(self.given_up.clone());
        self.asked.send(())?;
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_question_whose_client_has_gone_is_given_up_and_nothing_is_made() {
    let (asked, mut questions) = mpsc::unbounded_channel();
    let (given_up, mut ends) = mpsc::unbounded_channel();
    let scene = Scene::new(Silent { asked, given_up });
    let departure = Disconnect::default();
    let request = Request::post("/").header("Upload-Length", "0");
    let told = context(|it| it.set_disconnect(departure.clone()));
    let request = request.extension(told.clone());
    let client = async {
        questions.recv().await.unwrap();
        departure.report();
        ends.recv().await.unwrap();
    };
    let request = scene.send(request.body(Body::default()).unwrap());
    let (response, ()) = tokio::join!(request, client);
    assert_eq!(error(&response), "ERR_UNEXPECTED_EOF");
    assert!(
        !response
            .extensions()
            .get::<Outcome>()
            .is_some_and(|it| it.created)
    );

    // If the client has already disconnected, the hook is not called.
    let request = Request::post("/").header("Upload-Length", "0");
    let request = request.extension(told).body(Body::default());
    scene.send(request.unwrap()).await;
    assert!(questions.try_recv().is_err());
}

#[tokio::test]
async fn hooks_that_are_busy_answer_so() {
    #[derive(Debug)]
    struct Busy;

    #[async_trait]
    impl Hooks for Busy {
        async fn call(&self, _: &Event) -> Result<Reply, BoxError> {
            Err(Error::HooksBusy.into())
        }
    }

    let scene = Scene::new(Busy);
    let service = scene.layer.layer(Core::new(scene.store.clone()));
    let create = Request::post("/").header("Upload-Length", "5");
    let response = service.oneshot(create.body(Body::default()).unwrap()).await;
    let response = response.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(error(&response), "ERR_HOOKS_BUSY");
    assert!(response.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn hooks_are_told_the_whole_uri() {
    let uris = Arc::new(Mutex::new(Vec::new()));
    let hooks = crate::hooks::Callbacks::new().pre_create({
        let uris = Arc::clone(&uris);
        move |event| {
            uris.lock().unwrap().push(event.uri().to_string());
            async { Reply::accept() }
        }
    });
    let mut scene = Scene::new(hooks);
    scene.layer = scene.layer.base_path("/files/");
    let target = crate::protocol::Target::Collection;
    for uri in ["/files/?a=b", "/files", "/?a=b", "/", "http://tus/?a=b"] {
        let request = Request::post(uri).header("Upload-Length", "5");
        let request = request
            .extension(context(|it| it.set_target(target.clone())))
            .body(Body::default());
        scene.send(request.unwrap()).await;
    }
    for (prefix, uri) in [("/api", "/files/?a=b"), ("/api/files", "/?a=b")] {
        let set = context(|it| {
            it.set_stripped_prefix(prefix);
            it.set_target(target.clone());
        });
        let request = Request::post(uri)
            .header("Upload-Length", "5")
            .extension(set);
        scene.send(request.body(Body::default()).unwrap()).await;
    }
    let uris = uris.lock().unwrap();
    let expected = [
        "/files/?a=b",
        "/files",
        "/files/?a=b",
        "/files/",
        "http://tus/files/?a=b",
        "/api/files/?a=b",
        "/api/files/?a=b",
    ];
    assert_eq!(*uris, expected);
}
