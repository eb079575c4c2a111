//! Points that the protocol leaves open, as decided here.

use http::{Method, StatusCode};

use crate::check::checks;
use crate::harness::tus::{chunked, content, number, patch, request};
use crate::peer::{OFFSET_OCTET_STREAM, Peer, made_nothing};
use crate::sending::Sending;

checks![["creation"];
    "AMB-03" bytes_known_to_be_too_many_are_refused_unread,
    "AMB-03" of_bytes_that_turn_out_to_be_too_many_the_first_are_kept,
    "AMB-03" neither_are_too_many_taken_by_a_creation ["creation-with-upload"],
    "AMB-03" a_deferred_length_is_no_way_around_the_maximum ["creation-defer-length", "Tus-Max-Size"],
    "AMB-04" at_the_end_of_a_complete_upload_nothing_may_come,
    "AMB-05" a_missing_or_malformed_offset_is_400,
    "AMB-06" a_missing_type_is_415,
    "AMB-07" a_conflict_tells_the_right_offset,
    "AMB-08" a_creation_with_bytes_of_another_type_is_refused,
    "AMB-10" a_type_may_have_case_and_parameters,
    "AMB-21" the_bytes_of_an_upload_can_be_had ["GET"],
];

async fn bytes_known_to_be_too_many_are_refused_unread(tus: Peer) {
    let url = tus.create(5).await;
    let answer = tus.append(&url, 0, content("hello!")).await;
    tus.says(&answer, 413, "ERR_UPLOAD_SIZE_EXCEEDED");
    assert_eq!(tus.offset(&url).await, 0);
}

async fn of_bytes_that_turn_out_to_be_too_many_the_first_are_kept(tus: Peer) {
    let url = tus.create(5).await;
    let answer = tus.append(&url, 0, chunked(&["hel", "lo!"])).await;
    tus.says(&answer, 413, "ERR_UPLOAD_SIZE_EXCEEDED");
    assert_eq!(tus.offset(&url).await, 5);
}

async fn neither_are_too_many_taken_by_a_creation(tus: Peer) {
    let post = || tus.post_bytes().header("Upload-Length", 4);
    let answer = tus.give(post(), content("hello")).await;
    tus.says(&answer, 413, "ERR_UPLOAD_SIZE_EXCEEDED");
    made_nothing(&answer);

    let answer = tus.give(post(), chunked(&["hel", "lo"])).await;
    tus.says(&answer, 413, "ERR_UPLOAD_SIZE_EXCEEDED");
    assert_eq!(tus.offset(&tus.location(&answer)).await, 4);
}

async fn a_deferred_length_is_no_way_around_the_maximum(tus: Peer) {
    let max = number(&tus.options().await, "tus-max-size");
    let url = tus.deferred().await;
    let sending = Sending::begin(&tus, patch(&url, 0), Some(max + 1)).await;
    assert_eq!(
        sending.answer().await.status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(tus.offset(&url).await, 0);
}

async fn at_the_end_of_a_complete_upload_nothing_may_come(tus: Peer) {
    for (url, end) in [(tus.upload("hello").await, 5), (tus.create(0).await, 0)] {
        for (body, status) in [
            (content(""), StatusCode::NO_CONTENT),
            (chunked(&[]), StatusCode::NO_CONTENT),
            (content("x"), StatusCode::PAYLOAD_TOO_LARGE),
            (chunked(&["x"]), StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let answer = tus.append(&url, end, body).await;
            assert_eq!(answer.status(), status);
            assert_eq!(tus.offset(&url).await, end);
        }
    }
}

async fn a_missing_or_malformed_offset_is_400(tus: Peer) {
    let url = tus.create(5).await;
    let patch = || request(Method::PATCH, &url).header("Content-Type", OFFSET_OCTET_STREAM);
    for request in [
        patch(),
        patch().header("Upload-Offset", ""),
        patch().header("Upload-Offset", "+0"),
        patch().header("Upload-Offset", "-1"),
        patch().header("Upload-Offset", "0,0"),
        patch()
            .header("Upload-Offset", 0)
            .header("Upload-Offset", 0),
    ] {
        let answer = tus.give(request, content("hello")).await;
        tus.says(&answer, 400, "ERR_INVALID_OFFSET");
        assert_eq!(tus.offset(&url).await, 0);
    }
}

async fn a_missing_type_is_415(tus: Peer) {
    let url = tus.create(5).await;
    let patch = || request(Method::PATCH, &url).header("Upload-Offset", 0);
    for request in [patch(), patch().header("Content-Type", "")] {
        let answer = tus.give(request, content("hello")).await;
        tus.says(&answer, 415, "ERR_INVALID_CONTENT_TYPE");
        assert_eq!(tus.offset(&url).await, 0);
    }
}

async fn a_conflict_tells_the_right_offset(tus: Peer) {
    let url = tus.create(10).await;
    tus.appends(&url, 0, "hello").await;
    let answer = tus.append(&url, 0, content("hello")).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    assert_eq!(number(answer.headers(), "upload-offset"), 5);
}

async fn a_creation_with_bytes_of_another_type_is_refused(tus: Peer) {
    let post = || tus.post().header("Upload-Length", 5);
    let typed = || post().header("Content-Type", "text/plain");
    for (request, body) in [
        (post(), content("hello")),
        (typed(), content("hello")),
        (typed(), chunked(&["hello"])),
    ] {
        let answer = tus.give(request, body).await;
        tus.says(&answer, 415, "ERR_INVALID_CONTENT_TYPE");
        made_nothing(&answer);
    }
    let answer = tus.ask(typed()).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert!(!answer.headers().contains_key("upload-offset"));
}

async fn a_type_may_have_case_and_parameters(tus: Peer) {
    for media_type in [
        "Application/Offset+Octet-Stream",
        "application/offset+octet-stream; charset=x",
    ] {
        let url = tus.create(5).await;
        let patch = request(Method::PATCH, &url)
            .header("Upload-Offset", 0)
            .header("Content-Type", media_type);
        let answer = tus.give(patch, content("hello")).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{media_type}");
    }
}

async fn the_bytes_of_an_upload_can_be_had(tus: Peer) {
    let url = tus.upload("hello").await;
    let answer = tus.ask(request(Method::GET, &url)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-length"], "5");
    assert_eq!(answer.body(), "hello");
}
