//! A server that hooks are sent to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::patient;

/// What it has been sent.
pub(crate) struct Call {
    pub(crate) request: Parts,
    /// The body as it came.
    pub(crate) text: String,
}

impl Call {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// What it answers, and when.
pub(crate) struct Answer {
    pub(crate) response: Response<Bytes>,
    pub(crate) delay: Duration,
}

/// A reply, as it ought to be.
pub(crate) fn reply(json: &Value) -> Answer {
    let response = Response::builder().header("content-type", "application/json");
    Answer {
        response: response.body(json.to_string().into()).unwrap(),
        delay: Duration::ZERO,
    }
}

/// Any status, with an empty object.
pub(crate) fn status(status: u16) -> Answer {
    let mut answer = reply(&serde_json::json!({}));
    *answer.response.status_mut() = status.try_into().unwrap();
    answer
}

/// What to answer to a call, the how manieth it is.
pub(crate) type Answers = Arc<dyn Fn(&Call, usize) -> Answer + Send + Sync>;

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    calls: mpsc::UnboundedReceiver<Call>,
}

impl Receiver {
    pub(crate) async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (desk, calls) = Desk::new(answers);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(desk.clone().serve(stream));
            }
        });
        Self { address, calls }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks?secret=1", self.address)
    }

    /// The next event that it is sent.
    pub(crate) async fn call(&mut self) -> Call {
        patient(self.calls.recv()).await.unwrap()
    }

    /// The next event, by its JSON.
    pub(crate) async fn event(&mut self) -> Value {
        self.call().await.json()
    }

    /// The types of the events that have come and were not looked at.
    pub(crate) fn types(&mut self) -> Vec<String> {
        let mut types = Vec::new();
        while let Ok(call) = self.calls.try_recv() {
            types.push(call.json()["Type"].as_str().unwrap().to_owned());
        }
        types
    }
}

/// Where calls are answered and handed on.
#[derive(Clone)]
pub(crate) struct Desk {
    answers: Answers,
    count: Arc<AtomicUsize>,
    calls: mpsc::UnboundedSender<Call>,
}

impl Desk {
    pub(crate) fn new(answers: Answers) -> (Self, mpsc::UnboundedReceiver<Call>) {
        let (sender, calls) = mpsc::unbounded_channel();
        let desk = Self {
            answers,
            count: Arc::default(),
            calls: sender,
        };
        (desk, calls)
    }

    pub(crate) async fn serve(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(move |request| self.clone().answer(request));
        // Clients that have waited long enough just go.
        let _ = auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(io), service)
            .await;
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (request, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.into()).unwrap();
        let call = Call { request, text };
        let answer = (self.answers)(&call, self.count.fetch_add(1, Ordering::Relaxed));
        let _ = self.calls.send(call);
        tokio::time::sleep(answer.delay).await;
        Ok(answer.response.map(Full::new))
    }
}
