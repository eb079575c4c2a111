use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Once;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body::Frame;
use http_body_util::StreamBody;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::LogLayer;
use crate::context::Context;
use crate::context::{Derived, Rollback};
use crate::protocol::{Body, Error, Interrupt, Length, Outcome, Peer, Upload};
use crate::service::Core;
use crate::store::MemoryStore;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static SPAN: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Records what each test logs: each test has its own thread.
struct Recorder;

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_tus_layers")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        SPAN.set(format!("{:?}", fields.0));
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let name = fields.0.remove("message").unwrap();
        let mut line = format!("{} {name}", event.metadata().level());
        for (name, value) in fields.0 {
            line += &format!(" {name}={value}");
        }
        LINES.with_borrow_mut(|lines| lines.push(line));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Starts recording, with one subscriber for all threads: if a thread without a
/// subscriber reached an event first, that event would be off for all of them.
fn record() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Recorder).unwrap());
    LINES.take();
}

async fn send(core: &Core, request: Request<Body>) -> Response<Body> {
    let service = ServiceBuilder::new()
        .layer(LogLayer::new().base_path("files"))
        .service(core.clone());
    service.oneshot(request).await.unwrap()
}

fn patch(location: &str, body: Body) -> Request<Body> {
    Request::patch(location)
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", "0")
        .body(body)
        .unwrap()
}

#[tokio::test]
async fn the_life_of_an_upload_is_told_line_by_line() {
    record();
    let core = Core::new(MemoryStore::default());

    let post = Request::post("/").header("Upload-Length", "5");
    let created = send(&core, post.body(Body::default()).unwrap()).await;
    let location = created.headers()["location"].to_str().unwrap();
    let id = location.strip_prefix('/').unwrap();
    let expected = [
        "INFO RequestIncoming".to_owned(),
        format!("INFO UploadCreated id={id} size=5 url=\"{location}\""),
        format!("INFO ResponseOutgoing body=\"\" id={id} status=201"),
    ];
    assert_eq!(LINES.take(), expected);

    let path = format!("/{id}");
    send(&core, patch(&path, Bytes::from("hello").into())).await;
    let expected = [
        "INFO RequestIncoming".to_owned(),
        format!("INFO ChunkWriteStart id={id} maxSize=5 offset=0"),
        format!("INFO ChunkWriteComplete bytesWritten=5 id={id}"),
        format!("INFO UploadFinished id={id} size=5"),
        format!("INFO ResponseOutgoing body=\"\" id={id} status=204"),
    ];
    assert_eq!(LINES.take(), expected);

    send(&core, Request::delete(&path).body(Body::default()).unwrap()).await;
    assert_eq!(LINES.take()[1], format!("INFO UploadTerminated id={id}"));

    send(&core, Request::head(&path).body(Body::default()).unwrap()).await;
    let body = r#""ERR_UPLOAD_NOT_FOUND: upload not found\n""#;
    let expected = format!("INFO ResponseOutgoing body={body} status=404");
    assert_eq!(LINES.take()[1], expected);
}

#[tokio::test]
async fn an_upload_that_was_removed_because_it_had_expired_is_told_as_that() {
    record();
    let core = Core::new(MemoryStore::default());
    let post = Request::post("/").header("Upload-Length", "5");
    let created = send(&core, post.body(Body::default()).unwrap()).await;
    let id = created.headers()["location"].to_str().unwrap()[1..].to_owned();
    LINES.take();
    let (parts, ()) = Request::new(()).into_parts();
    let removal = Derived::Rollback(id.parse().unwrap(), Rollback::Expired).of(parts);
    send(&core, Request::from_parts(removal, Body::default())).await;
    let lines = LINES.take();
    assert!(
        lines.contains(&format!("INFO UploadExpired id={id}")),
        "{lines:?}"
    );
    assert!(!lines.iter().any(|line| line.contains("UploadTerminated")));
}

#[tokio::test]
async fn of_a_request_of_the_server_itself_only_what_it_did_is_logged() {
    let core = Core::new(MemoryStore::default());
    let post = Request::post("/").header("Upload-Length", "5");
    let created = send(&core, post.body(Body::default()).unwrap()).await;
    let id = created.headers()["location"].to_str().unwrap()[1..].to_owned();
    record();
    for expected in [vec![format!("INFO UploadTerminated id={id}")], vec![]] {
        let removal = Derived::Rollback(id.parse().unwrap(), Rollback::Always);
        let removal = removal.internal(Uri::default(), Interrupt::default());
        send(&core, Request::from_parts(removal, Body::default())).await;
        assert_eq!(LINES.take(), expected);
    }
}

#[tokio::test]
async fn a_client_that_went_away_is_told_and_no_error_of_the_server() {
    let core = Core::new(MemoryStore::default());
    let post = Request::post("/").header("Upload-Length", "10");
    let created = send(&core, post.body(Body::default()).unwrap()).await;
    let location = created.headers()["location"].to_str().unwrap();
    let id = location.strip_prefix('/').unwrap();

    record();
    let frames = [
        Ok(Frame::data(Bytes::from("hello"))),
        Err(Error::UnexpectedEof(None)),
    ];
    let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    send(&core, patch(&format!("/{id}"), body)).await;
    let lines = LINES.take();
    assert_eq!(
        lines[2],
        format!("INFO ChunkWriteComplete bytesWritten=5 id={id}")
    );
    let error = "server expected to receive more bytes";
    assert_eq!(
        lines[3],
        format!("INFO BodyReadError error={error} id={id}")
    );
}

