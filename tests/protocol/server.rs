//! The servers under test: ours in every configuration, or the one at
//! `TUS_URL`.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, SystemTime};

use axum::Router;
use headers::{Expires, Header};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tower_tus::layers::cors::CorsLayer;
use tower_tus::layers::store::MemoryStore;
use tower_tus::{Expiration, Stack};

use crate::check::Check;
use crate::harness;
use crate::harness::gateway::Gateway;
use crate::harness::host::host;
use crate::harness::tus::{Tus, Version, content, request};

/// The maximum size of our servers: more than any check sends, and small enough
/// to exceed.
const MAX_SIZE: u64 = 8 << 20;

/// What a server offers whose uploads expire while a check waits for it.
pub(crate) const SHORT: &str = "an expiration within seconds";

/// A server, with what is known about it before the checks.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    /// The URL of its upload collection.
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    pub(crate) versions: Vec<Version>,
    /// Its extensions, and other features that some checks require:
    /// `Tus-Max-Size`, `a small Tus-Max-Size`, `CORS`, `GET`, and [`SHORT`].
    pub(crate) offers: BTreeSet<String>,
    /// For our servers: what they intentionally do not offer. Nothing else may
    /// be missing.
    pub(crate) ours: Option<&'static [&'static str]>,
    _process: Option<harness::Server>,
    _gateway: Option<Gateway>,
}

/// Starts all of our servers.
pub(crate) async fn ours() -> Vec<Server> {
    let max_size = format!("-max-size={MAX_SIZE}");
    let flags = [&*max_size, "-concatenation-unfinished", "-expiration=24h"];
    let objects = in_object_store(&flags).await;
    let process = harness::Server::start(&flags).await;
    let mut file = Server::ask("file", process.url(), &BOTH).await;
    file.ours = Some(&[]);
    file._process = Some(process);
    let flags = ["-expiration=2s", "-expiration-scan-interval=100ms"];
    let process = harness::Server::start(&flags).await;
    let mut short_file = Server::ask("file 2s", process.url(), &BOTH).await;
    short_file.ours = Some(&[]);
    short_file._process = Some(process);

    let memory = stack().unfinished_concatenation().expiration(day());
    let memory = host(memory.into_service()).await;
    let short_memory = stack().expiration(Expiration::after(Duration::from_secs(2)));
    let short_memory = host(short_memory.into_service()).await;
    let axum = listen(|listener| async {
        let app = Router::new().layer(stack().expiration(day()).into_layer());
        axum::serve(listener, app).await.unwrap();
    });
    let tonic = listen(|listener| async {
        let server = tonic::transport::Server::builder()
            .accept_http1(true)
            .layer(stack().into_layer())
            .add_routes(tonic::service::Routes::default());
        let incoming = TcpIncoming::from(listener);
        server.serve_with_incoming(incoming).await.unwrap();
    });
    let mut servers = vec![file, short_file];
    servers.extend(objects);
    for (name, address, lacks) in [
        ("memory", memory, &[][..]),
        ("mem 2s", short_memory, &[]),
        ("axum", axum.await, &["concatenation-unfinished"]),
        (
            "tonic",
            tonic.await,
            &["concatenation-unfinished", "expiration"],
        ),
    ] {
        let mut server = Server::ask(name, &format!("http://{address}/files/"), &BOTH).await;
        server.ours = Some(lacks);
        servers.push(server);
    }
    servers
}

/// Starts a server whose uploads are in an object store, if one is installed.
async fn in_object_store(flags: &[&str]) -> Option<Server> {
    let gateway = Gateway::start().await?;
    let process = harness::Server::start_over(&gateway, flags).await;
    let mut server = Server::ask("s3", process.url(), &BOTH).await;
    server.ours = Some(&[]);
    server._process = Some(process);
    server._gateway = Some(gateway);
    Some(server)
}

const BOTH: [Version; 2] = [Version::Http1, Version::Http2];

fn stack() -> Stack {
    Stack::new(MemoryStore::default())
        .max_size(MAX_SIZE)
        .cors(CorsLayer::new())
}

fn day() -> Expiration {
    Expiration::after(Duration::from_secs(24 * 60 * 60))
}

/// Starts a server on a free port.
async fn listen<F>(server: impl FnOnce(TcpListener) -> F) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server(listener));
    address
}

