use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use headers::HeaderMapExt;
use http::request::{Builder, Parts};
use http::{Request, Response, StatusCode};
use tower::util::{BoxCloneSyncService, MapRequestLayer};
use tower::{Layer, Service, ServiceExt};

use super::{Expiration, ExpirationLayer};
use crate::context::{Context, context};
use crate::gate::Gate;
use crate::protocol::header::UploadExpires;
use crate::protocol::{
    Action, Body, Clock, Concat, Error, FinishState, Length, NewUpload, Offset, Rejection, Role,
    Upload, UploadId,
};
use crate::service::Core;
use crate::store::{Handle, MemoryStore, Store};

mod parts;

type Stack = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// When each test begins.
const BEGIN: u64 = 1_000_000_000;

/// A store with uploads that expire after 60 seconds, and the clock of both.
struct Server {
    seconds: Arc<AtomicU64>,
    store: MemoryStore,
    expiration: Expiration,
}

impl Server {
    fn new() -> Self {
        let seconds = Arc::new(AtomicU64::new(BEGIN));
        let clock = Clock::from_fn({
            let seconds = Arc::clone(&seconds);
            move || at(seconds.load(Ordering::Relaxed))
        });
        Self {
            store: MemoryStore::with_clock(clock.clone()),
            expiration: Expiration::after(Duration::from_secs(60)).clock(clock),
            seconds,
        }
    }

    fn with(mut self, set: impl FnOnce(Expiration) -> Expiration) -> Self {
        self.expiration = set(self.expiration);
        self
    }

    /// Sets the clock to so many seconds after the beginning.
    fn at(&self, seconds: u64) {
        self.seconds.store(BEGIN + seconds, Ordering::Relaxed);
    }

    fn stack(&self) -> Stack {
        self.stack_with(CreatedBy(self.expiration.clone()))
    }

    fn stack_with(&self, gate: impl Gate) -> Stack {
        let core = Core::new(self.store.clone());
        let layer = ExpirationLayer::new(Arc::clone(core.store()), self.expiration.clone());
        Stack::new(layer.layer(behind(gate, core)))
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.stack().oneshot(request).await.unwrap()
    }

    /// Creates an upload of five bytes, and returns its path.
    async fn create(&self) -> String {
        let request = Request::post("/").header("Upload-Length", "5");
        let response = self.send(empty(request)).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        path(&response)
    }

    async fn append(&self, path: &str, offset: u64, bytes: &'static str) -> Response<Body> {
        self.send(chunk(path, offset).body(bytes.into()).unwrap())
            .await
    }

    async fn head(&self, path: &str) -> Response<Body> {
        self.send(empty(Request::head(path))).await
    }
}

/// Puts a gate in front of a service.
fn behind<S>(gate: impl Gate, service: S) -> Stack
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let gate = Arc::new(gate) as Arc<dyn Gate>;
    let add = MapRequestLayer::new(move |mut request: Request<Body>| {
        Context::of_mut(request.extensions_mut()).add_gate(Arc::clone(&gate));
        request
    });
    Stack::new(add.layer(service))
}

/// Takes the times of creation from the clock, too.
#[derive(Debug)]
struct CreatedBy(Expiration);

#[async_trait]
impl Gate for CreatedBy {
    async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        upload.created = self.0.now();
        Ok(())
    }
}

/// An upload of five bytes that was active ten seconds after its creation.
fn upload(id: &str) -> Upload {
    let mut upload = Upload::new(id.parse().unwrap());
    (upload.created, upload.modified) = (Some(at(BEGIN)), Some(at(BEGIN + 10)));
    upload.length = Some(Length::from(5));
    upload
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn empty(request: Builder) -> Request<Body> {
    request.body(Body::default()).unwrap()
}

fn typed(request: Builder) -> Builder {
    request.header("Content-Type", "application/offset+octet-stream")
}

fn chunk(path: &str, offset: u64) -> Builder {
    typed(Request::patch(path)).header("Upload-Offset", offset)
}

fn path(response: &Response<Body>) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

fn id(path: &str) -> UploadId {
    path[1..].parse().unwrap()
}

/// When the upload expires, in seconds after the beginning of the test.
fn told(response: &Response<Body>) -> Option<u64> {
    let header: Option<UploadExpires> = response.headers().typed_try_get().unwrap();
    let since = header?.time().duration_since(at(BEGIN));
    Some(since.unwrap().as_secs())
}

fn code(response: &Response<Body>) -> &'static str {
    response.extensions().get::<Error>().map_or("", Error::code)
}

