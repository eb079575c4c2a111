//! What is said to whoever asks for a path outside the uploads.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tower::Service;
use tower_tus::layers::context::Context;
use tower_tus::layers::protocol::Body;
use tower_tus::layers::protocol::header::TUS_RESUMABLE;

use crate::flags::Flags;

const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// The service behind the uploads.
#[derive(Clone, Debug)]
pub(crate) struct Elsewhere {
    greeting: Option<Arc<Greeting>>,
}

#[derive(Debug)]
struct Greeting {
    text: Bytes,
    page: Bytes,
}

impl Elsewhere {
    pub(crate) fn new(flags: &Flags) -> Self {
        let greeting = || Arc::new(Greeting::new(flags.base_path.as_str()));
        Self {
            greeting: flags.log.show_greeting.then(greeting),
        }
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        match &self.greeting {
            Some(greeting) if is_greeted(request) => match wants_page(request) {
                true => answer(StatusCode::OK, HTML, greeting.page.clone()),
                false => answer(StatusCode::OK, PLAIN, greeting.text.clone()),
            },
            _ if is_preflight(request) => status(StatusCode::NO_CONTENT),
            _ => answer(StatusCode::NOT_FOUND, PLAIN, "not found\n".into()),
        }
    }
}

/// A tus client that has stored the URL of an upload would take any success for
/// that upload, and ask for ever.
fn is_greeted<B>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && request.uri().path() == "/"
        && !request.headers().contains_key(&TUS_RESUMABLE)
}

/// Whether a browser asks if a page may send its request, whose 404 it then
/// lets the page read.
fn is_preflight<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let asks = [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD];
    request.method() == Method::OPTIONS
        && asks.iter().all(|name| headers.contains_key(name))
        && Context::of(request.extensions()).rejection().is_none()
}

fn wants_page<B>(request: &Request<B>) -> bool {
    let accept = request.headers().get(ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

fn answer(code: StatusCode, kind: &'static str, body: Bytes) -> Response<Body> {
    let mut response = status(code);
    *response.body_mut() = body.into();
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

impl Greeting {
    fn new(base_path: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let text = format!(
            "This is tower-tusd {version}, and it works.\n\
             \n\
             It takes resumable uploads, by the protocol tus (https://tus.io):\n\
             point a tus client at {base_path} on this server.\n"
        );
        let path = base_path.replace('&', "&amp;").replace('<', "&lt;");
        let page = format!(
            "<!DOCTYPE html>\n\
             <html lang=\"en\">\n\
             <meta charset=\"utf-8\">\n\
             <title>tower-tusd</title>\n\
             <h1>tower-tusd {version}</h1>\n\
             <p>It works.</p>\n\
             <p>This server takes resumable uploads, by the protocol \
             <a href=\"https://tus.io\">tus</a>: point a tus client at \
             <code>{path}</code> here.</p>\n\
             </html>\n"
        );
        Self {
            text: text.into(),
            page: page.into(),
        }
    }
}

impl<B> Service<Request<B>> for Elsewhere {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}