/// Detects the features of a foreign server, or returns why that fails.
pub(crate) async fn foreign(url: &str) -> Result<Server, String> {
    let uri: Uri = url.parse().map_err(|_| "it is no URL")?;
    if uri.scheme_str() != Some("http") {
        return Err("only http:// is spoken here, so let something end the TLS".to_owned());
    }
    let url = uri.to_string();
    if !speaks(&url, Version::Http1).await {
        return Err("no answer to OPTIONS over HTTP/1.1".to_owned());
    }
    if speaks(&url, Version::Http2).await {
        return Ok(Server::ask("server", &url, &BOTH).await);
    }
    println!("no HTTP/2 with prior knowledge at {url}: that column is left out");
    Ok(Server::ask("server", &url, &[Version::Http1]).await)
}

async fn speaks(url: &str, version: Version) -> bool {
    let options = Request::options(url).body(content("")).unwrap();
    Tus::new(url, version).try_send(options).await.is_some()
}

impl Server {
    /// Whether a check is to run against this server. Where uploads of ours expire
    /// soon, these are the checks that wait for it.
    pub(crate) fn is_for(&self, check: &Check) -> bool {
        let waits = check.needs().any(|need| need == SHORT);
        self.ours.is_none() || waits == self.offers.contains(SHORT)
    }

    async fn ask(name: &'static str, url: &str, versions: &[Version]) -> Self {
        let uri: Uri = url.parse().unwrap();
        let host = uri.host().unwrap().trim_matches(['[', ']']);
        let address = (host, uri.port_u16().unwrap_or(80)).to_socket_addrs();
        Self {
            name,
            url: url.to_owned(),
            address: address.unwrap().next().unwrap(),
            versions: versions.to_vec(),
            offers: offers(&Tus::new(url, Version::Http1)).await,
            ours: None,
            _process: None,
            _gateway: None,
        }
    }
}

async fn offers(tus: &Tus) -> BTreeSet<String> {
    let options = tus.ask(request(Method::OPTIONS, &tus.url)).await;
    let mut offers: BTreeSet<String> = list(options.headers(), "tus-extension").collect();
    if let Some(max) = list(options.headers(), "tus-max-size").next() {
        offers.insert("Tus-Max-Size".to_owned());
        if max.parse::<u64>().is_ok_and(|max| max <= 16 << 20) {
            offers.insert("a small Tus-Max-Size".to_owned());
        }
    }
    let preflight = request(Method::OPTIONS, &tus.url)
        .header("Origin", "https://example.com")
        .header("Access-Control-Request-Method", "POST");
    let preflight = tus.ask(preflight).await;
    if preflight
        .headers()
        .contains_key("access-control-allow-origin")
    {
        offers.insert("CORS".to_owned());
    }
    if downloads(tus).await {
        offers.insert("GET".to_owned());
    }
    if expires_soon(tus).await {
        offers.insert(SHORT.to_owned());
    }
    offers
}

/// Whether the server supports downloads.
async fn downloads(tus: &Tus) -> bool {
    let created = tus.ask(tus.post().header("Upload-Length", 5)).await;
    if created.status() != StatusCode::CREATED {
        return false;
    }
    let url = tus.location(&created);
    tus.append(&url, 0, content("hello")).await;
    let answer = tus.ask(request(Method::GET, &url)).await;
    answer.status() == StatusCode::OK && answer.body() == "hello"
}

/// Whether uploads expire within seconds.
async fn expires_soon(tus: &Tus) -> bool {
    let created = tus.ask(tus.post().header("Upload-Length", 5)).await;
    let date = created.headers().get("upload-expires");
    let date = date.and_then(|date| Expires::decode(&mut std::iter::once(date)).ok());
    date.is_some_and(|at| SystemTime::from(at) < SystemTime::now() + Duration::from_secs(10))
}

/// Returns the elements of a list header.
pub(crate) fn list(headers: &HeaderMap, name: &str) -> impl Iterator<Item = String> {
    let lines = headers.get_all(name).iter();
    let text: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
    let elements = text.join(",");
    let elements: Vec<_> = elements.split(',').map(|it| it.trim().to_owned()).collect();
    elements.into_iter().filter(|element| !element.is_empty())
}