fn is_gone(response: &Response<Body>) -> bool {
    response.status() == StatusCode::GONE && code(response) == "ERR_UPLOAD_EXPIRED"
}

#[tokio::test]
async fn exp_03_to_05_the_time_slides_with_the_activity() {
    let server = Server::new();
    let path = server.create().await;
    server.at(20);
    assert_eq!(told(&server.head(&path).await), Some(60), "from creation");
    let response = server.append(&path, 0, "hel").await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(told(&response), Some(80));
    assert_eq!(
        response.headers()["upload-expires"],
        "Sun, 09 Sep 2001 01:48:00 GMT",
        "EXP-08"
    );
    server.at(79);
    assert_eq!(told(&server.head(&path).await), Some(80));
    server.at(80);
    assert!(is_gone(&server.head(&path).await));
}

#[tokio::test]
async fn what_a_patch_tells_is_what_a_head_right_after_tells() {
    // The clock of the store is three seconds behind, or ahead.
    for clock in [BEGIN + 17, BEGIN + 23] {
        let server = Server {
            store: MemoryStore::with_clock(Clock::from_fn(move || at(clock))),
            ..Server::new()
        };
        let path = server.create().await;
        server.at(20);
        for (offset, bytes) in [(0, "hel"), (3, "")] {
            let patched = told(&server.append(&path, offset, bytes).await);
            assert_eq!(patched, Some(clock - BEGIN + 60));
            assert_eq!(patched, told(&server.head(&path).await));
        }
    }
}

#[tokio::test]
async fn a_patch_whose_upload_cannot_be_opened_again_tells_what_the_core_knows() {
    #[derive(Debug)]
    struct Unreadable;

    #[async_trait]
    impl Store for Unreadable {
        async fn create(&self, _: NewUpload) -> Result<Box<dyn Handle>, Error> {
            Err(Error::internal("unreadable"))
        }

        async fn open(&self, _: &UploadId) -> Result<Box<dyn Handle>, Error> {
            Err(Error::internal("unreadable"))
        }
    }

    let server = Server {
        store: MemoryStore::with_clock(Clock::from_fn(|| at(BEGIN + 17))),
        ..Server::new()
    };
    let path = server.create().await;
    server.at(20);
    let core = Core::new(server.store.clone());
    let store = Arc::new(Unreadable) as Arc<dyn Store>;
    let layer = ExpirationLayer::new(store, server.expiration.clone());
    let patch = chunk(&path, 0).body("hel".into()).unwrap();
    let response = layer.layer(core).oneshot(patch).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(told(&response), Some(77));
}

#[tokio::test]
async fn a_fixed_time_counts_from_the_creation() {
    let server = Server::new().with(Expiration::fixed);
    let path = server.create().await;
    server.at(20);
    assert_eq!(told(&server.append(&path, 0, "hel").await), Some(60));
    server.at(59);
    assert_eq!(server.append(&path, 3, "").await.status(), 204);
    server.at(60);
    assert!(is_gone(&server.append(&path, 3, "lo").await));

    let mut begun_by_tusd = upload("a");
    begun_by_tusd.created = None;
    let expires = server.expiration.expires(&begun_by_tusd);
    assert_eq!(expires, Some(at(BEGIN + 70)), "from its last activity");
    let sliding = server.expiration.clone().sliding();
    let expires = sliding.expires(&upload("a"));
    assert_eq!(expires, Some(at(BEGIN + 70)));
}

#[tokio::test]
async fn exp_04_a_creation_tells_it() {
    let server = Server::new();
    for (length, status, expires) in [
        ("5", StatusCode::CREATED, Some(60)),
        ("0", StatusCode::CREATED, None),
        ("-1", StatusCode::BAD_REQUEST, None),
    ] {
        let request = Request::post("/").header("Upload-Length", length);
        let response = server.send(empty(request)).await;
        assert_eq!(
            (response.status(), told(&response)),
            (status, expires),
            "EXP-09"
        );
    }
}

