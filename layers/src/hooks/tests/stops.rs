//! The effect of a stop, at any time.

use tokio::sync::oneshot::Sender;

use super::*;
use crate::context::context;
use crate::lock::{Locker, MemoryLocker};
use crate::protocol::UploadId;

fn id(url: &str) -> UploadId {
    url[1..].parse().unwrap()
}

fn stops() -> Recorder {
    let reply = Reply::stop().with_response(changed("too much"));
    Recorder::default().reply(HookKind::PostReceive, Ok(reply))
}

#[tokio::test(start_paused = true)]
async fn a_stop_counts_whatever_headers_the_client_sends() {
    for (name, value) in [("Trailer", "anything"), ("Upload-Checksum", "sha1 Kg==")] {
        let scene = Scene::new(stops());
        let url = location(&scene.create(11).await);
        let interrupt = Interrupt::default();
        let (sender, body) = endless(&interrupt);
        sender.send("hello").unwrap();
        let request = append(&url, 0)
            .extension(context(|it| it.set_interrupt(interrupt)))
            .header(name, value);
        let response = scene.send(request.body(body).unwrap()).await;
        assert_eq!(error(&response), "ERR_UPLOAD_STOPPED", "{name}");
        assert!(scene.store.bytes(&id(&url)).is_none(), "{name}");
    }
}

#[tokio::test]
async fn a_stop_at_the_end_of_a_request_removes_the_unfinished_upload() {
    for keep in [WriteMode::Streaming, WriteMode::Atomic] {
        let hooks = stops();
        let scene = Scene::new(hooks.clone());
        let url = location(&scene.create(11).await);
        hooks.heard();
        let request = append(&url, 0).extension(context(|it| it.set_write_mode(keep)));
        let response = scene.send(request.body("hello".into()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert!(scene.store.bytes(&id(&url)).is_none());
        assert_eq!(hooks.heard(), ["post-receive 5", "post-terminate 5"]);
    }
}

#[tokio::test]
async fn an_upload_whose_finish_has_failed_is_stopped() {
    let hooks = stops().reply(HookKind::PreFinish, Err("not yet"));
    let scene = Scene::new(hooks.clone());
    let url = location(&scene.create(5).await);
    scene.append(&url, 0, "hello".into()).await;
    assert!(scene.store.bytes(&id(&url)).is_none());
}

#[tokio::test]
async fn a_finished_upload_is_not_stopped() {
    let hooks = stops();
    let scene = Scene::new(hooks.clone());
    let url = location(&scene.create(5).await);
    hooks.heard();
    scene.append(&url, 0, "hello".into()).await;
    assert_eq!(scene.store.bytes(&id(&url)).unwrap(), "hello");
    let expected = ["pre-finish 5", "post-receive 5", "post-finish 5"];
    assert_eq!(hooks.heard(), expected);
}

#[tokio::test]
async fn an_upload_is_stopped_as_soon_as_it_is_there() {
    let hooks = Recorder::default().reply(HookKind::PostCreate, Ok(Reply::stop()));
    let scene = Scene::new(hooks.clone());
    let url = location(&scene.create(5).await);
    assert!(scene.store.bytes(&id(&url)).is_none());
    assert_eq!(
        hooks.heard(),
        ["pre-create 0", "post-create 0", "post-terminate 0"]
    );
}

/// Stops the upload of its first event once the test lets it.
#[derive(Debug)]
struct Late(tokio::sync::Mutex<Option<oneshot::Receiver<()>>>);

#[async_trait]
impl Hooks for Late {
    async fn call(&self, _: &Event) -> Result<Reply, BoxError> {
        match self.0.lock().await.take() {
            Some(go) => go.await?,
            None => return Ok(Reply::accept()),
        }
        Ok(Reply::stop().with_response(changed("too much")))
    }

    fn kinds(&self) -> HookKinds {
        [HookKind::PostReceive].into_iter().collect()
    }
}

fn late() -> (Sender<()>, Late) {
    let (go, wait) = oneshot::channel();
    (go, Late(Some(wait).into()))
}

/// A body without bytes that signals its first poll, and ends when interrupted.
fn silent(interrupt: &Interrupt) -> (oneshot::Receiver<()>, Body) {
    let (sender, receiving) = oneshot::channel();
    let (interrupt, mut sender) = (interrupt.clone(), Some(sender));
    let frames = futures_util::stream::poll_fn(move |cx| {
        if let Some(sender) = sender.take() {
            sender.send(()).unwrap();
        }
        interrupt.poll_fired(cx).map(|error| Some(Err(error)))
    });
    let frames = frames.map(|text| text.map(|text: &str| Frame::data(Bytes::from(text))));
    (receiving, Body::new(StreamBody::new(frames)))
}

#[tokio::test]
async fn a_stop_that_was_told_of_an_earlier_chunk_ends_the_next_one() {
    for keep in [WriteMode::Streaming, WriteMode::Atomic] {
        let (go, hooks) = late();
        let scene = Scene::new(hooks);
        let service = scene.layer.layer(Core::new(scene.store.clone()));
        let url = location(&scene.create(100).await);
        let request = append(&url, 0).body(Body::from("hello")).unwrap();
        service.clone().oneshot(request).await.unwrap();

        let interrupt = Interrupt::default();
        let (receiving, body) = silent(&interrupt);
        let request = append(&url, 5).extension(context(|it| {
            it.set_interrupt(interrupt);
            it.set_write_mode(keep);
        }));
        let running = tokio::spawn(service.oneshot(request.body(body).unwrap()));
        receiving.await.unwrap();
        go.send(()).unwrap();
        let response = running.await.unwrap().unwrap();
        assert_eq!(error(&response), "ERR_UPLOAD_STOPPED");
        assert_eq!(response.headers()["x-hook"], "too much");
        scene.shutdown.drained().await;
        assert!(scene.store.bytes(&id(&url)).is_none());
    }
}

#[tokio::test]
async fn a_stop_between_two_requests_waits_for_the_lock() {
    let locker: Arc<dyn Locker> = Arc::new(MemoryLocker::default());
    let mut scene = Scene::new(stops());
    let timeout = Duration::from_secs(60);
    scene.layer = scene.layer.locker(Arc::clone(&locker), timeout);
    let url = location(&scene.create(11).await);
    let interrupt = Interrupt::default();
    let guard = locker.acquire(&id(&url), interrupt.clone(), timeout).await;
    let service = scene.layer.layer(Core::new(scene.store.clone()));
    let request = append(&url, 0).body(Body::from("hello")).unwrap();
    service.oneshot(request).await.unwrap();
    assert_eq!(interrupt.fired().await.code(), "ERR_UPLOAD_INTERRUPTED");
    assert!(scene.store.bytes(&id(&url)).is_some());
    guard.unwrap().release().await;
    scene.shutdown.drained().await;
    assert!(scene.store.bytes(&id(&url)).is_none());
}
