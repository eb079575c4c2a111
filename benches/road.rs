//! Compares the server with a lower bound: twenty lines of hyper that write body frames
//! to a file.
//!
//! ```text
//! cargo bench --features server --bench road
//! ```
//!
//! Both run as separate processes on the same disk, take turns, and get the same load.
//! Compare the ratios; absolute times differ between machines.
//!
//! `ROAD_DIR` selects the disk and defaults to the current directory. On ext4, the
//! first thousands of files in a new directory may cost the kernel more than everything
//! else here. To measure the servers alone, use a tmpfs.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const LARGE: usize = 1 << 30;
const SMALL: usize = 4 << 10;
const CONNECTIONS: usize = 32;
const UPLOADS: usize = 4096;
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some("floor") {
        return floor().await;
    }
    let home = tempfile::tempdir_in(std::env::var_os("ROAD_DIR").unwrap_or(".".into()))?;
    println!(
        "{:<36} {:>10} {:>10} {:>8}",
        "", "floor", "tower-tusd", "ratio"
    );
    for durability in ["none", "finish"] {
        compare(home.path(), durability, "1 GiB in one PATCH", large).await?;
        compare(
            home.path(),
            durability,
            "POST + PATCH 4 KiB + HEAD, 32 conns",
            small,
        )
        .await?;
    }
    Ok(())
}

/// Serves uploads with twenty lines of hyper: the minimal cost of an upload to a file.
async fn floor() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/files/", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(
            http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(store)),
        );
    }
}

async fn store(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>> {
    let id = match *request.method() {
        Method::POST => fresh_id(),
        _ => request.uri().path()[7..].to_owned(),
    };
    let mut response = Response::builder()
        .status(204)
        .header("Location", format!("/files/{id}"));
    match *request.method() {
        Method::POST => drop(std::fs::File::create_new(&id)?),
        Method::HEAD => {
            let length = std::fs::metadata(&id)?.len();
            response = response.header("Upload-Offset", length);
        }
        _ => {
            let file = std::fs::OpenOptions::new().write(true).open(&id)?;
            let (mut body, mut offset) = (request.into_body(), 0);
            while let Some(frame) = body.frame().await {
                let data = frame?.into_data().unwrap_or_default();
                file.write_all_at(&data, offset)?;
                offset += data.len() as u64;
            }
        }
    }
    Ok(response.body(Empty::new())?)
}

fn fresh_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:032x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A server process, ended on drop.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(mut command: Command, home: &Path) -> Result<Self> {
        let command = command.current_dir(home).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("its stdout is piped")?;
        let line = BufReader::new(stdout)
            .lines()
            .find(|line| line.as_ref().map_or(true, |line| line.contains("http://")));
        let line = line.ok_or("the server ended")??;
        let (_, url) = line.split_once("http://").ok_or("the line has a URL")?;
        let address = url.split('/').next().unwrap_or(url).parse()?;
        Ok(Self { child, address })
    }

    fn floor(home: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("floor");
        Self::start(command, home)
    }

    fn tower_tusd(home: &Path, durability: &str) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tower-tusd"));
        command.args([
            "-host=127.0.0.1",
            "-port=0",
            "-upload-dir=tus",
            "-durability",
            durability,
        ]);
        Self::start(command, home)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A temporary directory. Dropping it leaves no pending writes.
struct Home(tempfile::TempDir);

impl Home {
    fn new(parent: &Path) -> Result<Self> {
        Ok(Self(tempfile::tempdir_in(parent)?))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(self.0.path()));
        drop(Command::new("sync").status());
    }
}

/// Runs a load against both servers in turn, and prints the medians.
async fn compare<F>(
    home: &Path,
    durability: &str,
    name: &str,
    load: impl Fn(SocketAddr) -> F,
) -> Result<()>
where
    F: Future<Output = Result<Duration>>,
{
    let (mut floors, mut ours) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS * 2 {
        let home = Home::new(home)?;
        // Alternate the order.
        if (round + round / 2) % 2 == 0 {
            floors.push(load(Server::floor(home.path())?.address).await?);
        } else {
            ours.push(load(Server::tower_tusd(home.path(), durability)?.address).await?);
        }
    }
    floors.sort_unstable();
    ours.sort_unstable();
    let (floor, ours) = (floors[ROUNDS / 2], ours[ROUNDS / 2]);
    println!(
        "{:<36} {:>9.3}s {:>9.3}s {:>8.2}  durability={durability}",
        name,
        floor.as_secs_f64(),
        ours.as_secs_f64(),
        floor.as_secs_f64() / ours.as_secs_f64(),
    );
    Ok(())
}

async fn large(address: SocketAddr) -> Result<Duration> {
    let mut client = Client::connect(address).await?;
    let path = client.post(LARGE).await?;
    let bytes = vec![7; 1 << 20];
    let begin = Instant::now();
    client.patch_head(&path, LARGE).await?;
    for _ in 0..LARGE / bytes.len() {
        client.socket.write_all(&bytes).await?;
    }
    client.answer("204").await?;
    Ok(begin.elapsed())
}

async fn small(address: SocketAddr) -> Result<Duration> {
    let begin = Instant::now();
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(uploads(address)))
        .collect();
    for client in clients {
        client.await??;
    }
    Ok(begin.elapsed())
}

async fn uploads(address: SocketAddr) -> Result<()> {
    let mut client = Client::connect(address).await?;
    for _ in 0..UPLOADS / CONNECTIONS {
        let path = client.post(SMALL).await?;
        client.patch_head(&path, SMALL).await?;
        client.socket.write_all(&[7; SMALL]).await?;
        client.answer("204").await?;
        client.head(&path).await?;
    }
    Ok(())
}

/// A minimal HTTP/1.1 client.
struct Client {
    socket: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            answer: Vec::new(),
        })
    }

    async fn post(&mut self, length: usize) -> Result<String> {
        let headers = format!("Upload-Length: {length}\r\nContent-Length: 0\r\n");
        self.send("POST /files/", &headers).await?;
        let answer = self.answer("20").await?.to_ascii_lowercase();
        let (_, location) = answer
            .split_once("\r\nlocation: ")
            .ok_or("it has a place")?;
        Ok(location.split("\r\n").next().unwrap_or(location).to_owned())
    }

    async fn patch_head(&mut self, path: &str, length: usize) -> Result<()> {
        let headers = format!(
            "Upload-Offset: 0\r\nContent-Length: {length}\r\n\
             Content-Type: application/offset+octet-stream\r\n"
        );
        self.send(&format!("PATCH {path}"), &headers).await
    }

    async fn head(&mut self, path: &str) -> Result<()> {
        self.send(&format!("HEAD {path}"), "").await?;
        self.answer("20").await.map(drop)
    }

    async fn send(&mut self, line: &str, headers: &str) -> Result<()> {
        let head = format!("{line} HTTP/1.1\r\nHost: tus\r\nTus-Resumable: 1.0.0\r\n{headers}\r\n");
        Ok(self.socket.write_all(head.as_bytes()).await?)
    }

    /// Reads the next response, which must have no body.
    async fn answer(&mut self, status: &str) -> Result<String> {
        self.answer.clear();
        while !self.answer.ends_with(b"\r\n\r\n") {
            if self.socket.read_buf(&mut self.answer).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
        let answer = String::from_utf8_lossy(&self.answer).into_owned();
        if answer[9..].starts_with(status) {
            Ok(answer)
        } else {
            Err(answer.into())
        }
    }
}
