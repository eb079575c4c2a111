//! A second request for an upload that another request holds.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::{Method, StatusCode};
use tower_tus::Stack;
use tower_tus::layers::lock::{Locker, MemoryLocker};
use tower_tus::layers::protocol::Interrupt;
use tower_tus::layers::store::MemoryStore;

use crate::harness::Server;
use crate::harness::host::host;
use crate::harness::tus::{
    Answer, Content, Tus, Version, code, content, number, request, streamed,
};

/// A body with some bytes that then stalls.
fn hanging(text: &'static str) -> Content {
    let frame = stream::once(async move { Bytes::from(text) });
    streamed(frame.chain(stream::pending()))
}

/// Starts a PATCH that stalls after `text`, and waits until the server has
/// stored it.
pub(crate) async fn hanging_patch(
    server: &Server,
    tus: &Tus,
    url: &str,
    text: &'static str,
) -> tokio::task::JoinHandle<Answer> {
    let path = server.uploads().join(url.rsplit('/').next().unwrap());
    let before = std::fs::metadata(&path).unwrap().len();
    let (tus, url) = (tus.clone(), url.to_owned());
    let patch = tokio::spawn(async move { tus.append(&url, before, hanging(text)).await });
    while std::fs::metadata(&path).unwrap().len() < before + text.len() as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    patch
}

async fn a_newcomer_is_served(version: Version) {
    let server = Server::start(&[]).await;
    let older = Tus::new(server.url(), version);
    let newer = Tus::new(server.url(), version);
    for method in [Method::HEAD, Method::PATCH, Method::DELETE] {
        let url = older.create(11).await;
        let hangs = hanging_patch(&server, &older, &url, "hello").await;

        let begin = Instant::now();
        let answer = match method {
            Method::PATCH => newer.append(&url, 5, content(" world")).await,
            _ => newer.ask(request(method.clone(), &url)).await,
        };
        assert!(
            answer.status().is_success(),
            "{method} {version:?}: {}",
            answer.status()
        );
        assert!(
            begin.elapsed() < Duration::from_secs(1),
            "{method} {version:?}"
        );
        match method {
            Method::HEAD => assert_eq!(number(answer.headers(), "upload-offset"), 5),
            Method::PATCH => assert_eq!(number(answer.headers(), "upload-offset"), 11),
            _ => {}
        }
        let interrupted = hangs.await.unwrap();
        assert_eq!(interrupted.status(), StatusCode::BAD_REQUEST);
        assert_eq!(code(&interrupted), "ERR_UPLOAD_INTERRUPTED");
    }
}

#[tokio::test]
async fn a_newcomer_is_served_within_a_second_over_http_1() {
    a_newcomer_is_served(Version::Http1).await;
}

#[tokio::test]
async fn a_newcomer_is_served_within_a_second_over_http_2() {
    a_newcomer_is_served(Version::Http2).await;
}

#[tokio::test]
async fn a_holder_that_does_not_let_go_is_waited_for_no_longer_than_the_timeout() {
    let locker = MemoryLocker::default();
    let stack = Stack::new(MemoryStore::default())
        .locker(locker.clone())
        .lock_timeout(Duration::from_millis(50));
    let address = host(stack.into_service()).await;
    for version in [Version::Http1, Version::Http2] {
        let tus = Tus::new(&format!("http://{address}/files/"), version);
        let url = tus.create(5).await;
        let id = url.rsplit('/').next().unwrap().parse().unwrap();
        let guard = locker
            .acquire(&id, Interrupt::default(), Duration::ZERO)
            .await
            .unwrap();
        for answer in [
            tus.head(&url).await,
            tus.append(&url, 0, content("hello")).await,
        ] {
            assert_eq!(answer.status(), StatusCode::LOCKED);
            assert_eq!(answer.headers()["retry-after"], "1");
        }
        guard.release().await;
        assert_eq!(tus.offset(&url).await, 0);
    }
}