#[tokio::test]
async fn exp_09_a_finished_upload_never_expires_unless_asked() {
    for (server, expires) in [
        (Server::new(), None),
        (
            Server::new().with(|it| it.finished(Duration::from_secs(100))),
            Some(110),
        ),
        (
            Server::new().with(|it| it.fixed().finished(Duration::from_secs(100))),
            Some(110),
        ),
    ] {
        let path = server.create().await;
        server.at(10);
        let response = server.append(&path, 0, "hello").await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(told(&response), expires, "EXP-03");
        server.at(109);
        let head = server.head(&path).await;
        assert_eq!((head.status(), told(&head)), (StatusCode::OK, expires));
        server.at(1_000_000);
        assert_eq!(is_gone(&server.head(&path).await), expires.is_some());
    }
}

#[tokio::test]
async fn exp_03_each_refusal_of_a_patch_tells_it() {
    let server = Server::new();
    let path = server.create().await;
    for (request, bytes, status) in [
        (chunk(&path, 1), "ello", 409),
        (chunk(&path, 0), "hello world", 413),
        (chunk(&path, 0).header("Upload-Length", "6"), "", 400),
        (typed(Request::patch(&path)), "", 400),
        (
            Request::patch(&path).header("Upload-Offset", "0"),
            "hello",
            415,
        ),
    ] {
        let response = server.send(request.body(bytes.into()).unwrap()).await;
        assert_eq!(response.status(), status);
        assert_eq!(told(&response), Some(60), "{status}");
    }
}

#[tokio::test]
async fn exp_03_a_body_that_breaks_off_tells_it_too() {
    let server = Server::new();
    let path = server.create().await;
    server.at(5);
    let frames: [Result<_, Error>; 2] = [
        Ok(http_body::Frame::data(bytes::Bytes::from("he"))),
        Err(Error::ReadTimeout),
    ];
    let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
    let request = chunk(&path, 0).body(Body::new(body)).unwrap();
    let response = server.send(request).await;
    assert_eq!(code(&response), "ERR_READ_TIMEOUT");
    assert_eq!(told(&response), Some(65));
}

#[tokio::test]
async fn an_upload_that_is_gone_has_no_date() {
    let server = Server::new();
    let path = server.create().await;
    let response = server.send(empty(Request::delete(&path))).await;
    assert_eq!(
        (response.status(), told(&response)),
        (StatusCode::NO_CONTENT, None)
    );
    let response = server.append(&path, 0, "hello").await;
    assert_eq!(
        (response.status(), told(&response)),
        (StatusCode::NOT_FOUND, None)
    );
    let response = server.send(empty(Request::patch("/"))).await;
    assert_eq!(told(&response), None);
}

