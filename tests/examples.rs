//! The example programs, as their readers run them.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// How long an example may take to do as it is told.
const PATIENCE: Duration = Duration::from_secs(20);

const CONTENT: &[u8] = b"resumable";

/// An example that runs in a directory of its own, and is killed when this is dropped.
struct Example {
    base: Uri,
    home: TempDir,
    _child: Child,
    // Nothing that it prints may fail.
    _stdout: BufReader<ChildStdout>,
}

impl Example {
    async fn start(name: &str) -> Self {
        let home = TempDir::new().unwrap();
        let mut child = Command::new(program(name))
            .arg("127.0.0.1:0")
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        patient(stdout.read_line(&mut line)).await.unwrap();
        let base = line.trim_end().strip_prefix("listening on ");
        let base = base.unwrap_or_else(|| panic!("{name} does not say where it listens: {line:?}"));
        Self {
            base: base.parse().unwrap(),
            home,
            _child: child,
            _stdout: stdout,
        }
    }

    async fn http_1(&self) -> Client {
        let (client, connection) = http1::handshake(self.connect().await).await.unwrap();
        tokio::spawn(connection);
        Client::Http1(client)
    }

    /// HTTP/2 with prior knowledge.
    async fn http_2(&self) -> Client {
        let io = self.connect().await;
        let (client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        Client::Http2(client)
    }

    async fn connect(&self) -> TokioIo<TcpStream> {
        let authority = self.base.authority().unwrap().as_str();
        TokioIo::new(patient(TcpStream::connect(authority)).await.unwrap())
    }

    /// A request to a path, or to wherever a `Location` leads.
    fn request(&self, method: Method, location: &str) -> http::request::Builder {
        let path = location.parse::<Uri>().unwrap();
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.base.authority().unwrap().clone())
            .path_and_query(path.path());
        Request::builder()
            .method(method)
            .uri(uri.build().unwrap())
            .header("host", self.base.authority().unwrap().as_str())
            .header("tus-resumable", "1.0.0")
    }

    /// Creates an upload in two requests, asks for its offset, and finds it in `dir`.
    async fn takes_an_upload(&self, client: &mut Client, base: &str, dir: &str) {
        let post = self
            .request(Method::POST, base)
            .header("upload-length", CONTENT.len());
        let created = client.send(post, b"").await;
        assert_eq!(created.status(), StatusCode::CREATED, "{base}");
        let location = created.headers()["location"].to_str().unwrap();
        let id = location.strip_prefix(base);
        let id = id.unwrap_or_else(|| panic!("{location} is not below {base}"));

        let patch = self
            .request(Method::PATCH, location)
            .header("upload-offset", "0")
            .header("content-type", "application/offset+octet-stream");
        let patched = client.send(patch, CONTENT).await;
        assert_eq!(patched.status(), StatusCode::NO_CONTENT, "{location}");
        assert_eq!(patched.headers()["upload-offset"], "9");

        let head = client.send(self.request(Method::HEAD, location), b"").await;
        assert_eq!(head.status(), StatusCode::OK, "{location}");
        assert_eq!(head.headers()["upload-offset"], "9");
        assert_eq!(head.headers()["upload-length"], "9");

        let stored = std::fs::read(self.home.path().join(dir).join(id)).unwrap();
        assert_eq!(stored, CONTENT, "{location}");
    }

    async fn announces_extensions(&self, client: &mut Client, base: &str) {
        let options = client.send(self.request(Method::OPTIONS, base), b"").await;
        assert!(options.status().is_success(), "{base}: {options:?}");
        let extensions = options.headers()["tus-extension"].to_str().unwrap();
        assert!(
            extensions.split(',').any(|name| name == "creation"),
            "{base}: {extensions}"
        );
    }
}

/// A connection of either version.
enum Client {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    async fn send(
        &mut self,
        request: http::request::Builder,
        body: &'static [u8],
    ) -> Response<Bytes> {
        let mut request = request.body(Full::from(body)).unwrap();
        let response = match self {
            Self::Http1(client) => {
                // In HTTP/1.1 a client sends the path, and the host in its header.
                *request.uri_mut() = Uri::from(request.uri().path_and_query().unwrap().clone());
                patient(client.send_request(request)).await
            }
            Self::Http2(client) => patient(client.send_request(request)).await,
        };
        let (head, body) = response.unwrap().into_parts();
        let body = patient(body.collect()).await.unwrap();
        Response::from_parts(head, body.to_bytes())
    }
}

/// Where `cargo test` and `cargo build --examples` put an example.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test
        .ancestors()
        .nth(2)
        .expect("tests are in deps/ of their profile");
    let program = profile.join("examples").join(name);
    assert!(
        program
            .with_extension(std::env::consts::EXE_EXTENSION)
            .is_file(),
        "{} is missing: run `cargo build --examples` in the profile of this test",
        program.display()
    );
    program
}

async fn patient<F: Future>(event: F) -> F::Output {
    timeout(PATIENCE, event).await.expect("it takes too long")
}

#[tokio::test]
async fn the_hyper_example_takes_uploads_over_both_versions_of_http() {
    let example = Example::start("hyper").await;
    for mut client in [example.http_1().await, example.http_2().await] {
        example
            .takes_an_upload(&mut client, "/files/", "data")
            .await;
    }
}

#[tokio::test]
async fn the_axum_example_takes_uploads_as_a_layer_and_as_a_service() {
    let example = Example::start("axum").await;
    for mut client in [example.http_1().await, example.http_2().await] {
        example
            .takes_an_upload(&mut client, "/files/", "data/files")
            .await;
        example
            .takes_an_upload(&mut client, "/photos/", "data/photos")
            .await;
    }
}

#[tokio::test]
async fn the_axum_example_announces_extensions_at_both_paths() {
    let example = Example::start("axum").await;
    for mut client in [example.http_1().await, example.http_2().await] {
        for base in ["/files/", "/photos/"] {
            example.announces_extensions(&mut client, base).await;
        }
    }
}

#[tokio::test]
async fn the_axum_example_keeps_its_other_routes() {
    let example = Example::start("axum").await;
    for mut client in [example.http_1().await, example.http_2().await] {
        let response = client.send(example.request(Method::GET, "/"), b"").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.body(), "hello");
    }
}
