//! The answer to requests outside the uploads and pages.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context as TaskContext, Poll};

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tower::Service;
use tower_tus::layers::context::Context;
use tower_tus::layers::protocol::Body;

/// Answers 404, and 204 to preflight requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotFound;

impl<B> Service<Request<B>> for NotFound {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(match is_preflight(&request) {
            true => status(StatusCode::NO_CONTENT, Body::default()),
            false => not_found(),
        }))
    }
}

/// Whether a browser asks if a page may send its request. The page may then read
/// the 404 to that request.
fn is_preflight<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let asks = [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD];
    request.method() == Method::OPTIONS
        && asks.iter().all(|name| headers.contains_key(name))
        && Context::of(request.extensions()).rejection().is_none()
}

fn not_found() -> Response<Body> {
    let mut response = status(StatusCode::NOT_FOUND, "not found\n".into());
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn status(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
