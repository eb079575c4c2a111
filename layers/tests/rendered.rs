//! What Render logs, and how errors and overrides are handled with and without it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::future::ready;
use std::io;
use std::sync::Once;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_tus_layers::protocol::{Body, Error, Rejection};
use tower_tus_layers::render::RenderLayer;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Records what each test logs: every test has its own thread.
struct Recorder;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_tus_layers")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LINES.with_borrow_mut(|lines| lines.push(line.0));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Returns what is logged when this error is rendered.
async fn logged(error: Error) -> Vec<String> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Recorder).unwrap());
    LINES.take();
    let inner = service_fn(move |_| ready(Ok::<_, Infallible>(error.clone().into_response())));
    let service = ServiceBuilder::new()
        .layer(RenderLayer::new())
        .service(inner);
    let response: Response<Body> = service.oneshot(Request::new(())).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&body).contains("secret"));
    LINES.take()
}

/// An error whose message does not name its source.
#[derive(Debug)]
struct Foreign(io::Error);

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("foreign")
    }
}

impl std::error::Error for Foreign {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn foreign() -> Foreign {
    Foreign(io::Error::other("a secret"))
}

#[tokio::test]
async fn the_source_of_an_error_is_in_the_log_and_not_in_the_response() {
    let internal = Error::internal("a secret");
    let line = "ERROR message=InternalServerError error=a secret";
    assert_eq!(logged(internal).await, [line]);

    let unknown = Error::from_body(foreign());
    let line = "INFO message=UnknownBodyError error=\"foreign: a secret\"";
    assert_eq!(logged(unknown).await, [line]);

    let rejection = |status| Rejection::new(status).with_source(foreign());
    let line =
        "INFO message=RequestRejected code=\"ERR_UPLOAD_REJECTED\" error=\"foreign: a secret\"";
    let forbidden = rejection(StatusCode::FORBIDDEN).into();
    assert_eq!(logged(forbidden).await, [line]);
    let line =
        "ERROR message=RequestFailed code=\"ERR_UPLOAD_REJECTED\" error=\"foreign: a secret\"";
    let unavailable = rejection(StatusCode::SERVICE_UNAVAILABLE).into();
    assert_eq!(logged(unavailable).await, [line]);

    let without_source = Rejection::new(StatusCode::FORBIDDEN).into();
    assert!(logged(without_source).await.is_empty());
}

/// Changes of the response by hooks.
#[cfg(feature = "hooks")]
mod hooks {
    use std::sync::{Arc, Mutex};

    use tower::Layer;
    use tower_tus_layers::hooks::{Callbacks, HooksLayer, Reply};
    use tower_tus_layers::protocol::ResponseOverride;
    use tower_tus_layers::service::Core;
    use tower_tus_layers::store::MemoryStore;

    use super::*;

    fn hooks() -> HooksLayer {
        let created = ResponseOverride::default().with_status(StatusCode::ACCEPTED);
        let finished = ResponseOverride::default().with_body("finished");
        let accept = |change: &ResponseOverride| Reply::accept().with_response(change.clone());
        HooksLayer::new(
            Callbacks::new()
                .pre_create(move |_| std::future::ready(accept(&created)))
                .pre_finish(move |_| std::future::ready(accept(&finished))),
        )
    }

    #[tokio::test]
    async fn layers_between_hooks_and_render_see_the_original_response() {
        let (hooks, store) = (hooks(), MemoryStore::default());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let send = |request| {
            let (inner, seen) = (hooks.layer(Core::new(store.clone())), Arc::clone(&seen));
            let between = service_fn(move |request| {
                let (inner, seen) = (inner.clone(), Arc::clone(&seen));
                async move {
                    let response = inner.oneshot(request).await;
                    seen.lock()
                        .unwrap()
                        .push(response.as_ref().unwrap().status());
                    response
                }
            });
            RenderLayer::new().layer(between).oneshot(request)
        };
        let create = Request::post("/").header("Upload-Length", "5");
        let created = send(create.body(Body::default()).unwrap()).await.unwrap();
        let url = created.headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(created.status(), StatusCode::ACCEPTED);
        for (offset, body) in [("0", "hello"), ("5", "")] {
            let last = Request::patch(&url)
                .header("Content-Type", "application/offset+octet-stream")
                .header("Upload-Offset", offset);
            let response = send(last.body(body.into()).unwrap()).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, "finished");
        }
        let original = [201, 204, 204].map(|status| StatusCode::from_u16(status).unwrap());
        assert_eq!(*seen.lock().unwrap(), original);
    }
}
