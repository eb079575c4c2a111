//! Creation.

use http::StatusCode;

use crate::check::checks;
use crate::harness::tus::{content, number};
use crate::peer::{Peer, made_nothing};

checks![["creation"];
    "CORE-03" a_length_is_a_non_negative_integer,
    "CRE-03" an_upload_of_a_known_length_defers_none,
    "CRE-07" a_creation_has_a_length_or_defers_it,
    "CRE-07" a_creation_has_not_both,
    "CRE-08" a_length_is_deferred_by_1_alone,
    "CRE-10" an_upload_without_bytes_is_complete_at_its_creation,
    "CRE-13" a_length_above_the_maximum_makes_nothing ["Tus-Max-Size"],
    "CRE-13 CORE-14" a_length_of_the_maximum_may_be ["Tus-Max-Size"],
    "CRE-14 CRE-15 CRE-16" a_creation_tells_the_place_of_a_new_upload,
    "CRE-15" every_creation_has_a_place_of_its_own,
];

async fn a_length_is_a_non_negative_integer(tus: Peer) {
    for length in ["-1", "abc", "1e3", "", "1.0", "0x1", "9223372036854775808"] {
        let answer = tus.ask(tus.post().header("Upload-Length", length)).await;
        tus.refuses(&answer, 400, "ERR_INVALID_UPLOAD_LENGTH");
        made_nothing(&answer);
    }
}

async fn an_upload_of_a_known_length_defers_none(tus: Peer) {
    let answer = tus.head(&tus.create(5).await).await;
    assert!(!answer.headers().contains_key("upload-defer-length"));
}

async fn a_creation_has_a_length_or_defers_it(tus: Peer) {
    let answer = tus.ask(tus.post()).await;
    tus.refuses(&answer, 400, "ERR_INVALID_UPLOAD_LENGTH");
    made_nothing(&answer);
}

async fn a_creation_has_not_both(tus: Peer) {
    let both = tus.post().header("Upload-Length", 5);
    let answer = tus.ask(both.header("Upload-Defer-Length", 1)).await;
    tus.refuses(&answer, 400, "ERR_AMBIGUOUS_UPLOAD_LENGTH");
    made_nothing(&answer);
}

async fn a_length_is_deferred_by_1_alone(tus: Peer) {
    for value in ["0", "2", "true", ""] {
        let post = tus.post().header("Upload-Defer-Length", value);
        let answer = tus.ask(post).await;
        tus.refuses(&answer, 400, "ERR_INVALID_UPLOAD_LENGTH_DEFER");
        made_nothing(&answer);
    }
}

async fn an_upload_without_bytes_is_complete_at_its_creation(tus: Peer) {
    let url = tus.create(0).await;
    let answer = tus.head(&url).await;
    assert_eq!(number(answer.headers(), "upload-offset"), 0);
    assert_eq!(number(answer.headers(), "upload-length"), 0);
    tus.append(&url, 0, content("x")).await;
    assert_eq!(tus.offset(&url).await, 0);
}

/// Returns the maximum size of the server.
async fn max(tus: &Peer) -> u64 {
    number(&tus.options().await, "tus-max-size")
}

async fn a_length_above_the_maximum_makes_nothing(tus: Peer) {
    let max = max(&tus).await;
    for length in [max + 1, 9_223_372_036_854_775_807] {
        let answer = tus.ask(tus.post().header("Upload-Length", length)).await;
        tus.says(&answer, 413, "ERR_MAX_SIZE_EXCEEDED");
        made_nothing(&answer);
    }
}

async fn a_length_of_the_maximum_may_be(tus: Peer) {
    let url = tus.create(max(&tus).await).await;
    assert_eq!(tus.offset(&url).await, 0);
}

async fn a_creation_tells_the_place_of_a_new_upload(tus: Peer) {
    let answer = tus.ask(tus.post().header("Upload-Length", 5)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let location = tus.location(&answer);
    assert!(
        !tus.is_ours() || location.starts_with(&tus.url),
        "{location}"
    );
    assert_eq!(tus.offset(&location).await, 0);
}

async fn every_creation_has_a_place_of_its_own(tus: Peer) {
    assert_ne!(tus.create(5).await, tus.create(5).await);
}
