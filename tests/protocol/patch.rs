//! PATCH.

use http::{Method, StatusCode};

use crate::check::checks;
use crate::harness::tus::{chunked, content, number, request};
use crate::peer::{OFFSET_OCTET_STREAM, Peer};

checks![["creation"];
    "CORE-02" an_offset_is_a_non_negative_integer,
    "CORE-23 CORE-26 CORE-27 CORE-28" pieces_make_the_whole,
    "CORE-23" the_bytes_come_out_as_they_went_in ["GET"],
    "CORE-24" another_type_is_refused,
    "CORE-25" another_offset_is_a_conflict,
    "CORE-25" of_two_patches_at_one_offset_one_is_taken,
    "CORE-29" an_append_to_nothing_is_not_found,
];

async fn an_offset_is_a_non_negative_integer(tus: Peer) {
    let url = tus.create(5).await;
    for offset in [
        "-1",
        "abc",
        "1.5",
        "0x0",
        "18446744073709551616",
        "9223372036854775808",
    ] {
        let request = request(Method::PATCH, &url)
            .header("Content-Type", OFFSET_OCTET_STREAM)
            .header("Upload-Offset", offset);
        let answer = tus.give(request, content("hello")).await;
        tus.refuses(&answer, 400, "ERR_INVALID_OFFSET");
        assert_eq!(tus.offset(&url).await, 0, "{offset}");
    }
}

async fn pieces_make_the_whole(tus: Peer) {
    let url = tus.create(11).await;
    for (offset, body, reached) in [
        (0, content("hello"), 5),
        (5, content(""), 5),
        (5, chunked(&[" ", "", "wor"]), 9),
        (9, content("ld"), 11),
    ] {
        let answer = tus.append(&url, offset, body).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_eq!(number(answer.headers(), "upload-offset"), reached);
        assert_eq!(tus.offset(&url).await, reached);
    }
}

async fn the_bytes_come_out_as_they_went_in(tus: Peer) {
    let url = tus.create(11).await;
    tus.appends(&url, 0, "hel").await;
    let conflict = tus.append(&url, 0, content("HELLO")).await;
    assert_eq!(conflict.status(), StatusCode::CONFLICT);
    tus.append(&url, 3, chunked(&["lo", " "])).await;
    tus.appends(&url, 6, "world").await;
    assert_eq!(tus.bytes(&url).await, "hello world");
}

async fn another_type_is_refused(tus: Peer) {
    let url = tus.create(10).await;
    for media_type in ["text/plain", "application/octet-stream"] {
        let request = request(Method::PATCH, &url)
            .header("Upload-Offset", 0)
            .header("Content-Type", media_type);
        let answer = tus.give(request, content("hello")).await;
        tus.says(&answer, 415, "ERR_INVALID_CONTENT_TYPE");
        assert_eq!(tus.offset(&url).await, 0);
    }
}

async fn another_offset_is_a_conflict(tus: Peer) {
    let url = tus.create(10).await;
    tus.appends(&url, 0, "hello").await;
    for offset in [0, 4, 6, 10, 9_223_372_036_854_775_807] {
        let answer = tus.append(&url, offset, content("world")).await;
        tus.says(&answer, 409, "ERR_MISMATCHED_OFFSET");
        assert_eq!(tus.offset(&url).await, 5);
    }
    tus.appends(&url, 5, "world").await;
}

async fn of_two_patches_at_one_offset_one_is_taken(tus: Peer) {
    let url = tus.create(10).await;
    let (one, other) = tokio::join!(
        tus.append(&url, 0, content("hello")),
        tus.append(&url, 0, content("world!")),
    );
    let taken = [&one, &other]
        .into_iter()
        .filter(|it| it.status().is_success());
    let taken: Vec<_> = taken
        .map(|it| number(it.headers(), "upload-offset"))
        .collect();
    assert!(taken.len() <= 1, "{taken:?}");
    let offset = tus.settled_offset(&url).await;
    assert!(taken.iter().all(|reached| *reached == offset));
}

async fn an_append_to_nothing_is_not_found(tus: Peer) {
    let answer = tus.append(&tus.nowhere(), 0, content("hello")).await;
    tus.says(&answer, 404, "ERR_UPLOAD_NOT_FOUND");
}
