//! Configurable limits.
// CORE-13, CORE-14, CORE-30, CRE-13

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::{Method, StatusCode};
use tempfile::TempDir;
use tower_tus::Stack;
use tower_tus::layers::store::MemoryStore;
use tower_tus::store::FileStore;

use crate::harness::host::host;
use crate::harness::tus::{Tus, Version, chunked, code, content, number, patch, request, streamed};

const TOO_LARGE: StatusCode = StatusCode::PAYLOAD_TOO_LARGE;
const TOO_LARGE_HEADER: StatusCode = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;

/// Returns a client per HTTP version for a server over each store, configured
/// by `set`.
async fn peers(set: impl Fn(Stack) -> Stack) -> (Vec<Tus>, TempDir) {
    let home = TempDir::new().unwrap();
    let mut peers = Vec::new();
    for stack in [
        Stack::new(MemoryStore::default()),
        Stack::new(FileStore::new(home.path())),
    ] {
        let address = host(set(stack).into_service()).await;
        let url = format!("http://{address}/files/");
        peers.extend([Version::Http1, Version::Http2].map(|version| Tus::new(&url, version)));
    }
    (peers, home)
}

async fn deferred(tus: &Tus) -> String {
    let answer = tus.ask(tus.post().header("Upload-Defer-Length", "1")).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    tus.location(&answer)
}

