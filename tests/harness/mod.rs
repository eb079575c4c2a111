//! The server as a separate process, for tests from outside.
//!
//! ```ignore
//! mod harness;
//!
//! let mut server = Server::start(&["-shutdown-timeout=1s"]).await;
//! let mut client = server.connect().await;
//! // ...
//! server.signal(Signal::TERM);
//! assert_eq!(server.exit().await.code(), Some(0));
//! ```
//!
//! Everything that is awaited here fails the test after [`PATIENCE`].

#![allow(dead_code, reason = "a test file uses what it needs")]

pub(crate) mod aged;
pub(crate) mod certificate;
pub(crate) mod gateway;
pub(crate) mod grpc;
pub(crate) mod host;
pub(crate) mod raw;
pub(crate) mod services;
pub(crate) mod tus;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::gateway::Gateway;

/// Returns the names in an upload directory, in order, except for the file whose
/// links are the locks of a running server.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = dir.read_dir().unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .filter(|name| !(name.starts_with('.') && name.ends_with(".lock")))
        .collect();
    names.sort();
    names
}

/// Time limit for any step of a server.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const READY: &str = "You can now upload files to: ";

/// A running `tower-tusd`, killed on drop.
pub(crate) struct Server {
    child: Child,
    stdout: mpsc::UnboundedReceiver<String>,
    reader: JoinHandle<()>,
    url: String,
    address: SocketAddr,
    uploads: PathBuf,
    start: Vec<String>,
    _home: Option<TempDir>,
}

impl Server {
    /// Starts a server in a temporary directory, on a free port of 127.0.0.1.
    pub(crate) async fn start(args: &[&str]) -> Self {
        let home = TempDir::new().unwrap();
        let mut server = Self::start_in(home.path(), args).await;
        server._home = Some(home);
        server
    }

    /// Starts a server in a directory that outlives it. Its uploads are in
    /// `data` there.
    pub(crate) async fn start_in(home: &Path, args: &[&str]) -> Self {
        Self::launch(home, command(home, args)).await
    }

    /// Starts a server whose uploads are in the gateway's bucket.
    pub(crate) async fn start_over(gateway: &Gateway, args: &[&str]) -> Self {
        let home = TempDir::new().unwrap();
        let command = command_over(gateway, home.path(), args);
        let mut server = Self::launch(home.path(), command).await;
        server._home = Some(home);
        server
    }

    /// Starts a server through another program, which gets the command line.
    pub(crate) async fn start_under(wrapper: &[&str], args: &[&str]) -> Self {
        let home = TempDir::new().unwrap();
        let mut server = Self::launch(home.path(), command_under(wrapper, home.path(), args)).await;
        server._home = Some(home);
        server
    }

    /// Starts a server on the Unix socket `home/socket`. It has no address.
    pub(crate) async fn start_on_socket(home: &Path, args: &[&str]) -> Self {
        Self::start_on_socket_under(&[], home, args).await
    }

    /// Like [`start_on_socket`](Self::start_on_socket), through another
    /// program.
    pub(crate) async fn start_on_socket_under(
        wrapper: &[&str],
        home: &Path,
        args: &[&str],
    ) -> Self {
        let mut child = command_under(wrapper, home, args);
        child.args(["-unix-sock", "socket"]);
        let (child, stdout, reader) = spawn(child);
        let socket = home.join("socket");
        patient(async {
            // Nothing else signals that the socket is ready.
            while UnixStream::connect(&socket).await.is_err() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
        Self {
            child,
            stdout,
            reader,
            start: Vec::new(),
            url: "http://localhost/files/".to_owned(),
            address: (Ipv4Addr::UNSPECIFIED, 0).into(),
            uploads: home.join("data"),
            _home: None,
        }
    }

    /// Starts a server with a command that the test has built.
    pub(crate) async fn launch(home: &Path, command: Command) -> Self {
        let (child, mut stdout, reader) = spawn(command);
        let mut start = Vec::new();
        let ready = loop {
            match next(&mut stdout, READY).await {
                line if line.contains(READY) => break line,
                line => start.push(line),
            }
        };
        let url = ready.split_once(READY).unwrap().1;
        // A JSON line continues after the URL.
        let url = url.trim_end_matches("\"}").to_owned();
        let address = address(&url);
        let uploads = home.join("data");
        Self {
            child,
            stdout,
            reader,
            url,
            address,
            uploads,
            start,
            _home: None,
        }
    }

    /// Returns the URL of the ready line.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address of the server, on 127.0.0.1 for a wildcard host.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens a new connection.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Returns the default upload directory.
    pub(crate) fn uploads(&self) -> &Path {
        &self.uploads
    }

    /// Returns the lines of stdout before the ready line.
    pub(crate) fn start_lines(&self) -> &[String] {
        &self.start
    }

    /// Returns the next line of stdout that contains `part`.
    pub(crate) async fn line(&mut self, part: &str) -> String {
        line(&mut self.stdout, part).await
    }

    /// Returns all unread lines of stdout, up to the end of the server, but not how much
    /// a crash has left.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = patient(self.stdout.recv()).await {
            // The look at the directory ends at any time.
            if !line.contains("LeftoversFound") {
                lines.push(line);
            }
        }
        lines
    }

