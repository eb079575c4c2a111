//! CRE: creation.

use http::header::HeaderValue;
use http::{Method, StatusCode};

use crate::harness::tus::{code, content, number, request};
use crate::{Peer, everywhere};

everywhere![
    core_03_a_length_is_a_non_negative_integer,
    cre_04_metadata_is_taken_in_every_legal_form_and_echoed,
    cre_04_malformed_metadata_is_refused,
    cre_06_metadata_that_decodes_to_a_header_is_none,
    cre_07_a_creation_has_a_length_or_defers_it,
    cre_10_an_upload_without_bytes_is_complete_at_its_creation,
    cre_14_a_creation_is_answered_with_its_place,
    post_and_the_rest_know_their_places,
];

async fn core_03_a_length_is_a_non_negative_integer(tus: Peer) {
    for length in [
        "-1",
        "+1",
        "abc",
        "1e3",
        "",
        "1.0",
        "0x1",
        "9223372036854775808",
    ] {
        let answer = tus.ask(tus.post().header("Upload-Length", length)).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{length:?}");
        assert_eq!(code(&answer), "ERR_INVALID_UPLOAD_LENGTH");
        assert!(!answer.headers().contains_key("location"));
    }
    let url = tus.create(9_223_372_036_854_775_807).await;
    assert_eq!(tus.offset(&url).await, 0);
}

async fn cre_04_metadata_is_taken_in_every_legal_form_and_echoed(tus: Peer) {
    for raw in [
        "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential",
        "b Yg==,a YQ==",
        "a YQ==, b Yg==",
        "a YQ==\t,\tb",
        "a,b,c",
        "a /wD/",
    ] {
        let post = tus
            .post()
            .header("Upload-Length", "5")
            .header("Upload-Metadata", raw);
        let answer = tus.ask(post).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{raw:?}");
        let answer = tus.head(&tus.location(&answer)).await;
        assert_eq!(answer.headers()["upload-metadata"], raw, "CRE-12");
    }
    for blank in ["", " "] {
        let post = tus
            .post()
            .header("Upload-Length", "5")
            .header("Upload-Metadata", blank);
        let answer = tus.ask(post).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let answer = tus.head(&tus.location(&answer)).await;
        assert!(!answer.headers().contains_key("upload-metadata"));
    }
}

async fn cre_04_malformed_metadata_is_refused(tus: Peer) {
    let malformed: [&[u8]; 8] = [
        b"a YQ==,a Yg==",
        b"a,,b",
        b",",
        b"a YQ",
        b"a !!!",
        b"a YQ== YQ==",
        b"\xe4 YQ==",
        b"a \xe4",
    ];
    for raw in malformed {
        let raw = HeaderValue::from_bytes(raw).unwrap();
        let post = tus
            .post()
            .header("Upload-Length", "5")
            .header("Upload-Metadata", &raw);
        let answer = tus.ask(post).await;
        // CRE-05: also a key that is not ASCII. CRE-11
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "AMB-15: {raw:?}");
        assert_eq!(code(&answer), "ERR_INVALID_METADATA");
        assert!(!answer.headers().contains_key("location"));
    }
}

async fn cre_06_metadata_that_decodes_to_a_header_is_none(tus: Peer) {
    // "x", a line break, and "Set-Cookie: a=1".
    let raw = "filename eA0KU2V0LUNvb2tpZTogYT0x,filetype eA0KU2V0LUNvb2tpZTogYT0x";
    let post = tus.post().header("Upload-Length", "5");
    let answer = tus.ask(post.header("Upload-Metadata", raw)).await;
    let url = tus.location(&answer);
    for method in [Method::HEAD, Method::GET, Method::OPTIONS, Method::DELETE] {
        let answer = tus.ask(request(method, &url)).await;
        assert!(!answer.headers().contains_key("set-cookie"));
    }
}

async fn cre_07_a_creation_has_a_length_or_defers_it(tus: Peer) {
    let answer = tus.ask(tus.post()).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(code(&answer), "ERR_INVALID_UPLOAD_LENGTH");
    let both = tus
        .post()
        .header("Upload-Length", "5")
        .header("Upload-Defer-Length", "1");
    let answer = tus.ask(both).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(code(&answer), "ERR_AMBIGUOUS_UPLOAD_LENGTH");
    for value in ["0", "2", "true", ""] {
        let answer = tus
            .ask(tus.post().header("Upload-Defer-Length", value))
            .await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "CRE-08");
        assert_eq!(code(&answer), "ERR_INVALID_UPLOAD_LENGTH_DEFER");
    }
}

async fn cre_10_an_upload_without_bytes_is_complete_at_its_creation(tus: Peer) {
    let url = tus.create(0).await;
    let answer = tus.head(&url).await;
    assert_eq!(number(answer.headers(), "upload-offset"), 0);
    assert_eq!(number(answer.headers(), "upload-length"), 0);
    assert_eq!(
        tus.append(&url, 0, content("")).await.status(),
        StatusCode::NO_CONTENT
    );
}

async fn cre_14_a_creation_is_answered_with_its_place(tus: Peer) {
    let answer = tus.ask(tus.post().header("Upload-Length", "5")).await;
    assert_eq!(answer.status(), StatusCode::CREATED, "CRE-01");
    let location = tus.location(&answer);
    assert!(location.starts_with(&tus.url), "CRE-15: {location}");
    assert_eq!(tus.offset(&location).await, 0, "CRE-16");
    let other = tus.create(5).await;
    assert_ne!(other, location, "RES-01");
}

async fn post_and_the_rest_know_their_places(tus: Peer) {
    let url = tus.create(5).await;
    for (method, url, allow) in [
        (Method::GET, &tus.url, "OPTIONS, POST"),
        (Method::PATCH, &tus.url, "OPTIONS, POST"),
        (Method::POST, &url, "OPTIONS, GET, HEAD, PATCH, DELETE"),
        (Method::PUT, &url, "OPTIONS, GET, HEAD, PATCH, DELETE"),
    ] {
        let answer = tus
            .ask(request(method, url).header("Upload-Length", "5"))
            .await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()["allow"], allow);
        assert_eq!(answer.body(), "method not allowed\n");
    }
}
