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
    tracing::info_span!(
        "page",
        method = request.method().as_str(),
        path = request.uri().path(),
    )
}

/// Answers without the panic's message, which is only in the log.
fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let message = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
    tracing::error!(panic = message.unwrap_or_default(), "InternalServerError");
    let mut response = Response::new(Body::from("internal server error\n"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
