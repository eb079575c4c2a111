//! Creation-defer-length.

use http::StatusCode;

use crate::check::checks;
use crate::harness::tus::{content, number, patch};
use crate::peer::Peer;

checks![["creation-defer-length"];
    "DEF-02 DEF-05 CORE-18" a_deferred_length_is_told_until_it_is_known,
    "DEF-03 CRE-03" a_length_comes_with_any_patch,
    "DEF-03" a_length_may_be_the_last_thing_to_come,
    "DEF-04" a_length_below_the_offset_is_refused,
    "DEF-04" a_length_that_is_none_is_refused,
    "DEF-04" a_length_above_the_maximum_is_refused ["Tus-Max-Size"],
    "CRE-09" a_length_never_changes,
    "AMB-11" the_same_length_may_come_again,
];

async fn a_deferred_length_is_told_until_it_is_known(tus: Peer) {
    let url = tus.deferred().await;
    for (offset, text) in [(0, "hel"), (3, "lo")] {
        let answer = tus.head(&url).await;
        assert_eq!(answer.headers()["upload-defer-length"], "1");
        assert!(!answer.headers().contains_key("upload-length"));
        assert_eq!(number(answer.headers(), "upload-offset"), offset);
        tus.appends(&url, offset, text).await;
    }
}

async fn a_length_comes_with_any_patch(tus: Peer) {
    // In the first, a middle, and the last PATCH, which may be empty.
    for told_in in 0..4 {
        let url = tus.deferred().await;
        let pieces = [(0, "hel"), (3, "l"), (4, "o"), (5, "")];
        for (piece, (offset, text)) in pieces.into_iter().enumerate() {
            let mut request = patch(&url, offset);
            if piece == told_in {
                request = request.header("Upload-Length", 5);
            }
            let answer = tus.give(request, content(text)).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
            let answer = tus.head(&url).await;
            let (known, headers) = (piece >= told_in, answer.headers());
            assert_eq!(headers.contains_key("upload-length"), known);
            assert_eq!(headers.contains_key("upload-defer-length"), !known);
        }
    }
}

async fn a_length_may_be_the_last_thing_to_come(tus: Peer) {
    let url = tus.deferred().await;
    tus.appends(&url, 0, "hello").await;
    let answer = tus.ask(patch(&url, 5).header("Upload-Length", 5)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(number(answer.headers(), "upload-offset"), 5);
    let answer = tus.head(&url).await;
    assert_eq!(number(answer.headers(), "upload-length"), 5);
    tus.append(&url, 5, content("x")).await;
    assert_eq!(tus.offset(&url).await, 5);
}

/// Creates an upload with five bytes and no length.
async fn hello(tus: &Peer) -> String {
    let url = tus.deferred().await;
    tus.appends(&url, 0, "hello").await;
    url
}

/// Expects that the length is still deferred.
async fn is_still_deferred(tus: &Peer, url: &str) {
    let answer = tus.head(url).await;
    assert_eq!(answer.headers()["upload-defer-length"], "1");
    assert_eq!(number(answer.headers(), "upload-offset"), 5);
}

async fn a_length_below_the_offset_is_refused(tus: Peer) {
    let url = hello(&tus).await;
    let answer = tus.ask(patch(&url, 5).header("Upload-Length", 4)).await;
    tus.refuses(&answer, 400, "ERR_INVALID_UPLOAD_LENGTH");
    is_still_deferred(&tus, &url).await;
}

async fn a_length_that_is_none_is_refused(tus: Peer) {
    let url = hello(&tus).await;
    for length in ["-1", "x", "1e9"] {
        let answer = tus
            .ask(patch(&url, 5).header("Upload-Length", length))
            .await;
        tus.refuses(&answer, 400, "ERR_INVALID_UPLOAD_LENGTH");
        is_still_deferred(&tus, &url).await;
    }
    if tus.is_ours() {
        let answer = tus.ask(patch(&url, 5).header("Upload-Length", "")).await;
        tus.says(&answer, 400, "ERR_INVALID_UPLOAD_LENGTH");
    }
}

async fn a_length_above_the_maximum_is_refused(tus: Peer) {
    let url = hello(&tus).await;
    let above = number(&tus.options().await, "tus-max-size") + 1;
    let answer = tus.ask(patch(&url, 5).header("Upload-Length", above)).await;
    tus.refuses(&answer, 413, "ERR_MAX_SIZE_EXCEEDED");
    is_still_deferred(&tus, &url).await;
}

/// Creates an upload whose length arrived with the first bytes.
async fn told(tus: &Peer) -> String {
    let url = tus.deferred().await;
    let patch = patch(&url, 0).header("Upload-Length", 100);
    tus.give(patch, content("hello")).await;
    url
}

async fn a_length_never_changes(tus: Peer) {
    for url in [told(&tus).await, tus.create(100).await] {
        let offset = tus.offset(&url).await;
        for length in [50, 200] {
            let patch = patch(&url, offset).header("Upload-Length", length);
            let answer = tus.give(patch, content("x")).await;
            tus.refuses(&answer, 400, "ERR_INVALID_UPLOAD_LENGTH");
        }
        let answer = tus.head(&url).await;
        assert_eq!(number(answer.headers(), "upload-length"), 100);
        assert_eq!(number(answer.headers(), "upload-offset"), offset);
    }
}

async fn the_same_length_may_come_again(tus: Peer) {
    let deferred = tus.deferred().await;
    for (url, length) in [(deferred, 10), (tus.create(10).await, 10)] {
        for (offset, text) in [(0, "hello"), (5, ""), (5, "world"), (10, ""), (10, "")] {
            let patch = patch(&url, offset).header("Upload-Length", length);
            let answer = tus.give(patch, content(text)).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT, "at {offset}");
            let reached = offset + text.len() as u64;
            assert_eq!(number(answer.headers(), "upload-offset"), reached);
        }
    }
}
