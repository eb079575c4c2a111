//! The list of hosts.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;

use axum::Router;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_tus::Stack;
use tower_tus::layers::protocol::BoxError;
use warp::Filter;

use crate::tus::{Answer, Content, Tus, Version};

/// A way to host a stack, and the HTTP version of requests to it.
pub(crate) struct Host {
    name: &'static str,
    start: fn(Stack) -> Home,
    version: Version,
}

/// Hosts with the stack as a layer around an application.
const LAYERS: [(&str, fn(Stack) -> Home); 4] = [
    ("a bare layer", bare_layer),
    ("axum's layer", axum_layer),
    ("tonic's layer", tonic_layer),
    ("a layer around warp", around_warp),
];

/// Hosts with the stack as a service.
const SERVICES: [(&str, fn(Stack) -> Home); 5] = [
    ("a bare service", bare_service),
    ("axum's nest_service", axum_nest),
    ("axum's route_service", axum_route),
    ("axum's fallback_service", axum_fallback),
    ("hyper", hyper),
];

pub(crate) fn all() -> impl Iterator<Item = Host> {
    LAYERS
        .into_iter()
        .chain(SERVICES)
        .flat_map(in_both_versions)
}

pub(crate) fn layers() -> impl Iterator<Item = Host> {
    LAYERS.into_iter().flat_map(in_both_versions)
}

fn in_both_versions((name, start): (&'static str, fn(Stack) -> Home)) -> [Host; 2] {
    [Version::Http1, Version::Http2].map(|version| Host {
        name,
        start,
        version,
    })
}

impl Host {
    /// Hosts a stack until the peer is dropped.
    pub(crate) fn host(&self, stack: Stack) -> Peer {
        Peer {
            home: (self.start)(stack),
            version: self.version,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.name, self.version)
    }
}

/// A hosted stack.
pub(crate) struct Peer {
    home: Home,
    version: Version,
}

enum Home {
    Process(Bare),
    Socket {
        address: SocketAddr,
        _server: JoinSet<()>,
    },
}

type Bare = BoxCloneSyncService<Request<Content>, Response<Content>, Infallible>;

impl Peer {
    /// Sends a request for a path.
    pub(crate) async fn send(&self, mut request: Request<Content>) -> Answer {
        match &self.home {
            Home::Process(service) => {
                *request.version_mut() = match self.version {
                    Version::Http1 => http::Version::HTTP_11,
                    Version::Http2 => http::Version::HTTP_2,
                };
                let Ok(response) = service.clone().oneshot(request).await;
                let (parts, body) = response.into_parts();
                let Ok(body) = body.collect().await;
                Response::from_parts(parts, body.to_bytes())
            }
            Home::Socket { address, .. } => {
                let url = format!("http://{address}{}", request.uri());
                *request.uri_mut() = url.parse::<Uri>().unwrap();
                Tus::new(&url, self.version).send(request).await
            }
        }
    }

    /// Returns the address of the host, if it has a socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self.home {
            Home::Socket { address, .. } => Some(address),
            Home::Process(_) => None,
        }
    }

    /// Returns the address of the host, if its requests use HTTP/1.1.
    pub(crate) fn http_1(&self) -> Option<SocketAddr> {
        self.address().filter(|_| self.version == Version::Http1)
    }
}

/// Serves a test's own service with hyper alone, until the peer is dropped.
pub(crate) fn hosted<S, B>(service: S, version: Version) -> Peer
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    Peer {
        home: socket(|listener| serve(listener, service)),
        version,
    }
}

/// Serves a test's own axum router, alone and as a route of tonic.
pub(crate) fn routed(router: &Router, version: Version) -> [(&'static str, Peer); 2] {
    let homes = [
        ("axum", axum(router.clone())),
        ("tonic", tonic(router.clone())),
    ];
    homes.map(|(name, home)| (name, Peer { home, version }))
}

/// The application around the uploads: a route that echoes its requests.
fn application() -> Router {
    let echo = |body: axum::body::Body| async { Response::new(body) };
    Router::new().route("/filesystem", axum::routing::any(echo))
}

fn bare_layer(stack: Stack) -> Home {
    let echo = |request: Request<Content>| async { Ok(Response::new(request.into_body())) };
    bare(stack.into_layer().layer(service_fn(echo)))
}

fn bare_service(stack: Stack) -> Home {
    bare(stack.into_service())
}

fn axum_layer(stack: Stack) -> Home {
    axum(application().layer(stack.into_layer()))
}

fn axum_nest(stack: Stack) -> Home {
    axum(application().nest_service("/files", stack.into_service()))
}

fn axum_route(stack: Stack) -> Home {
    let uploads = stack.into_service();
    let router = application()
        .route_service("/files", uploads.clone())
        .route_service("/files/", uploads.clone())
        .route_service("/files/{*id}", uploads);
    axum(router)
}

fn axum_fallback(stack: Stack) -> Home {
    axum(application().fallback_service(stack.into_service()))
}

fn tonic_layer(stack: Stack) -> Home {
    socket(|listener| async {
        let served = Server::builder()
            .accept_http1(true)
            .layer(stack.into_layer())
            .add_routes(Routes::from(application()))
            .serve_with_incoming(TcpIncoming::from(listener));
        served.await.unwrap();
    })
}

fn hyper(stack: Stack) -> Home {
    socket(|listener| serve(listener, stack.into_service()))
}

fn around_warp(stack: Stack) -> Home {
    let echo = warp::path("filesystem")
        .and(warp::body::bytes())
        .map(|bytes: Bytes| warp::reply::Response::new(bytes.into()));
    let service = stack.into_layer().layer(warp::service(echo));
    socket(|listener| serve(listener, service))
}

fn bare<S, B>(service: S) -> Home
where
    S: Service<Request<Content>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes, Error: fmt::Debug> + Send + Sync + 'static,
{
    let boxed = |body: B| body.map_err(|error| panic!("{error:?}")).boxed();
    let boxed = service.map_response(move |response| response.map(boxed));
    Home::Process(Bare::new(boxed))
}

fn axum(router: Router) -> Home {
    socket(|listener| async { axum::serve(listener, router).await.unwrap() })
}

fn tonic(router: Router) -> Home {
    socket(|listener| async {
        let served = Server::builder()
            .accept_http1(true)
            .add_routes(Routes::from(router))
            .serve_with_incoming(TcpIncoming::from(listener));
        served.await.unwrap();
    })
}

/// Starts a server on a free port.
fn socket<F: Future<Output = ()> + Send + 'static>(server: impl FnOnce(TcpListener) -> F) -> Home {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let mut servers = JoinSet::new();
    servers.spawn(server(TcpListener::from_std(listener).unwrap()));
    Home::Socket {
        address,
        _server: servers,
    }
}

/// Serves with hyper alone.
async fn serve<S, B>(listener: TcpListener, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let service = TowerToHyperService::new(service);
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            let connection = server.serve_connection(TokioIo::new(socket), service);
            // A client that disconnects is no failure of the host.
            drop(connection.await);
        });
    }
}