    /// Closes the reading end of the server's stdout.
    pub(crate) async fn close_stdout(&mut self) {
        self.reader.abort();
        let _ = (&mut self.reader).await;
    }

    pub(crate) fn pid(&self) -> Pid {
        let id = self.child.id().expect("it has not been waited for");
        Pid::from_raw(id.try_into().unwrap()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits until the server has exited.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        patient(self.child.wait()).await.unwrap()
    }

    /// Whether the server has exited.
    pub(crate) fn has_exited(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Returns the server's peak memory so far, in bytes. Linux only.
    pub(crate) fn peak_rss(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid().as_raw_pid());
        let status = std::fs::read_to_string(path).unwrap();
        let (_, peak) = status.split_once("VmHWM:").unwrap();
        let kib = peak.split_whitespace().next().unwrap();
        kib.parse::<u64>().unwrap() * 1024
    }
}

/// Runs a server that exits on its own, and returns its output.
pub(crate) async fn run(args: &[&str]) -> Output {
    let home = TempDir::new().unwrap();
    patient(command(home.path(), args).output()).await.unwrap()
}

/// Awaits an event that must happen soon.
pub(crate) async fn patient<F: Future>(event: F) -> F::Output {
    timeout(PATIENCE, event).await.expect("it takes too long")
}

/// Returns the command that starts a server in `home`, by default on a free
/// port of 127.0.0.1.
pub(crate) fn command(home: &Path, args: &[&str]) -> Command {
    command_under(&[], home, args)
}

/// Like [`command`], for uploads in the gateway's bucket.
pub(crate) fn command_over(gateway: &Gateway, home: &Path, args: &[&str]) -> Command {
    let mut command = command(home, &[]);
    gateway.tell(&mut command);
    command.args(args);
    command
}

/// Like [`command`], through another program, which gets the command line.
pub(crate) fn command_under(wrapper: &[&str], home: &Path, args: &[&str]) -> Command {
    let line = [wrapper, &[env!("CARGO_BIN_EXE_tower-tusd")]].concat();
    command_of(&line, home, args)
}

/// Like [`command`], for any program with the same flags.
pub(crate) fn command_of(line: &[&str], home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(line[0]);
    command
        .args(&line[1..])
        .current_dir(home)
        .args(["-host=127.0.0.1", "-port=0"])
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

fn spawn(mut command: Command) -> (Child, mpsc::UnboundedReceiver<String>, JoinHandle<()>) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, stdout) = mpsc::unbounded_channel();
    let reader = tokio::spawn(forward(lines, sender));
    (child, stdout, reader)
}

/// Reads ahead, so that a full pipe never blocks the server.
async fn forward(mut lines: Lines<BufReader<ChildStdout>>, to: mpsc::UnboundedSender<String>) {
    while let Some(line) = lines.next_line().await.unwrap() {
        let _ = to.send(line);
    }
}

/// Returns the next line that contains `part`.
async fn next(stdout: &mut mpsc::UnboundedReceiver<String>, part: &str) -> String {
    let line = patient(stdout.recv()).await;
    line.unwrap_or_else(|| panic!("the server ended without a line {part:?}"))
}

async fn line(stdout: &mut mpsc::UnboundedReceiver<String>, part: &str) -> String {
    loop {
        let line = next(stdout, part).await;
        if line.contains(part) {
            return line;
        }
    }
}

fn address(url: &str) -> SocketAddr {
    let authority = url.split('/').nth(2).unwrap();
    let addresses = authority.to_socket_addrs().unwrap();
    let mut address = addresses.min_by_key(SocketAddr::is_ipv6).unwrap();
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}
