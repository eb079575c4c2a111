//! The layers around each page.

use std::any::Any;
use std::convert::Infallible;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use tower::ServiceBuilder;
use tower::util::BoxCloneSyncService;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::trace::TraceLayer;
use tower_tus::layers::context::Context;
use tower_tus::layers::detach::DetachLayer;
use tower_tus::layers::protocol::{Body, Shutdown};
use tracing::Span;

use super::page::{Page, Render};

/// Maximum size of a request's body in bytes. No page reads one.
const MAX_BODY: usize = 64 << 10;

/// The page with everything that a service on the Internet needs.
pub(super) fn around<P: Page>(
    page: Render<P>,
    shutdown: Shutdown,
) -> BoxCloneSyncService<Request<Body>, Response<Body>, Infallible> {
    let service = ServiceBuilder::new()
        // Outermost: a client that is still sending is read from, or the answer is lost.
        .layer(DetachLayer::new().shutdown(shutdown))
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                // Probes ask every few seconds: only trouble is logged.
                .on_request(())
                .on_response(())
                .on_eos(())
                .on_failure(()),
        )
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .service(page);
    BoxCloneSyncService::new(service)
}

/// The fields of the Log layer's span, so that lines about pages look the same.
fn span<B>(request: &Request<B>) -> Span {
    let id = Context::request_id(request).map_or(&[][..], HeaderValue::as_bytes);
    tracing::info_span!(
        "page",
        method = request.method().as_str(),
        path = request.uri().path(),
        requestId = &*String::from_utf8_lossy(id),
    )
}

/// Answers without the panic's message, which is only in the log.
fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let message = match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic
            .downcast_ref::<&str>()
            .copied()
            .unwrap_or_default()
            .to_owned(),
    };
    tracing::error!(panic = message, "InternalServerError");
    let mut response = Response::new(Body::from("internal server error\n"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::sync::{Arc, Mutex};

    use http::HeaderMap;
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id};
    use tracing::{Event, Subscriber};
    use tracing_subscriber::layer::{self, SubscriberExt};
    use tracing_subscriber::registry::{LookupSpan, Registry};

    use super::*;

    #[derive(Clone)]
    struct Panics;

    impl Page for Panics {
        fn answers(&self, _: &Request<Body>) -> bool {
            true
        }

        fn render(&self, _: &HeaderMap) -> Response<Body> {
            panic!("a secret of the inside")
        }
    }

    /// Keeps the fields of errors and of the spans around them.
    #[derive(Clone, Default)]
    struct Recorder(Arc<Mutex<Vec<String>>>);

    struct Fields(Vec<String>);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.push(format!("{field}={value:?}"));
        }
    }

    impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Recorder {
        fn on_new_span(&self, span: &Attributes<'_>, id: &Id, context: layer::Context<'_, S>) {
            let mut fields = Fields(Vec::new());
            span.record(&mut fields);
            context.span(id).unwrap().extensions_mut().insert(fields);
        }

        fn on_event(&self, event: &Event<'_>, context: layer::Context<'_, S>) {
            if *event.metadata().level() != tracing::Level::ERROR {
                return;
            }
            let mut fields = Fields(Vec::new());
            event.record(&mut fields);
            for span in context.event_scope(event).into_iter().flatten() {
                fields
                    .0
                    .extend_from_slice(&span.extensions().get::<Fields>().unwrap().0);
            }
            self.0.lock().unwrap().extend(fields.0);
        }
    }

    #[tokio::test]
    async fn a_page_that_panics_is_a_500_whose_reason_is_in_the_log_alone() {
        let recorder = Recorder::default();
        let subscriber = Registry::default().with(recorder.clone());
        let guard = tracing::subscriber::set_default(subscriber);
        let request = Request::get("/page?token=1").header("X-Request-ID", "the-one");
        let request = request.body(Body::default()).unwrap();
        let page = around(Render(Panics), Shutdown::default());
        let Ok(response) = page.oneshot(request).await;
        drop(guard);

        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!response.headers().contains_key("tus-resumable"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "internal server error\n");
        let logged = recorder.0.lock().unwrap().join(" ");
        let expected = "message=InternalServerError panic=\"a secret of the inside\" \
                        method=\"GET\" path=\"/page\" requestId=\"the-one\"";
        assert_eq!(logged, expected);
    }
}