#[tokio::test]
async fn without_the_layer_the_core_logs_nothing() {
    record();
    let core = Core::new(MemoryStore::default());
    let post = Request::post("/").header("Upload-Length", "5");
    let post = post.body(Body::default()).unwrap();
    let created = core.clone().oneshot(post).await.unwrap();
    let location = created.headers()["location"].to_str().unwrap();
    let append = patch(location, Bytes::from("hello").into());
    let appended = core.oneshot(append).await.unwrap();
    assert_eq!(appended.status(), 204);
    assert_eq!(LINES.take(), [""; 0]);
}

#[tokio::test]
async fn where_nothing_is_logged_a_creation_has_neither_span_nor_gate() {
    record();
    let seen = service_fn(|request: Request<()>| async move {
        let gates = Context::of(request.extensions()).gates().count();
        Ok::<_, Infallible>(Response::new((gates, tracing::Span::current().is_none())))
    });
    let service = ServiceBuilder::new().layer(LogLayer::new()).service(seen);
    let post = || Request::post("/").body(()).unwrap();
    let logged = service.clone().oneshot(post()).await.unwrap();
    assert_eq!(logged.into_body().0, 1);

    let nobody = tracing::subscriber::NoSubscriber::default();
    let _nobody = tracing::subscriber::set_default(nobody);
    SPAN.take();
    let silent = service.oneshot(post()).await.unwrap();
    assert_eq!(silent.into_body(), (0, true));
    assert_eq!(SPAN.take(), "");
}

/// Returns what is logged for a response.
async fn answered(outcome: Option<Outcome>, error: Option<Error>) -> Vec<String> {
    record();
    let service = ServiceBuilder::new()
        .layer(LogLayer::new())
        .service(service_fn(|_: Request<()>| {
            let (outcome, error) = (outcome.clone(), error.clone());
            async {
                let mut response = error.map_or_else(Response::<()>::default, Error::into_response);
                response
                    .extensions_mut()
                    .extend(outcome.map(extension).unwrap_or_default());
                Ok::<_, Infallible>(response)
            }
        }));
    service.oneshot(Request::new(())).await.unwrap();
    LINES.take()
}

fn extension(outcome: Outcome) -> http::Extensions {
    let mut extensions = http::Extensions::new();
    extensions.insert(outcome);
    extensions
}

fn outcome(id: &str) -> Outcome {
    let mut upload = Upload::new(id.parse().unwrap());
    upload.length = Some(Length::from(3));
    Outcome::new(upload)
}

#[tokio::test]
async fn what_a_request_did_to_others_is_told_too() {
    let mut done = outcome("part");
    done.finished = true;
    done.others = vec![Outcome {
        finished: true,
        ..outcome("whole")
    }];
    let lines = answered(Some(done), None).await;
    let expected = [
        "INFO UploadFinished id=part size=3",
        "INFO UploadFinished id=whole size=3",
    ];
    assert_eq!(lines[1..3], expected);
}

#[tokio::test]
async fn who_is_interrupted_or_too_slow_has_a_line_of_its_own() {
    for (error, line) in [
        (Error::Interrupted, "INFO UploadInterrupted id=a"),
        (
            Error::ReadTimeout,
            "INFO NetworkTimeoutError error=timeout while reading request body id=a",
        ),
    ] {
        assert_eq!(answered(Some(outcome("a")), Some(error)).await[1], line);
    }
}

#[tokio::test]
async fn the_span_tells_the_address_of_a_client_that_has_one() {
    record();
    let address: std::net::SocketAddr = "192.0.2.1:5".parse().unwrap();
    for (peer, told) in [
        (Some(Peer::from(address)), Some("192.0.2.1:5")),
        (Some(Peer::UNIX), None),
        (None, None),
    ] {
        let mut request = Request::new(Body::default());
        if let Some(peer) = peer {
            Context::of_mut(request.extensions_mut()).set_peer(peer);
        }
        send(&Core::new(MemoryStore::default()), request).await;
        let expected = told.map(|told| format!(r#""remoteAddr": "{told}""#));
        let span = SPAN.take();
        match expected {
            Some(expected) => assert!(span.contains(&expected), "{span}"),
            None => assert!(!span.contains("remoteAddr"), "{span}"),
        }
    }
}

#[tokio::test]
async fn the_span_tells_the_request_and_bounds_its_id() {
    record();
    let long = "\u{e4}".repeat(50);
    for (id, told) in [("short", "short".to_owned()), (&*long, "\u{e4}".repeat(36))] {
        let mut request = Request::new(Body::default());
        *request.method_mut() = Method::HEAD;
        *request.uri_mut() = "/files/a/b?c".parse().unwrap();
        let id = http::HeaderValue::from_bytes(id.as_bytes()).unwrap();
        request.headers_mut().insert("X-Request-ID", id);
        send(&Core::new(MemoryStore::default()), request).await;
        let expected =
            format!(r#"{{"method": "\"HEAD\"", "path": "\"a/b\"", "requestId": "\"{told}\""}}"#);
        assert_eq!(SPAN.take(), expected);
    }
}

#[tokio::test]
async fn a_request_without_an_id_is_logged_with_the_one_that_the_program_set() {
    record();
    for (sent, told) in [(None, "set"), (Some(""), "set"), (Some("sent"), "sent")] {
        let mut request = Request::new(Body::default());
        *request.method_mut() = Method::HEAD;
        let id = http::HeaderValue::from_static("set");
        Context::of_mut(request.extensions_mut()).set_request_id(id);
        if let Some(sent) = sent {
            let sent = http::HeaderValue::from_static(sent);
            request.headers_mut().insert("X-Request-ID", sent);
        }
        send(&Core::new(MemoryStore::default()), request).await;
        let span = SPAN.take();
        assert!(
            span.contains(&format!(r#""requestId": "\"{told}\"""#)),
            "{span}"
        );
    }
}
