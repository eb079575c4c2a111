//! An HTTP server that receives hooks.

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

/// A received call.
pub(crate) struct Call {
    pub(crate) request: Parts,
    /// The body as received.
    pub(crate) text: String,
}

impl Call {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// The response to a call, and its delay.
pub(crate) struct Answer {
    pub(crate) response: Response<Bytes>,
    pub(crate) delay: Duration,
}

/// Returns a valid reply.
pub(crate) fn reply(json: &Value) -> Answer {
    let response = Response::builder().header("content-type", "application/json");
    Answer {
        response: response.body(json.to_string().into()).unwrap(),
        delay: Duration::ZERO,
    }
}

/// Returns a response with this status and an empty object.
pub(crate) fn status(status: u16) -> Answer {
    let mut answer = reply(&serde_json::json!({}));
    *answer.response.status_mut() = status.try_into().unwrap();
    answer
}

/// Returns the response to a call, given the call and its number.
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

    /// Returns the next received call.
    pub(crate) async fn call(&mut self) -> Call {
        patient(self.calls.recv()).await.unwrap()
    }

    /// Returns the JSON of the next received event.
    pub(crate) async fn event(&mut self) -> Value {
        self.call().await.json()
    }

    /// Returns the types of all received events that have not been read.
    pub(crate) fn types(&mut self) -> Vec<String> {
        let mut types = Vec::new();
        while let Ok(call) = self.calls.try_recv() {
            types.push(call.json()["Type"].as_str().unwrap().to_owned());
        }
        types
    }
}

/// Responds to calls, and passes them on to the test.
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
        // Clients disconnect when they have waited long enough.
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
