//! `kill -9` during an append.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tempfile::TempDir;

use crate::harness::tus::{Content, Tus, Version, number, patch, streamed};
use crate::harness::{Server, Signal};

const LENGTH: u64 = 32 << 20;
/// Number of bytes per PATCH.
const PIECE: u64 = 3 << 20;
const FRAME: u64 = 16 << 10;

/// Returns the bytes of the upload in a range.
pub(crate) fn pattern(from: u64, to: u64) -> Bytes {
    (from..to)
        .map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8)
        .collect()
}

/// Returns the bytes in a range, frame by frame like over a slow link.
fn slowly(from: u64, to: u64) -> Content {
    let frames = stream::unfold(from, move |at| async move {
        if at >= to {
            return None;
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
        let next = (at + FRAME).min(to);
        Some((pattern(at, next), next))
    });
    streamed(frames)
}

/// Sends pieces until the server is gone, and returns the last acknowledged
/// offset.
async fn send_until_it_ends(url: String, version: Version, mut offset: u64) -> u64 {
    let client = Client::builder(TokioExecutor::new())
        .http2_only(version == Version::Http2)
        .build_http();
    while offset < LENGTH {
        let to = (offset + PIECE).min(LENGTH);
        let request: Request<Content> = patch(&url, offset).body(slowly(offset, to)).unwrap();
        match client.request(request).await {
            Ok(answer) if answer.status() == 204 => {
                offset = number(answer.headers(), "upload-offset");
            }
            _ => break,
        }
    }
    offset
}

/// Returns a random duration.
fn some_time() -> Duration {
    Duration::from_millis(10 + RandomState::new().hash_one(0) % 90)
}

async fn survives(version: Version, durability: &str) {
    let home = TempDir::new().unwrap();
    let args = [durability];
    let mut server = Server::start_in(home.path(), &args).await;
    let path = {
        let url = Tus::new(server.url(), version).create(LENGTH).await;
        url.rsplit('/').next().unwrap().to_owned()
    };
    let mut offset = 0;
    for _ in 0..10 {
        let url = format!("{}{path}", server.url());
        let sending = tokio::spawn(send_until_it_ends(url, version, offset));
        tokio::time::sleep(some_time()).await;
        server.signal(Signal::KILL);
        server.exit().await;
        let answered = sending.await.unwrap();

        server = Server::start_in(home.path(), &args).await;
        let tus = Tus::new(server.url(), version);
        let stored = tus.offset(&format!("{}{path}", server.url())).await;
        assert!(
            stored >= answered,
            "{answered} was answered, and {stored} is left"
        );
        assert!(stored >= offset, "it was at {offset}, and {stored} is left");
        offset = stored;
    }
    let url = format!("{}{path}", server.url());
    let answered = send_until_it_ends(url, version, offset).await;
    assert_eq!(answered, LENGTH);
    let stored = std::fs::read(server.uploads().join(&path)).unwrap();
    assert!(
        stored == pattern(0, LENGTH),
        "the file is not what was sent"
    );
}

#[tokio::test]
async fn ten_times_at_random_over_http_1_loses_no_byte_that_was_answered() {
    survives(Version::Http1, "-durability=finish").await;
}

#[tokio::test]
async fn ten_times_at_random_over_http_2_loses_no_byte_that_was_answered() {
    survives(Version::Http2, "-durability=finish").await;
}

#[tokio::test]
async fn ten_times_at_random_with_each_offset_synced_loses_no_byte_that_was_answered() {
    survives(Version::Http1, "-durability=offset").await;
}