#[tokio::test]
async fn exp_07_an_expired_upload_is_gone_for_all_but_delete() {
    let server = Server::new();
    let path = server.create().await;
    server.at(60);
    for request in [Request::head(&path), chunk(&path, 0)] {
        let request = empty(request);
        let method = request.method().clone();
        let response = server.send(request).await;
        assert!(is_gone(&response), "{method}: {}", response.status());
        assert_eq!(told(&response), None, "{method}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{method}");
    }
    let response = server.send(empty(Request::delete(&path))).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn exp_06_and_07_a_removed_upload_is_410_while_it_is_known_and_404_then() {
    let server = Server::new();
    let path = server.create().await;
    server.at(60);
    let terminator = server.store.terminator().unwrap();
    terminator.terminate(&id(&path)).await.unwrap();
    assert_eq!(server.head(&path).await.status(), StatusCode::NOT_FOUND);
    server.expiration.clone().bury(&id(&path));
    for request in [
        Request::head(&path),
        chunk(&path, 0),
        Request::delete(&path),
    ] {
        let response = server.send(empty(request)).await;
        assert!(is_gone(&response) && told(&response).is_none());
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    let other = server.head("/other").await;
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
    server.at(60 + 24 * 60 * 60);
    assert_eq!(server.head(&path).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_id_that_is_used_again_is_no_longer_known() {
    #[derive(Debug)]
    struct Named;

    #[async_trait]
    impl Gate for Named {
        async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
            upload.id = "report".parse().unwrap();
            Ok(())
        }
    }

    let server = Server::new();
    server.expiration.bury(&id("/report"));
    assert!(is_gone(&server.head("/report").await));
    let stack = server.stack_with(Named);
    for (request, status) in [
        (
            Request::post("/").header("Upload-Length", "5"),
            StatusCode::CREATED,
        ),
        (Request::head("/report"), StatusCode::OK),
        (Request::delete("/report"), StatusCode::NO_CONTENT),
        (Request::head("/report"), StatusCode::NOT_FOUND),
    ] {
        let response = stack.clone().oneshot(empty(request)).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn whoever_a_gate_hides_an_upload_from_learns_no_date() {
    #[derive(Debug)]
    struct Closed(Error);

    #[async_trait]
    impl Gate for Closed {
        async fn opened(&self, _: &Parts, _: &Upload, _: Action) -> Result<(), Error> {
            Err(self.0.clone())
        }
    }

    let server = Server::new();
    let path = server.create().await;
    for (error, expires) in [
        (Error::NotFound, None),
        (Error::AccessDenied, None),
        (Rejection::new(StatusCode::UNAUTHORIZED).into(), None),
        (
            Rejection::new(StatusCode::TOO_MANY_REQUESTS).into(),
            Some(60),
        ),
    ] {
        let gated = server.stack_with(Closed(error));
        let response = gated.oneshot(empty(chunk(&path, 0))).await.unwrap();
        assert_eq!(told(&response), expires, "{}", response.status());
    }
}

#[tokio::test]
async fn a_request_that_was_rejected_further_out_learns_no_date() {
    let server = Server::new();
    let path = server.create().await;
    let request = chunk(&path, 0).extension(context(|it| it.reject(Error::TooManyDownloads)));
    let refused = server.send(empty(request)).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told(&refused), None);
}

#[tokio::test]
async fn an_upload_does_not_expire_under_a_running_patch() {
    for (server, expires) in [
        (Server::new(), 120),
        (Server::new().with(Expiration::fixed), 60),
    ] {
        let path = server.create().await;
        let (send, body) = tokio::sync::mpsc::unbounded_channel::<bytes::Bytes>();
        let frames = futures_util::stream::unfold(body, |mut body| async {
            let data = body.recv().await?;
            Some((Ok::<_, Error>(http_body::Frame::data(data)), body))
        });
        let body = Body::new(http_body_util::StreamBody::new(frames));
        let request = chunk(&path, 0).body(body).unwrap();
        let mut patch = tokio::spawn(server.stack().oneshot(request));
        send.send("he".into()).unwrap();
        while server.store.bytes(&id(&path)).unwrap() != "he" {
            tokio::select! {
                _ = &mut patch => panic!("it has ended"),
                () = tokio::task::yield_now() => {}
            }
        }
        server.at(60);
        send.send("l".into()).unwrap();
        drop(send);
        let response = patch.await.unwrap().unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(told(&response), Some(expires));
        let next = server.append(&path, 3, "lo").await;
        assert_eq!(is_gone(&next), expires == 60, "{}", next.status());
    }
}

#[tokio::test]
async fn a_complete_upload_is_kept_while_it_may_still_be_finished() {
    let server = Server::new().with(|it| it.finish_attempts(3));
    let mut upload = upload("a");
    upload.offset = Offset::from(5);
    server.at(1_000_000);
    for (finishing, attempts, expires) in [
        (Some(FinishState::Pending { attempts: 0 }), 3, None),
        (Some(FinishState::Pending { attempts: 2 }), 3, None),
        (Some(FinishState::Pending { attempts: 3 }), 3, Some(70)),
        (Some(FinishState::Pending { attempts: 3 }), 0, None),
        (Some(FinishState::Failed), 3, Some(70)),
        (Some(FinishState::Done), 3, None),
        (None, 3, None),
    ] {
        let expiration = server.expiration.clone().finish_attempts(attempts);
        upload.finishing = finishing;
        let expires = expires.map(|seconds| at(BEGIN + seconds));
        assert_eq!(expiration.expires(&upload), expires, "{finishing:?}");
    }
    upload.finishing = Some(FinishState::Pending { attempts: 0 });
    upload.offset = Offset::from(4);
    let expires = server.expiration.expires(&upload);
    assert_eq!(expires, Some(at(BEGIN + 70)), "it is receiving");
}

#[tokio::test]
async fn a_hook_that_is_down_costs_no_bytes() {
    #[derive(Debug)]
    struct Down;

    #[async_trait]
    impl Gate for Down {
        async fn complete(&self, _: &Parts, _: &Upload) -> Result<(), Error> {
            Err(Error::internal("it is down"))
        }

        fn decides_completion(&self) -> bool {
            true
        }
    }

    let server = Server::new();
    let gated = behind(Down, server.stack());
    let request = Request::post("/").header("Upload-Length", "5");
    let created = gated.clone().oneshot(empty(request)).await.unwrap();
    let path = path(&created);
    let request = chunk(&path, 0).body("hello".into()).unwrap();
    let response = gated.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(told(&response), None, "it will not expire");
    server.at(1_000_000);
    let head = gated.oneshot(empty(Request::head(&path))).await.unwrap();
    assert_eq!(head.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(server.head(&path).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn times_that_no_header_can_tell_are_told_by_none() {
    let server = Server::new();
    let path = server.create().await;
    for after in [Duration::MAX, Duration::from_secs(i64::MAX as u64)] {
        let forever = Expiration::after(after).finished(after);
        assert_eq!(forever.expires(&upload("a")), None);
        assert!(
            !forever
                .has_expired(&server.store, &upload("a"))
                .await
                .unwrap()
        );
    }
    let (store, clock) = (Arc::new(server.store.clone()), server.expiration.clone());
    let clock = Clock::from_fn(move || clock.now());
    let long = Expiration::after(Duration::from_secs(300_000_000_000)).clock(clock);
    let layer = ExpirationLayer::new(store, long);
    let stack = layer.layer(Core::new(server.store.clone()));
    let head = stack.oneshot(empty(Request::head(&path))).await.unwrap();
    assert_eq!((head.status(), told(&head)), (StatusCode::OK, None));

    let mut upload = upload("a");
    (upload.created, upload.modified) = (None, None);
    assert_eq!(server.expiration.expires(&upload), None);
}

#[tokio::test]
async fn a_clock_that_jumps_breaks_nothing() {
    let server = Server::new().with(|it| it.finished(Duration::from_secs(60)));
    let path = server.create().await;
    for seconds in [0, u64::MAX >> 1, i64::MAX as u64 - 1] {
        server.seconds.store(seconds, Ordering::Relaxed);
        let head = server.head(&path).await;
        assert_eq!(
            is_gone(&head),
            seconds > BEGIN,
            "{seconds}: {}",
            head.status()
        );
        server.expiration.bury(&id("/other"));
        assert!(is_gone(&server.head("/other").await));
        let request = Request::post("/").header("Upload-Length", "5");
        let created = server.send(empty(request)).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        assert_eq!(
            created.headers().contains_key("upload-expires"),
            seconds == 0
        );
    }
    server.at(0);
    assert_eq!(told(&server.head(&path).await), Some(60));
    let before_1970 = SystemTime::UNIX_EPOCH - Duration::from_secs(1_000_000);
    let early = server
        .expiration
        .clone()
        .clock(Clock::from_fn(move || before_1970));
    let store = Arc::new(server.store.clone());
    let stack = ExpirationLayer::new(store, early.clone()).layer(Core::new(server.store.clone()));
    let request = chunk(&path, 0).body("hel".into()).unwrap();
    let response = stack.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    early.bury(&id("/a"));
    assert!(early.is_buried(&id("/a")));
}

#[tokio::test]
async fn exp_02_it_announces_itself() {
    let response = Server::new().send(empty(Request::options("/"))).await;
    let lines = response.headers().get_all("tus-extension");
    assert!(lines.iter().any(|line| line == "expiration"));
}
