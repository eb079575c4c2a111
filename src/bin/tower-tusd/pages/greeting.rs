//! The greeting at `/`, for health checks and the curious.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use tower_tus::layers::protocol::Body;
use tower_tus::layers::protocol::header::TUS_RESUMABLE;

use super::page::Page;

/// A greeting as text, and as a page for browsers.
#[derive(Clone, Debug)]
pub(crate) struct GreetingPage(Arc<Greeting>);

#[derive(Debug)]
struct Greeting {
    text: Bytes,
    page: Bytes,
}

impl GreetingPage {
    /// Greets with the path of the uploads.
    pub(crate) fn new(base_path: &str) -> Self {
        let (text, page) = (text(base_path).into(), page(base_path).into());
        Self(Arc::new(Greeting { text, page }))
    }
}

impl Page for GreetingPage {
    /// A tus client that has stored the URL of an upload would take any success
    /// for that upload, and retry without end.
    fn answers(&self, request: &Request<Body>) -> bool {
        matches!(*request.method(), Method::GET | Method::HEAD)
            && request.uri().path() == "/"
            && !request.headers().contains_key(&TUS_RESUMABLE)
    }

    fn render(&self, headers: &HeaderMap) -> Response<Body> {
        let (kind, body) = match wants_page(headers) {
            true => ("text/html; charset=utf-8", &self.0.page),
            false => ("text/plain; charset=utf-8", &self.0.text),
        };
        let mut response = Response::new(Body::from(body.clone()));
        let kind = HeaderValue::from_static(kind);
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn text(base_path: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "This is tower-tusd {version}, and it works.\n\
         \n\
         It is a server for resumable uploads with the tus protocol (https://tus.io):\n\
         point a tus client at {base_path} on this server.\n"
    )
}

fn page(base_path: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let path = base_path.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!DOCTYPE html>\n\
         <html lang=\"en\">\n\
         <meta charset=\"utf-8\">\n\
         <title>tower-tusd</title>\n\
         <h1>tower-tusd {version}</h1>\n\
         <p>It works.</p>\n\
         <p>This is a server for resumable uploads with the \
         <a href=\"https://tus.io\">tus</a> protocol: point a tus client at \
         <code>{path}</code> on this server.</p>\n\
         </html>\n"
    )
}
