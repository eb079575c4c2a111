//! Compares a final upload of ten parts with `cat` of the same files.
//!
//! ```text
//! cargo bench --features server --bench concatenation
//! ```
//!
//! The server runs as a separate process. For the server, and for the shell that runs
//! `cat`, this prints how many bytes they caused to be written (`write_bytes` in
//! `/proc/PID/io`, Linux only). On file systems that can share blocks, such as XFS and
//! btrfs, the server writes almost nothing.
//!
//! `CONCATENATION_MIB` sets the size of a part in MiB and defaults to 8.
//! `CONCATENATION_DIR` selects the disk and defaults to the current directory.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PARTS: usize = 10;
const ROUNDS: usize = 3;

/// Elapsed time, and bytes written to the disk.
type Cost = (Duration, u64);

fn main() -> Result<()> {
    let mib: usize = std::env::var("CONCATENATION_MIB").map_or(Ok(8), |mib| mib.parse())?;
    let dir = std::env::var_os("CONCATENATION_DIR").unwrap_or(".".into());
    let name = format!("{PARTS} parts of {mib} MiB");
    println!("{name:<36} {:>9} {:>16}", "seconds", "bytes written");
    // Syncing the output of `cat` makes it as durable as the server's final upload.
    for (durability, then) in [("none", "true"), ("finish", "sync all")] {
        let home = tempfile::tempdir_in(&dir)?;
        let server = Server::start(home.path(), durability)?;
        let parts = (0..PARTS).map(|_| server.partial(mib << 20));
        let parts: Vec<_> = parts.collect::<Result<_>>()?;
        for _ in 0..ROUNDS {
            row(
                &format!("cat parts > all; {then}"),
                cat(home.path(), &parts, then)?,
            );
            let (path, cost) = server.join(&parts)?;
            row(&format!("tower-tusd -durability={durability}"), cost);
            server.ask("DELETE", &path, "Content-Length: 0\r\n", &[])?;
        }
    }
    Ok(())
}

fn row(what: &str, (time, written): Cost) {
    println!("{what:<36} {:>8.3}s {written:>16}", time.as_secs_f64());
}

/// Flushes pending writes, so that they are not counted for a later run.
fn settle() -> Result<()> {
    Command::new("sync").status()?;
    Ok(())
}

/// Returns the bytes written by a process and its finished child processes.
fn written(process: &str) -> Result<u64> {
    let io = std::fs::read_to_string(format!("/proc/{process}/io"))?;
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.ok_or("the kernel counts")?.parse()?)
}

/// Runs `cat` on the files of the parts, into a new file in the same directory.
fn cat(home: &Path, parts: &[String], then: &str) -> Result<Cost> {
    settle()?;
    let parts: Vec<_> = parts
        .iter()
        .map(|path| path.replace("/files/", ""))
        .collect();
    let script = format!(
        "cat {} > all && {then} && echo done; read end",
        parts.join(" ")
    );
    let begin = Instant::now();
    let mut shell = Command::new("sh")
        .args(["-c", &script])
        .current_dir(home.join("tus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdout = BufReader::new(shell.stdout.take().ok_or("its stdout is piped")?);
    let mut line = String::new();
    stdout.read_line(&mut line)?;
    let cost = (begin.elapsed(), written(&shell.id().to_string())?);
    if line.is_empty() {
        return Err("cat has failed".into());
    }
    drop(shell.stdin.take());
    shell.wait()?;
    std::fs::remove_file(home.join("tus/all"))?;
    Ok(cost)
}

/// A server process, ended on drop.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(home: &Path, durability: &str) -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tower-tusd"))
            .args(["-host=127.0.0.1", "-port=0", "-upload-dir=tus"])
            .args(["-durability", durability])
            .current_dir(home)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("its stdout is piped")?).read_line(&mut line)?;
        let (_, url) = line.split_once("http://").ok_or("the line has a URL")?;
        let address = url.split('/').next().unwrap_or(url).parse()?;
        Ok(Self { child, address })
    }

    /// Sends a request, and returns the path of `Location`.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<String> {
        let mut socket = TcpStream::connect(self.address)?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: tus\r\nTus-Resumable: 1.0.0\r\n\
             Connection: close\r\n{headers}\r\n"
        );
        socket.write_all(head.as_bytes())?;
        socket.write_all(body)?;
        let lines: Vec<_> = BufReader::new(socket)
            .lines()
            .collect::<std::io::Result<_>>()?;
        if !lines.first().is_some_and(|status| status.contains(" 20")) {
            return Err(lines.join("; ").into());
        }
        let location = lines
            .iter()
            .find_map(|line| line.strip_prefix("Location: http://tus"));
        Ok(location.unwrap_or_default().to_owned())
    }

    /// Uploads a partial upload of `length` bytes.
    fn partial(&self, length: usize) -> Result<String> {
        let headers = format!(
            "Upload-Concat: partial\r\nUpload-Length: {length}\r\n\
             Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n"
        );
        self.ask("POST", "/files/", &headers, &vec![7; length])
    }

    /// Creates a final upload from the parts.
    fn join(&self, parts: &[String]) -> Result<(String, Cost)> {
        settle()?;
        let process = self.child.id().to_string();
        let before = written(&process)?;
        let begin = Instant::now();
        let list = format!("Upload-Concat: final;{}\r\n", parts.join(" "));
        let headers = format!("{list}Content-Length: 0\r\n");
        let path = self.ask("POST", "/files/", &headers, &[])?;
        let time = begin.elapsed();
        Ok((path, (time, written(&process)? - before)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
