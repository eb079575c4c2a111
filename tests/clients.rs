//! Real clients that are interrupted during an upload, and resume it.

#![cfg(unix)]

mod harness;
#[path = "clients/nginx.rs"]
mod nginx;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use harness::services::require;
use harness::{Server, Signal};
use nginx::Nginx;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

const SIZE: u64 = 200_000_000;

/// Number of bytes after which the client is interrupted.
const CUT: u64 = 100_000_000;

/// A size that does not divide into whole pages.
const PARALLEL_SIZE: u64 = 50_000_000;

/// Time limit for a whole upload, on a slow disk and without optimization.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(180);

/// Whether tus-js-client can run.
async fn tus_js_client() -> bool {
    let package = in_repository("tests/clients/node_modules/tus-js-client/package.json");
    let present = package.is_file() && succeeds("node", ["--version"]).await;
    let install = "npm install --prefix tests/clients (with Node.js 18 or newer)";
    require("tus-js-client", present, install)
}

#[tokio::test]
async fn tus_js_client_resumes_an_upload_after_a_connection_reset() {
    if !tus_js_client().await {
        return;
    }
    let server = Server::start(&[]).await;
    let mut client = Command::new("node");
    client.arg(in_repository("tests/clients/upload.mjs"));
    a_cut_off_upload_is_resumed(client, &server, server.url()).await;
}

#[tokio::test]
async fn tus_js_client_resumes_behind_an_nginx_that_caches() {
    if !tus_js_client().await || !Nginx::is_installed().await {
        return;
    }
    for downloads in ["-disable-download=false", "-disable-download"] {
        let mut server = Server::start(&["-behind-proxy", downloads]).await;
        let port = Nginx::port();
        let _nginx = Nginx::before(&server, port, nginx::CACHE).await;
        let mut client = Command::new("node");
        client.arg(in_repository("tests/clients/upload.mjs"));
        let endpoint = format!("http://127.0.0.1:{port}/files/");
        a_cut_off_upload_is_resumed(client, &server, &endpoint).await;

        server.signal(Signal::TERM);
        let lines = server.rest().await;
        let asked = |method: &str| lines.iter().any(|line| line.contains(method));
        assert!(asked("method=GET") && !asked("method=HEAD"), "{lines:?}");
    }
}

#[tokio::test]
async fn tus_js_client_uploads_a_file_in_parts_at_once() {
    if !tus_js_client().await {
        return;
    }
    let server = Server::start(&[]).await;
    a_file_is_uploaded_in_parts_at_once(&server, server.url(), "7").await;
}

#[tokio::test]
async fn tus_js_client_uploads_parts_at_once_behind_an_nginx_that_strips_a_prefix() {
    if !tus_js_client().await || !Nginx::is_installed().await {
        return;
    }
    let port = Nginx::port();
    let endpoint = format!("http://127.0.0.1:{port}/api/files/");
    let public_url = format!("-public-url={endpoint}");
    for (location, flags) in [
        (nginx::STRIP_AND_FORWARD, &["-behind-proxy"][..]),
        (
            nginx::STRIP_AND_FORWARD,
            &["-behind-proxy", "-relative-location"],
        ),
        (nginx::STRIP_AND_REDIRECT, &["-behind-proxy"]),
        (nginx::STRIP_AND_REDIRECT, &[]),
        (nginx::STRIP, &[]),
        (nginx::STRIP, &[&public_url]),
    ] {
        let server = Server::start(flags).await;
        let _nginx = Nginx::before(&server, port, location).await;
        a_file_is_uploaded_in_parts_at_once(&server, &endpoint, "3").await;
    }
}

#[tokio::test]
async fn tuspy_resumes_an_upload_after_its_process_was_killed() {
    let python = python_with_tuspy().await;
    let install = "python3 -m venv target/venv && \
        target/venv/bin/pip install -r tests/clients/requirements.txt";
    if !require("tuspy", python.is_some(), install) {
        return;
    }
    let server = Server::start(&[]).await;
    let mut client = Command::new(python.expect("it is required"));
    client.arg(in_repository("tests/clients/upload.py"));
    a_cut_off_upload_is_resumed(client, &server, server.url()).await;
}

/// Runs a client that uploads a file, is interrupted, resumes, and prints the
/// offset. The client connects to `endpoint`.
async fn a_cut_off_upload_is_resumed(mut client: Command, server: &Server, endpoint: &str) {
    let home = TempDir::new().unwrap();
    let original = home.path().join("original");
    write_random(&original, SIZE);

    client.arg(endpoint).arg(&original).arg(CUT.to_string());
    let stdout = run(client).await;
    let offset = stdout
        .lines()
        .find_map(|line| line.strip_prefix("resumed from "));
    let offset: u64 = offset.expect(&stdout).parse().unwrap();
    assert!(0 < offset && offset < SIZE, "resumed from {offset}");

    let url = stdout.lines().last().unwrap();
    let id = url.strip_prefix(endpoint).expect(url);
    assert_same_bytes(&server.uploads().join(id), &original);
}

/// Uploads a file with tus-js-client in several parts at once, to `endpoint`.
async fn a_file_is_uploaded_in_parts_at_once(server: &Server, endpoint: &str, parts: &str) {
    let home = TempDir::new().unwrap();
    let original = home.path().join("original");
    write_random(&original, PARALLEL_SIZE);
    let mut client = Command::new("node");
    client
        .arg(in_repository("tests/clients/parallel.mjs"))
        .arg(endpoint)
        .arg(&original)
        .arg(parts);
    let stdout = run(client).await;
    let id = stdout.trim().strip_prefix(endpoint).expect(&stdout);
    assert_same_bytes(&server.uploads().join(id), &original);
}

/// Runs a client to its end, and returns its output.
async fn run(mut client: Command) -> String {
    client
        // Proxies from the environment must not be used for the loopback.
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let output = timeout(UPLOAD_TIMEOUT, client.output()).await;
    let output = output.expect("it takes too long").unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}: {stdout}", output.status);
    stdout
}

/// Returns the Python environment of CI, or else the system's.
async fn python_with_tuspy() -> Option<PathBuf> {
    for python in [in_repository("target/venv/bin/python3"), "python3".into()] {
        if succeeds(&python, ["-c", "import tusclient"]).await {
            return Some(python);
        }
    }
    None
}

async fn succeeds<const N: usize>(program: impl AsRef<OsStr>, args: [&str; N]) -> bool {
    let output = Command::new(program).args(args).output().await;
    output.is_ok_and(|output| output.status.success())
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Writes the same bytes every time: SplitMix64 with a fixed seed.
fn write_random(path: &Path, size: u64) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut state = 0x7075_7421_u64;
    for _ in 0..size / 8 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        file.write_all(&(word ^ (word >> 31)).to_le_bytes())
            .unwrap();
    }
    file.flush().unwrap();
}

fn assert_same_bytes(stored: &Path, original: &Path) {
    let [mut stored, mut original] =
        [stored, original].map(|path| BufReader::with_capacity(1 << 20, File::open(path).unwrap()));
    let mut position = 0;
    loop {
        let (left, right) = (stored.fill_buf().unwrap(), original.fill_buf().unwrap());
        let length = left.len().min(right.len());
        if length == 0 {
            assert_eq!(left.len(), right.len(), "one of them ends at {position}");
            return;
        }
        if left[..length] != right[..length] {
            let mut pairs = left.iter().zip(right);
            let equal = pairs.position(|(left, right)| left != right);
            panic!("they differ at byte {}", position + equal.unwrap());
        }
        stored.consume(length);
        original.consume(length);
        position += length;
    }
}
