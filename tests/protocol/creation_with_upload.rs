//! Creation-with-upload.

use http::StatusCode;

use crate::check::checks;
use crate::harness::tus::{Version, chunked, content, number, patch};
use crate::peer::{OFFSET_OCTET_STREAM, Peer};
use crate::sending::Sending;

checks![["creation-with-upload"];
    "CWU-03" bytes_of_another_type_are_not_taken,
    "CWU-04 CWU-05 CWU-06" the_first_bytes_come_with_the_creation,
    "CWU-04" a_deferred_length_may_bring_bytes_too ["creation-defer-length"],
    "CWU-05" the_answer_has_an_offset_also_without_bytes,
    "CWU-07" a_refusal_comes_before_the_bytes,
    "CWU-07" what_is_taken_is_asked_for_first,
];

async fn bytes_of_another_type_are_not_taken(tus: Peer) {
    for body in [content("hello"), chunked(&["hello"])] {
        let post = tus.post().header("Upload-Length", 5);
        let answer = tus
            .give(post.header("Content-Type", "text/plain"), body)
            .await;
        assert!(!answer.headers().contains_key("upload-offset"));
        match answer.status() {
            StatusCode::CREATED => assert_eq!(tus.offset(&tus.location(&answer)).await, 0),
            status => assert!(status.is_client_error(), "{status}"),
        }
    }
}

async fn the_first_bytes_come_with_the_creation(tus: Peer) {
    for (body, reached) in [
        (content("hello"), 5),
        (content("hello world"), 11),
        (chunked(&["he", "llo"]), 5),
        (chunked(&["hello", " world"]), 11),
    ] {
        let answer = tus
            .give(tus.post_bytes().header("Upload-Length", 11), body)
            .await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(number(answer.headers(), "upload-offset"), reached);
        assert_eq!(tus.offset(&tus.location(&answer)).await, reached);
    }
}

async fn a_deferred_length_may_bring_bytes_too(tus: Peer) {
    let post = tus.post_bytes().header("Upload-Defer-Length", 1);
    let answer = tus.give(post, chunked(&["he", "llo"])).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(number(answer.headers(), "upload-offset"), 5);
    assert_eq!(tus.offset(&tus.location(&answer)).await, 5);
}

async fn the_answer_has_an_offset_also_without_bytes(tus: Peer) {
    for length in [0, 5] {
        let post = tus.post_bytes().header("Upload-Length", length);
        let answer = tus.ask(post).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(number(answer.headers(), "upload-offset"), 0);
    }
}

async fn a_refusal_comes_before_the_bytes(tus: Peer) {
    let url = tus.create(5).await;
    let mut refused = vec![
        (tus.post_bytes().header("Upload-Length", "x"), 400),
        (patch(&url, 3), 409),
        (patch(&tus.nowhere(), 0), 404),
    ];
    if tus.offers("Tus-Max-Size") {
        let above = i64::MAX;
        refused.push((tus.post_bytes().header("Upload-Length", above), 413));
    }
    if tus.is_ours() {
        refused.push((tus.post_bytes().header("Upload-Length", 4), 413));
        let untyped = tus.post().header("Upload-Length", 5);
        refused.push((untyped, 415));
    }
    for (request, status) in refused {
        let asks = request.header("Expect", "100-continue");
        let mut sending = Sending::begin(&tus, asks, Some(5)).await;
        // On HTTP/1.1, not even `100 Continue` precedes it.
        let first = match tus.version {
            Version::Http1 => sending.next_status().await.unwrap(),
            Version::Http2 => sending.answer().await.status(),
        };
        assert_eq!(first, status);
    }
    assert_eq!(tus.offset(&url).await, 0);
}

async fn what_is_taken_is_asked_for_first(tus: Peer) {
    let url = tus.create(5).await;
    let post = tus.post().header("Content-Type", OFFSET_OCTET_STREAM);
    for (request, status) in [
        (post.header("Upload-Length", 5), StatusCode::CREATED),
        (patch(&url, 0), StatusCode::NO_CONTENT),
    ] {
        let asks = request.header("Expect", "100-continue");
        let mut sending = Sending::begin(&tus, asks, Some(5)).await;
        // HTTP/2 does not need it.
        if let Some(first) = sending.next_status().await {
            assert_eq!(first, StatusCode::CONTINUE);
        }
        sending.send("hello").await;
        sending.end(&[]).await;
        let answer = sending.answer().await;
        assert_eq!(answer.status(), status);
        assert_eq!(number(answer.headers(), "upload-offset"), 5);
    }
}
