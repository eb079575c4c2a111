//! Layers that watch requests, name them or catch what goes wrong.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use tower::{Layer, ServiceBuilder, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::normalize_path::NormalizePathLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tower_tus::layers::gate::Gate;
use tower_tus::layers::protocol::{Error, NewUpload};
use tower_tus::layers::store::MemoryStore;
use tower_tus::{Stack, TusLayer};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use super::{ask, get, hello};
use crate::table::uploads;
use crate::tus::{Content, content, patch, request};

/// Of each event of ours, the spans that it is in, the outermost first.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Vec<&'static str>>>>);

impl<S> tracing_subscriber::Layer<S> for Spans
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !event.metadata().target().starts_with("tower_tus") {
            return;
        }
        let scope = context.event_scope(event).into_iter();
        let names = scope.flat_map(|scope| scope.from_root().map(|span| span.name()));
        self.0.lock().unwrap().push(names.collect());
    }
}

#[tokio::test]
async fn events_of_uploads_are_in_the_span_of_a_trace_layer() {
    let spans = Spans::default();
    let subscriber = tracing_subscriber::registry().with(spans.clone());
    let _here = tracing::subscriber::set_default(subscriber);
    let service = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(Stack::new(uploads().await).log().into_layer())
        .service(service_fn(hello));
    let answer = ask(&service, patch("/files/part", 5), content("world")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let spans = spans.0.lock().unwrap();
    assert!(!spans.is_empty());
    let first: Vec<_> = spans.iter().map(|names| names.first().copied()).collect();
    assert_eq!(first, vec![Some("request"); spans.len()]);
}

/// Panics when it is asked to, and sees the id of a request.
#[derive(Debug, Default)]
struct Own {
    ids: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Gate for Own {
    async fn creating(&self, request: &Parts, _: &mut NewUpload) -> Result<(), Error> {
        if request.headers.contains_key("x-panic") {
            panic!("the gate is broken");
        }
        if let Some(id) = request.headers.get("x-request-id") {
            let id = id.to_str().unwrap().to_owned();
            self.ids.lock().unwrap().push(id);
        }
        Ok(())
    }
}

fn post() -> http::request::Builder {
    request(Method::POST, "/files/").header("Upload-Length", 5)
}

#[tokio::test]
async fn catch_panic_outside_catches_what_is_not_of_uploads() {
    let panics = |_: Request<Content>| async {
        panic!("the application is broken");
        #[allow(unreachable_code, reason = "it says what it would answer")]
        Ok::<_, Infallible>(Response::new(content("")))
    };
    let service = ServiceBuilder::new()
        .layer(CatchPanicLayer::new())
        .layer(
            Stack::new(MemoryStore::default())
                .add_gate(Own::default())
                .into_layer(),
        )
        .service(service_fn(panics));
    let answer = ask(&service, get("/"), content("")).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.headers().contains_key("tus-resumable"));
    let answer = ask(&service, post().header("X-Panic", 1), content("")).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.headers()["tus-resumable"], "1.0.0");
}

#[tokio::test]
async fn the_id_of_a_request_reaches_gates_and_every_answer() {
    let own = Own::default();
    let ids = Arc::clone(&own.ids);
    let service = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(
            Stack::new(MemoryStore::default())
                .add_gate(own)
                .into_layer(),
        )
        .service(service_fn(hello));
    let answer = ask(&service, post(), content("")).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let id = answer.headers()["x-request-id"].to_str().unwrap();
    assert_eq!(*ids.lock().unwrap(), [id]);
    let missing = request(Method::HEAD, "/files/missing");
    let answer = ask(&service, missing, content("")).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(answer.headers().contains_key("x-request-id"));
}

#[tokio::test]
async fn uploads_pass_normalize_path_in_both_modes() {
    for layer in [
        NormalizePathLayer::trim_trailing_slash(),
        NormalizePathLayer::append_trailing_slash(),
    ] {
        let uploads = TusLayer::new(MemoryStore::default());
        let service = layer.layer(uploads.layer(service_fn(hello)));
        let answer = ask(&service, post(), content("")).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let location = answer.headers()["location"].to_str().unwrap();
        assert!(location.starts_with("/files/"), "{location}");
        let answer = ask(&service, patch(location, 0), content("hello")).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
}
