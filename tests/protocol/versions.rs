//! Tus-Resumable, and clients of other protocol versions.

use http::request::Builder;
use http::{Method, Request, StatusCode};

use crate::check::checks;
use crate::harness::tus::{Answer, content, patch, request};
use crate::peer::{OFFSET_OCTET_STREAM, Peer, made_nothing};
use crate::server::list;

checks![["creation"];
    "CORE-06 CORE-07" every_response_tells_its_version,
    "CORE-06" so_does_the_refusal_of_a_method,
    "CORE-08 CORE-09 CORE-10" another_version_creates_nothing,
    "CORE-08 CORE-09 CORE-10" another_version_appends_nothing,
    "CORE-08 CORE-09 CORE-10" another_version_ends_nothing ["termination"],
    "AMB-01" a_missing_version_is_another_one,
    "AMB-01" a_version_that_is_sent_twice_is_the_version,
    "AMB-02" no_method_takes_another_version,
];

const OTHERS: [&str; 2] = ["99.99.99", "0.2.2"];

#[track_caller]
fn is_stamped(answer: &Answer) {
    let stamps = answer.headers().get_all("tus-resumable").iter();
    let stamps: Vec<_> = stamps.collect();
    assert_eq!(stamps, ["1.0.0"], "{}", answer.status());
}

async fn every_response_tells_its_version(tus: Peer) {
    let url = tus.create(5).await;
    let missing = tus.nowhere();
    let untyped = request(Method::PATCH, &url).header("Upload-Offset", 0);
    let requests = [
        tus.post(),
        tus.post().header("Upload-Length", 5),
        tus.post().header("Upload-Length", "x"),
        request(Method::HEAD, &url),
        request(Method::HEAD, &missing),
        request(Method::DELETE, &missing),
        patch(&missing, 0),
        patch(&url, 3),
        patch(&url, 0),
        untyped,
        request(Method::PATCH, &url),
        other(&Method::HEAD, &url, "0.2.2"),
        request(Method::DELETE, &url),
    ];
    for request in requests {
        is_stamped(&tus.ask(request).await);
    }
    let url = tus.create(5).await;
    is_stamped(&tus.append(&url, 0, content("hello!")).await);
    is_stamped(&tus.append(&url, 0, content("hello")).await);
    // Only the response to OPTIONS may lack it.
    let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
    assert!(list(answer.headers(), "tus-resumable").all(|version| version == "1.0.0"));
}

async fn so_does_the_refusal_of_a_method(tus: Peer) {
    let url = tus.create(5).await;
    for request in [
        request(Method::GET, &url),
        request(Method::PUT, &url),
        request(Method::DELETE, &tus.url),
    ] {
        is_stamped(&tus.ask(request).await);
    }
}

/// Builds a request with another protocol version that is valid otherwise.
fn other(method: &Method, url: &str, version: &str) -> Builder {
    right(method, url).header("Tus-Resumable", version)
}

fn right(method: &Method, url: &str) -> Builder {
    let request = Request::builder().method(method).uri(url);
    match *method {
        Method::POST => request.header("Upload-Length", 5),
        Method::PATCH => request
            .header("Upload-Offset", 0)
            .header("Content-Type", OFFSET_OCTET_STREAM),
        _ => request,
    }
}

#[track_caller]
fn is_refused(answer: &Answer) {
    assert_eq!(answer.status(), StatusCode::PRECONDITION_FAILED);
    let mut versions = list(answer.headers(), "tus-version");
    assert!(versions.any(|version| version == "1.0.0"));
}

async fn another_version_creates_nothing(tus: Peer) {
    for version in OTHERS {
        let answer = tus.ask(other(&Method::POST, &tus.url, version)).await;
        is_refused(&answer);
        made_nothing(&answer);
    }
}

async fn another_version_appends_nothing(tus: Peer) {
    let url = tus.create(5).await;
    for version in OTHERS {
        let patch = other(&Method::PATCH, &url, version);
        is_refused(&tus.give(patch, content("hello")).await);
        assert_eq!(tus.offset(&url).await, 0);
    }
}

async fn another_version_ends_nothing(tus: Peer) {
    let url = tus.create(5).await;
    for version in OTHERS {
        is_refused(&tus.ask(other(&Method::DELETE, &url, version)).await);
        assert_eq!(tus.offset(&url).await, 0);
    }
}

async fn a_missing_version_is_another_one(tus: Peer) {
    let url = tus.create(5).await;
    for (method, url) in [(Method::POST, &tus.url), (Method::HEAD, &url)] {
        is_refused(&tus.ask(right(&method, url)).await);
        is_refused(&tus.ask(other(&method, url, "")).await);
    }
    for method in [Method::PATCH, Method::DELETE] {
        is_refused(&tus.give(right(&method, &url), content("hello")).await);
        assert_eq!(tus.offset(&url).await, 0);
    }
}

async fn a_version_that_is_sent_twice_is_the_version(tus: Peer) {
    if !tus.is_ours() {
        return;
    }
    let lines: [&[&str]; 2] = [&["1.0.0", "1.0.0"], &["1.0.0, 1.0.0"]];
    for lines in lines {
        let say = |mut request: Builder| {
            for line in lines {
                request = request.header("Tus-Resumable", *line);
            }
            request
        };
        let answer = tus.ask(say(right(&Method::POST, &tus.url))).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{lines:?}");
        is_stamped(&answer);
        let url = tus.location(&answer);
        for (method, status) in [
            (Method::PATCH, StatusCode::NO_CONTENT),
            (Method::HEAD, StatusCode::OK),
            (Method::DELETE, StatusCode::NO_CONTENT),
        ] {
            let answer = tus.ask(say(right(&method, &url))).await;
            assert_eq!(answer.status(), status, "{method} {lines:?}");
        }
    }
}

async fn no_method_takes_another_version(tus: Peer) {
    let url = tus.create(5).await;
    for method in [Method::HEAD, Method::PATCH, Method::DELETE] {
        is_refused(&tus.ask(other(&method, &url, "0.2.2")).await);
    }
    assert_eq!(tus.offset(&url).await, 0);
}
