//! A running example, and its clients.

use std::path::{Path, PathBuf};
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

/// Time limit for any step of an example.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const CONTENT: &[u8] = b"resumable";

/// An example that runs in a temporary directory, killed on drop.
pub(crate) struct Example {
    base: Uri,
    /// The working directory of the example.
    pub(crate) home: TempDir,
    name: &'static str,
    child: Child,
    // Kept open, so that printing does not fail.
    stdout: BufReader<ChildStdout>,
}

impl Example {
    pub(crate) async fn start(name: &'static str) -> Self {
        Self::start_in(TempDir::new().unwrap(), name).await
    }

    pub(crate) async fn start_in(home: TempDir, name: &'static str) -> Self {
        let mut command = command(name, "127.0.0.1:0", home.path());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        patient(stdout.read_line(&mut line)).await.unwrap();
        let base = line.trim_end().strip_prefix("listening on ");
        let base = base.unwrap_or_else(|| panic!("{name} does not say where it listens: {line:?}"));
        Self {
            base: base.parse().unwrap(),
            home,
            name,
            child,
            stdout,
        }
    }

    /// Returns the next line that the example prints.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        patient(self.stdout.read_line(&mut line)).await.unwrap();
        line.trim_end().to_owned()
    }

    /// Kills the example with SIGKILL, and restarts it in the same directory.
    pub(crate) async fn kill_and_restart(mut self, meanwhile: impl FnOnce()) -> Self {
        patient(self.child.kill()).await.unwrap();
        meanwhile();
        Self::start_in(self.home, self.name).await
    }

    /// Returns one client per HTTP version.
    pub(crate) async fn clients(&self) -> [Client; 2] {
        [self.http_1().await, self.http_2().await]
    }

    pub(crate) async fn http_1(&self) -> Client {
        let (client, connection) = http1::handshake(self.connect().await).await.unwrap();
        tokio::spawn(connection);
        Client::Http1(client)
    }

    /// Connects over HTTP/2 with prior knowledge.
    pub(crate) async fn http_2(&self) -> Client {
        let io = self.connect().await;
        let (client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        Client::Http2(client)
    }

    async fn connect(&self) -> TokioIo<TcpStream> {
        TokioIo::new(patient(TcpStream::connect(self.authority())).await.unwrap())
    }

    /// Returns the host and port of the example.
    pub(crate) fn authority(&self) -> &str {
        self.base.authority().unwrap().as_str()
    }

    /// Builds a request to a path or to the URL of a `Location`.
    pub(crate) fn request(&self, method: Method, location: &str) -> http::request::Builder {
        let path = location.parse::<Uri>().unwrap();
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.authority())
            .path_and_query(path.path());
        Request::builder()
            .method(method)
            .uri(uri.build().unwrap())
            .header("host", self.authority())
            .header("tus-resumable", "1.0.0")
    }

    /// Creates an upload in two requests, reads its offset, and finds its file
    /// in `dir`.
    pub(crate) async fn takes_an_upload(&self, client: &mut Client, base: &str, dir: &str) {
        let post = self
            .request(Method::POST, base)
            .header("upload-length", CONTENT.len());
        let created = client.send(post, b"").await;
        assert_eq!(created.status(), StatusCode::CREATED, "{base}");
        let location = created.headers()["location"].to_str().unwrap();
        let id = location.strip_prefix(base);
        let id = id.unwrap_or_else(|| panic!("{location} is not below {base}"));

        let patch = self.append(location);
        let patched = client.send(patch, CONTENT).await;
        assert_eq!(patched.status(), StatusCode::NO_CONTENT, "{location}");
        assert_eq!(patched.headers()["upload-offset"], "9");

        let head = client.send(self.request(Method::HEAD, location), b"").await;
        assert_eq!(head.status(), StatusCode::OK, "{location}");
        assert_eq!(head.headers()["upload-offset"], "9");
        assert_eq!(head.headers()["upload-length"], "9");

        let id = id.trim_start_matches('/');
        let stored = std::fs::read(self.home.path().join(dir).join(id)).unwrap();
        assert_eq!(stored, CONTENT, "{location}");
    }

    /// Builds a request with the first bytes of an upload.
    pub(crate) fn append(&self, location: &str) -> http::request::Builder {
        self.request(Method::PATCH, location)
            .header("upload-offset", "0")
            .header("content-type", "application/offset+octet-stream")
    }

    /// Returns the extensions that OPTIONS lists.
    pub(crate) async fn extensions(&self, client: &mut Client, base: &str) -> Vec<String> {
        let options = client.send(self.request(Method::OPTIONS, base), b"").await;
        assert_eq!(options.status(), StatusCode::OK, "{base}");
        let extensions = options.headers()["tus-extension"].to_str().unwrap();
        extensions.split(',').map(str::to_owned).collect()
    }
}

/// A connection of either HTTP version.
pub(crate) enum Client {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    pub(crate) async fn send(
        &mut self,
        request: http::request::Builder,
        body: &'static [u8],
    ) -> Response<Bytes> {
        let response = self.try_send(request, body).await;
        response.expect("the example answers")
    }

    /// Like [`send`](Self::send), for an example that may exit before it responds.
    pub(crate) async fn try_send(
        &mut self,
        request: http::request::Builder,
        body: &'static [u8],
    ) -> Option<Response<Bytes>> {
        let mut request = request.body(Full::from(body)).unwrap();
        let response = match self {
            Self::Http1(client) => {
                // HTTP/1.1 clients send the path only, and the host in a
                // header.
                *request.uri_mut() = Uri::from(request.uri().path_and_query().unwrap().clone());
                patient(client.send_request(request)).await
            }
            Self::Http2(client) => patient(client.send_request(request)).await,
        };
        let (head, body) = response.ok()?.into_parts();
        let body = patient(body.collect()).await.ok()?;
        Some(Response::from_parts(head, body.to_bytes()))
    }
}

/// Returns the command that starts an example in `home`.
pub(crate) fn command(name: &str, argument: &str, home: &Path) -> Command {
    let mut command = Command::new(program(name));
    command
        .arg(argument)
        .current_dir(home)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Returns the path of an example that cargo has built.
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

pub(crate) async fn patient<F: Future>(event: F) -> F::Output {
    timeout(PATIENCE, event).await.expect("it takes too long")
}
