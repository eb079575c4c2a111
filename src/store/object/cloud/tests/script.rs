//! A server on loopback that records requests and gives prepared answers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Ends with the test.
pub(super) struct Server {
    address: String,
    shared: Arc<Mutex<Shared>>,
    task: AbortHandle,
}

#[derive(Default)]
struct Shared {
    answers: VecDeque<Answer>,
    seen: Vec<Seen>,
}

pub(super) enum Answer {
    Whole(Response<Bytes>),
    /// Ends the connection instead.
    Nothing,
    /// Lets the client wait.
    Never,
}

#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Server {
    pub(super) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Mutex::new(Shared {
            answers: answers.into_iter().collect(),
            seen: Vec::new(),
        }));
        let task = tokio::spawn(serve(listener, shared.clone())).abort_handle();
        Self {
            address,
            shared,
            task,
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.shared.lock().unwrap().seen.clone()
    }

    /// Returns the only request.
    pub(super) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Mutex<Shared>>) -> Infallible {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let shared = shared.clone();
        let service = service_fn(move |request| answer(request, shared.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Mutex<Shared>>,
) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let query = head.uri.query().unwrap_or_default();
    let seen = Seen {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: query.split('&').filter_map(pair).collect(),
        headers: head.headers,
        body,
    };
    match shared.lock().unwrap().next(seen) {
        Some(Answer::Whole(response)) => return Ok(response.map(Full::new)),
        Some(Answer::Nothing) => return Err(io::Error::other("no answer")),
        Some(Answer::Never) => {}
        None => return Ok(answer_not_prepared()),
    }
    std::future::pending().await
}

impl Shared {
    fn next(&mut self, seen: Seen) -> Option<Answer> {
        self.seen.push(seen);
        self.answers.pop_front()
    }
}

fn answer_not_prepared() -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::IM_A_TEAPOT;
    response
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let value = value.replace('+', " ");
    let value = percent_encoding::percent_decode_str(&value);
    Some((name.to_owned(), value.decode_utf8().ok()?.into_owned()))
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let pair = self.query.iter().find(|(found, _)| found == name)?;
        Some(&pair.1)
    }

    pub(super) fn body(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

/// Prepares an answer.
pub(super) fn says(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Answer::Whole(response.body(body.into()).unwrap())
}

/// Prepares an error with a code.
pub(super) fn fails(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>It is {code}.</Message></Error>");
    says(status, &[], body)
}
