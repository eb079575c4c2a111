//! How much may be stored: the flags about it, races for the last bytes, and kills.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;

mod kills;
mod limits;
mod races;

use std::path::Path;

use http::{Method, StatusCode};
use tower_tus::store::FileStore;
use tower_tus::store::limited::{Limited, Usage};

use self::harness::Server;
use self::harness::tus::{Answer, Tus, Version, request};

const FULL: StatusCode = StatusCode::INSUFFICIENT_STORAGE;
const TOO_LARGE: StatusCode = StatusCode::PAYLOAD_TOO_LARGE;

fn client(server: &Server, version: Version) -> Tus {
    Tus::new(server.url(), version)
}

async fn create(tus: &Tus, length: u64) -> Answer {
    tus.ask(tus.post().header("Upload-Length", length)).await
}

async fn defer(tus: &Tus) -> String {
    let created = tus.ask(tus.post().header("Upload-Defer-Length", "1")).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    tus.location(&created)
}

async fn delete(tus: &Tus, url: &str) {
    let answer = tus.ask(request(Method::DELETE, url)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

/// Returns what the metrics page tells.
async fn metric(server: &Server, name: &str) -> u64 {
    let url = format!("http://{}/metrics", server.address());
    let page = client(server, Version::Http1)
        .ask(request(Method::GET, &url))
        .await;
    let page = std::str::from_utf8(page.body()).unwrap();
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} ")));
    let value: f64 = line.expect(name).parse().unwrap();
    value as u64
}

async fn used(server: &Server) -> u64 {
    metric(server, "tusd_store_bytes_used").await
}

/// Counts what is stored, in this process.
async fn counted(dir: &Path) -> Usage {
    let store = Limited::new(FileStore::new(dir));
    store.count().await.unwrap()
}

/// Waits until the server has counted what is stored, and returns the line about it.
async fn counted_line(server: &mut Server) -> String {
    const LINE: &str = "UploadsCounted";
    let mut early = server.start_lines().iter();
    match early.rfind(|line| line.contains(LINE)) {
        Some(line) => line.clone(),
        None => server.line(LINE).await,
    }
}
