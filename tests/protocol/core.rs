//! CORE: versions, HEAD, PATCH, OPTIONS.

use http::{Method, Request, StatusCode};

use crate::harness::tus::{chunked, code, content, number, patch, request};
use crate::{Peer, everywhere};

everywhere![
    core_01_the_core_methods_are_there,
    core_02_an_offset_is_a_non_negative_integer,
    core_04_options_tells_the_versions_and_the_extensions,
    core_06_every_response_tells_its_version,
    core_08_another_version_is_refused_and_nothing_is_touched,
    core_17_head_tells_where_an_upload_stands,
    core_19_an_unknown_upload_is_not_found,
    core_23_pieces_make_the_whole,
    core_24_another_type_is_refused,
    core_25_another_offset_is_a_conflict,
    core_34_options_needs_no_version,
    amb_03_an_over_long_body_is_refused,
    amb_04_at_the_end_of_a_complete_upload_nothing_may_come,
    paths_that_are_no_ids_lead_nowhere,
];

async fn core_01_the_core_methods_are_there(tus: Peer) {
    let url = tus.create(5).await;
    for method in [Method::OPTIONS, Method::HEAD] {
        assert_eq!(
            tus.ask(request(method, &url)).await.status(),
            StatusCode::OK
        );
    }
    let answer = tus.append(&url, 0, content("hello")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

async fn core_02_an_offset_is_a_non_negative_integer(tus: Peer) {
    let url = tus.create(5).await;
    for offset in [
        "-1",
        "+0",
        "abc",
        "1.5",
        "",
        "0x0",
        "18446744073709551616",
        "9223372036854775808",
    ] {
        let request = request(Method::PATCH, &url)
            .header("Content-Type", "application/offset+octet-stream")
            .header("Upload-Offset", offset);
        let answer = tus.send(request.body(content("hello")).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{offset:?}");
        assert_eq!(code(&answer), "ERR_INVALID_OFFSET");
        assert_eq!(tus.offset(&url).await, 0);
    }
    let without =
        request(Method::PATCH, &url).header("Content-Type", "application/offset+octet-stream");
    let answer = tus.send(without.body(content("hello")).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "AMB-05");
}

async fn core_04_options_tells_the_versions_and_the_extensions(tus: Peer) {
    let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
    assert_eq!(answer.status(), StatusCode::OK, "AMB-18");
    assert_eq!(
        answer.headers()["tus-version"],
        "1.0.0",
        "CORE-04, CORE-05, CORE-32"
    );
    let extensions = answer.headers()["tus-extension"].to_str().unwrap();
    let mut extensions: Vec<_> = extensions.split(',').collect();
    extensions.sort_unstable();
    assert_eq!(
        extensions,
        [
            "checksum",
            "checksum-trailer",
            "concatenation",
            "creation",
            "creation-defer-length",
            "creation-with-upload",
            "termination"
        ],
        "CORE-11, CORE-33, CHK-01, CTR-01, CRE-02, CWU-01, CWU-02, DEF-01, TERM-01"
    );
    assert!(!answer.headers().contains_key("tus-max-size"), "CORE-14");
}

async fn core_06_every_response_tells_its_version(tus: Peer) {
    let url = tus.create(5).await;
    let missing = format!("{}missing", tus.url);
    let requests = [
        request(Method::OPTIONS, &tus.url),
        tus.post(),
        tus.post().header("Upload-Length", "5"),
        request(Method::GET, &url),
        request(Method::PUT, &url),
        request(Method::HEAD, &url),
        request(Method::HEAD, &missing),
        request(Method::DELETE, &missing),
        patch(&missing, 0),
        patch(&url, 3),
        request(Method::PATCH, &url),
        Request::head(&url),
        request(Method::DELETE, &tus.url),
        request(Method::DELETE, &url),
    ];
    for request in requests {
        let answer = tus.ask(request).await;
        let stamp = answer
            .headers()
            .get_all("tus-resumable")
            .iter()
            .collect::<Vec<_>>();
        assert_eq!(stamp, ["1.0.0"], "CORE-07: {}", answer.status());
    }
}

async fn core_08_another_version_is_refused_and_nothing_is_touched(tus: Peer) {
    let url = tus.create(5).await;
    for version in [Some("99.99.99"), Some("0.2.2"), Some(""), None] {
        for (method, url) in [
            (Method::POST, &tus.url),
            (Method::HEAD, &url),
            (Method::PATCH, &url),
            (Method::DELETE, &url),
        ] {
            let mut request = Request::builder()
                .method(method)
                .uri(url)
                .header("Upload-Length", "5")
                .header("Upload-Offset", "0")
                .header("Content-Type", "application/offset+octet-stream");
            if let Some(version) = version {
                request = request.header("Tus-Resumable", version);
            }
            let answer = tus.send(request.body(content("hello")).unwrap()).await;
            assert_eq!(
                answer.status(),
                StatusCode::PRECONDITION_FAILED,
                "AMB-01, AMB-02"
            );
            assert_eq!(answer.headers()["tus-version"], "1.0.0", "CORE-09");
            assert!(!answer.headers().contains_key("location"), "CORE-10");
        }
        assert_eq!(tus.offset(&url).await, 0, "CORE-10");
    }
}

async fn core_17_head_tells_where_an_upload_stands(tus: Peer) {
    let url = tus.create(11).await;
    for (offset, text) in [(0, "hello"), (5, " world"), (11, "")] {
        let answer = tus.head(&url).await;
        assert_eq!(answer.status(), StatusCode::OK, "CORE-21");
        assert_eq!(number(answer.headers(), "upload-offset"), offset, "CORE-17");
        assert_eq!(number(answer.headers(), "upload-length"), 11, "CORE-18");
        assert_eq!(answer.headers()["cache-control"], "no-store", "CORE-22");
        let length = answer.headers().get("content-length");
        assert!(length.is_none_or(|length| length == "0"), "AMB-19");
        tus.append(&url, offset, content(text)).await;
    }
}

async fn core_19_an_unknown_upload_is_not_found(tus: Peer) {
    let url = format!("{}24e533e02ec3bc40c387f1a0e460e216", tus.url);
    let answer = tus.head(&url).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(!answer.headers().contains_key("upload-offset"), "CORE-20");
    assert!(answer.body().is_empty());
    let answer = tus.append(&url, 0, content("hello")).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "CORE-29");
    assert_eq!(answer.body(), "ERR_UPLOAD_NOT_FOUND: upload not found\n");
}

async fn core_23_pieces_make_the_whole(tus: Peer) {
    let url = tus.create(11).await;
    for (offset, body, reached) in [
        (0, content("hello"), 5),
        (5, content(""), 5),
        (5, chunked(&[" ", "", "wor"]), 9),
        (9, content("ld"), 11),
    ] {
        let answer = tus.append(&url, offset, body).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "CORE-26");
        assert_eq!(
            number(answer.headers(), "upload-offset"),
            reached,
            "CORE-27, CORE-28"
        );
        assert_eq!(tus.offset(&url).await, reached, "CORE-28");
    }
}

async fn core_24_another_type_is_refused(tus: Peer) {
    let url = tus.create(10).await;
    let typed = |media_type: &str| {
        request(Method::PATCH, &url)
            .header("Upload-Offset", "0")
            .header("Content-Type", media_type)
    };
    for request in [
        typed("text/plain"),
        typed("application/octet-stream"),
        typed(""),
        request(Method::PATCH, &url).header("Upload-Offset", "0"),
    ] {
        let answer = tus.send(request.body(content("hello")).unwrap()).await;
        assert_eq!(
            answer.status(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "AMB-06"
        );
        assert_eq!(code(&answer), "ERR_INVALID_CONTENT_TYPE");
        assert_eq!(tus.offset(&url).await, 0);
    }
    let other_case = typed("Application/Offset+Octet-Stream; charset=x");
    let answer = tus.send(other_case.body(content("hello")).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT, "AMB-10");
}

async fn core_25_another_offset_is_a_conflict(tus: Peer) {
    let url = tus.create(10).await;
    tus.append(&url, 0, content("hello")).await;
    for offset in [0, 4, 6, 10, 9_223_372_036_854_775_807] {
        let answer = tus.append(&url, offset, content("world")).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT);
        assert_eq!(code(&answer), "ERR_MISMATCHED_OFFSET");
        assert_eq!(number(answer.headers(), "upload-offset"), 5, "AMB-07");
        assert_eq!(tus.offset(&url).await, 5);
    }
}

async fn core_34_options_needs_no_version(tus: Peer) {
    for request in [
        Request::options(&tus.url),
        Request::options(&tus.url).header("Tus-Resumable", "99.9.9"),
        Request::options(format!("{}any", tus.url)),
    ] {
        let answer = tus.ask(request).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["tus-version"], "1.0.0", "CORE-32");
    }
}

