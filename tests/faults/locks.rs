//! Two servers with one upload directory.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use tempfile::TempDir;

use crate::busy::hanging_patch;
use crate::harness::tus::{Tus, Version, code, content, number, request};
use crate::harness::{Server, Signal, names};

/// Two servers, and an upload of eleven bytes with its URL on each.
struct Scene {
    one: Server,
    other: Server,
    older: Tus,
    newer: Tus,
    urls: [String; 2],
    _home: TempDir,
}

impl Scene {
    async fn new(version: Version, other: &[&str]) -> Self {
        let home = TempDir::new().unwrap();
        let one = Server::start_in(home.path(), &[]).await;
        let other = Server::start_in(home.path(), other).await;
        let older = Tus::new(one.url(), version);
        let newer = Tus::new(other.url(), version);
        let url = older.create(11).await;
        let there = format!("{}{}", newer.url, url.rsplit('/').next().unwrap());
        Self {
            one,
            other,
            older,
            newer,
            urls: [url, there],
            _home: home,
        }
    }

    /// Returns the side files of locks.
    fn locks(&self) -> Vec<String> {
        names(self.other.uploads())
            .into_iter()
            .filter(|name| name.ends_with(".lock") || name.ends_with(".stop"))
            .collect()
    }
}

async fn a_newcomer_at_the_other_server_is_served(version: Version) {
    for method in [Method::HEAD, Method::PATCH, Method::DELETE] {
        let scene = Scene::new(version, &[]).await;
        let [here, there] = &scene.urls;
        let hangs = hanging_patch(&scene.one, &scene.older, here, "hello").await;

        let begin = Instant::now();
        let answer = match method {
            Method::PATCH => scene.newer.append(there, 5, content(" world")).await,
            _ => scene.newer.ask(request(method.clone(), there)).await,
        };
        assert!(
            begin.elapsed() < Duration::from_secs(1),
            "{method} {version:?}"
        );
        match method {
            Method::HEAD => assert_eq!(number(answer.headers(), "upload-offset"), 5),
            Method::PATCH => assert_eq!(number(answer.headers(), "upload-offset"), 11),
            _ => assert_eq!(answer.status(), StatusCode::NO_CONTENT),
        }
        let interrupted = hangs.await.unwrap();
        assert_eq!(interrupted.status(), StatusCode::BAD_REQUEST);
        assert_eq!(code(&interrupted), "ERR_UPLOAD_INTERRUPTED");
        assert_eq!(scene.locks(), [""; 0]);
    }
}

#[tokio::test]
async fn a_newcomer_at_the_other_server_is_served_within_a_second_over_http_1() {
    a_newcomer_at_the_other_server_is_served(Version::Http1).await;
}

#[tokio::test]
async fn a_newcomer_at_the_other_server_is_served_within_a_second_over_http_2() {
    a_newcomer_at_the_other_server_is_served(Version::Http2).await;
}

#[tokio::test]
async fn after_a_kill_the_other_server_goes_on_at_once() {
    // With this interval, a second poll would exceed the time limit.
    let once = ["-filelock-acquirer-poll-interval=1h"];
    let mut scene = Scene::new(Version::Http1, &once).await;
    let [here, there] = scene.urls.clone();
    let hangs = hanging_patch(&scene.one, &scene.older, &here, "hello").await;
    scene.one.signal(Signal::KILL);
    scene.one.exit().await;
    assert_eq!(scene.locks().len(), 1);
    hangs.abort();

    let answer = scene.newer.append(&there, 5, content(" world")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(scene.locks(), [""; 0]);
}
