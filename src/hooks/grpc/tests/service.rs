//! A hook service within the test.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

use super::super::message::{HookRequest, HookResponse};

pub(super) type Answer = Result<HookResponse, Status>;

/// A running service.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    /// The calls received so far.
    pub(super) calls: mpsc::UnboundedReceiver<Request<HookRequest>>,
    end: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    /// Starts the service on a free port.
    pub(super) async fn start(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), None, answer).await
    }

    pub(super) async fn start_at(
        address: SocketAddr,
        tls: Option<ServerTlsConfig>,
        answer: impl Fn() -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (called, calls) = mpsc::unbounded_channel();
        let answer = Arc::new(answer);
        let handler = Handler { called, answer };
        let mut server = Server::builder();
        if let Some(tls) = tls {
            server = server.tls_config(tls).unwrap();
        }
        let (end, ending) = oneshot::channel();
        let serving = server
            .add_service(handler)
            .serve_with_incoming_shutdown(TcpIncoming::from(listener), ending.map(drop));
        Self {
            address,
            calls,
            end,
            ended: tokio::spawn(async { serving.await.unwrap() }),
        }
    }

    /// Stops the service, and closes every connection.
    pub(super) async fn end(self) {
        self.end.send(()).unwrap();
        self.ended.await.unwrap();
    }

    /// Returns how many received calls have not been read.
    pub(super) fn count(&mut self) -> usize {
        std::iter::from_fn(|| self.calls.try_recv().ok()).count()
    }
}

#[derive(Clone)]
struct Handler {
    called: mpsc::UnboundedSender<Request<HookRequest>>,
    answer: Arc<dyn Fn() -> Answer + Send + Sync>,
}

impl NamedService for Handler {
    const NAME: &'static str = "proto.HookHandler";
}

impl Service<http::Request<Body>> for Handler {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        assert_eq!(request.uri().path(), "/proto.HookHandler/InvokeHook");
        let Self { called, answer } = self.clone();
        let method = service_fn(move |request| {
            // Some tests do not read the calls.
            let _ = called.send(request);
            let answer = answer();
            async { answer.map(Response::new) }
        });
        let mut grpc = Grpc::new(ProstCodec::<HookResponse, HookRequest>::default());
        async move { Ok(grpc.unary(method, request).await) }.boxed()
    }
}