async fn amb_03_an_over_long_body_is_refused(tus: Peer) {
    let url = tus.create(5).await;
    let answer = tus.append(&url, 0, content("hello!")).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(code(&answer), "ERR_UPLOAD_SIZE_EXCEEDED");
    assert_eq!(
        tus.offset(&url).await,
        0,
        "it is refused before a byte is read"
    );

    let answer = tus.append(&url, 0, chunked(&["hel", "lo!"])).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(tus.offset(&url).await, 5, "bytes up to the length are kept");
}

async fn amb_04_at_the_end_of_a_complete_upload_nothing_may_come(tus: Peer) {
    let url = tus.create(5).await;
    tus.append(&url, 0, content("hello")).await;
    for (body, status) in [
        (content(""), StatusCode::NO_CONTENT),
        (chunked(&[]), StatusCode::NO_CONTENT),
        (content("x"), StatusCode::PAYLOAD_TOO_LARGE),
        (chunked(&["x"]), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = tus.append(&url, 5, body).await;
        assert_eq!(answer.status(), status);
        assert_eq!(tus.offset(&url).await, 5);
    }
}

async fn paths_that_are_no_ids_lead_nowhere(tus: Peer) {
    for path in [
        "%2e%2e/secret",
        "a/%2e%2e/%2e%2e/secret",
        "..%2fsecret",
        "%2fetc%2fpasswd%2f..%2fx",
        "a%00b",
        "a%0ab",
        "%ff%fe",
        "a//b",
        "x.info",
        "x.lock/y",
        "a%20b",
        "a%5c..%5cb",
    ] {
        let url = format!("{}{path}", tus.url);
        for request in [
            request(Method::HEAD, &url),
            request(Method::DELETE, &url),
            patch(&url, 0),
        ] {
            let answer = tus.ask(request).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