async fn extensions(tus: &Tus) -> String {
    let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
    answer.headers()["tus-extension"]
        .to_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn core_14_options_tells_the_maximum() {
    let (peers, _home) = peers(|stack| stack.max_size(10)).await;
    for tus in peers {
        let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
        assert_eq!(answer.headers()["tus-max-size"], "10", "CORE-13");
    }
}

#[tokio::test]
async fn metadata_has_a_maximum_of_bytes_and_of_pairs() {
    let (peers, home) = peers(|stack| stack.max_metadata_size(12).max_metadata_pairs(3)).await;
    for tus in peers {
        for (metadata, status) in [
            ("a YQ==,b,ccc", StatusCode::CREATED),
            ("a YQ==,b,cccc", TOO_LARGE_HEADER),
            ("a,b,c,d", TOO_LARGE_HEADER),
        ] {
            let post = tus.post().header("Upload-Length", "5");
            let answer = tus.ask(post.header("Upload-Metadata", metadata)).await;
            assert_eq!(answer.status(), status, "{metadata}");
        }
    }
    // The data and `.info` files of the two uploads in the file store.
    assert_eq!(home.path().read_dir().unwrap().count(), 4);
}

#[tokio::test]
async fn core_13_the_maximum_may_be_another_for_each_request() {
    let limit = |stack: Stack| {
        stack.max_size_by(|request| match request.headers.contains_key("x-small") {
            true => Some(5),
            false => None,
        })
    };
    let (peers, _home) = peers(limit).await;
    for tus in peers {
        let options = || request(Method::OPTIONS, &tus.url);
        let answer = tus.ask(options().header("x-small", "")).await;
        assert_eq!(answer.headers()["tus-max-size"], "5");
        let answer = tus.ask(options()).await;
        assert!(!answer.headers().contains_key("tus-max-size"), "CORE-14");

        let post = || tus.post().header("Upload-Length", "6");
        let answer = tus.ask(post().header("x-small", "")).await;
        assert_eq!(answer.status(), TOO_LARGE, "CRE-13");
        let answer = tus.ask(post()).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn core_14_without_a_maximum_none_is_told() {
    let (peers, _home) = peers(|stack| stack).await;
    for tus in peers {
        let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
        assert!(!answer.headers().contains_key("tus-max-size"));
        let url = tus.create(9_223_372_036_854_775_807).await;
        assert_eq!(tus.offset(&url).await, 0, "CORE-03");
    }
}

#[tokio::test]
async fn cre_13_a_length_above_the_maximum_makes_nothing() {
    let (peers, home) = peers(|stack| stack.max_size(10)).await;
    for tus in &peers {
        for length in ["11", "9223372036854775807"] {
            let answer = tus.ask(tus.post().header("Upload-Length", length)).await;
            assert_eq!(answer.status(), TOO_LARGE);
            assert_eq!(
                answer.body(),
                "ERR_MAX_SIZE_EXCEEDED: maximum size exceeded\n"
            );
            assert!(!answer.headers().contains_key("location"));
        }
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    for tus in &peers {
        let url = tus.create(10).await;
        let answer = tus.append(&url, 0, content("hello worl")).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn def_04_a_length_that_comes_later_may_not_pass_the_maximum() {
    let (peers, _home) = peers(|stack| stack.max_size(10)).await;
    for tus in peers {
        let url = deferred(&tus).await;
        let declare = patch(&url, 0).header("Upload-Length", "11");
        let answer = tus.send(declare.body(content("hello")).unwrap()).await;
        assert_eq!(answer.status(), TOO_LARGE);
        let answer = tus.head(&url).await;
        assert_eq!(answer.headers()["upload-defer-length"], "1");
        assert_eq!(number(answer.headers(), "upload-offset"), 0);
    }
}

#[tokio::test]
async fn a_deferred_length_is_no_way_around_the_maximum() {
    let (peers, _home) = peers(|stack| stack.max_size(10)).await;
    for tus in peers {
        let url = deferred(&tus).await;
        tus.append(&url, 0, chunked(&["hel", "lo"])).await;
        let answer = tus.append(&url, 5, content(" world")).await;
        assert_eq!(answer.status(), TOO_LARGE);
        assert_eq!(tus.offset(&url).await, 5, "it is refused unread");
        let answer = tus.append(&url, 5, chunked(&[" wo", "rld"])).await;
        assert_eq!(answer.status(), TOO_LARGE);
        assert_eq!(code(&answer), "ERR_MAX_SIZE_EXCEEDED");
        assert_eq!(tus.offset(&url).await, 10, "what fits is kept");
    }
}

#[tokio::test]
async fn a_creation_that_brings_bytes_is_no_way_around_the_maximum() {
    let (peers, home) = peers(|stack| stack.max_size(10)).await;
    let post = |tus: &Tus| {
        tus.post()
            .header("Upload-Defer-Length", "1")
            .header("Content-Type", "application/offset+octet-stream")
    };
    for tus in &peers {
        let answer = tus.send(post(tus).body(content("hello world")).unwrap());
        let answer = answer.await;
        assert_eq!(answer.status(), TOO_LARGE);
        assert!(!answer.headers().contains_key("location"));
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    for tus in &peers {
        let body = chunked(&["hello", " world"]);
        let answer = tus.send(post(tus).body(body).unwrap()).await;
        assert_eq!(answer.status(), TOO_LARGE);
        assert_eq!(code(&answer), "ERR_MAX_SIZE_EXCEEDED");
        assert_eq!(tus.offset(&tus.location(&answer)).await, 10);
    }
}

#[tokio::test]
async fn core_30_a_client_that_stalls_is_told_so_and_goes_on_later() {
    let timeout = Duration::from_millis(300);
    let (peers, _home) = peers(|stack| stack.idle_timeout(timeout)).await;
    for tus in peers {
        let url = tus.create(11).await;
        let begin = Instant::now();
        let hello = stream::once(async { Bytes::from("hello") });
        let answer = tus.append(&url, 0, streamed(hello.chain(stream::pending())));
        let answer = answer.await;
        assert!(begin.elapsed() >= timeout);
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(code(&answer), "ERR_READ_TIMEOUT");
        assert_eq!(tus.offset(&url).await, 5, "CORE-31");
        let answer = tus.append(&url, 5, content(" world")).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn core_11_termination_may_be_switched_off() {
    let (peers, _home) = peers(Stack::without_termination).await;
    for tus in peers {
        assert_eq!(
            extensions(&tus).await,
            "creation,creation-defer-length,concatenation,checksum,checksum-trailer,creation-with-upload"
        );
        let url = tus.create(5).await;
        let answer = tus.ask(request(Method::DELETE, &url)).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()["allow"], "OPTIONS, GET, HEAD, PATCH");
        assert_eq!(tus.offset(&url).await, 0, "it is still there");
    }
}

#[tokio::test]
async fn core_11_deferred_lengths_may_be_switched_off() {
    let (peers, _home) = peers(Stack::without_deferred_length).await;
    for tus in peers {
        assert_eq!(
            extensions(&tus).await,
            "creation,termination,concatenation,checksum,checksum-trailer,creation-with-upload"
        );
        let answer = tus.ask(tus.post().header("Upload-Defer-Length", "1")).await;
        assert_eq!(answer.status(), StatusCode::NOT_IMPLEMENTED);
        assert!(!answer.headers().contains_key("location"));
    }
}
