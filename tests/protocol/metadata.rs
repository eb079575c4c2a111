//! Upload-Metadata.

use http::header::HeaderValue;
use http::{Method, StatusCode};

use crate::check::checks;
use crate::harness::tus::{Answer, request};
use crate::peer::{Peer, made_nothing};

checks![["creation"];
    "CRE-04 CRE-12" metadata_comes_back_as_it_was_written,
    "CRE-12" without_metadata_there_is_none,
    "CRE-04 CRE-05 CRE-11" malformed_metadata_does_no_harm,
    "CRE-06" metadata_that_decodes_to_a_header_is_none,
    "AMB-15" malformed_metadata_is_refused,
    "AMB-15" spaces_around_commas_are_kept,
];

async fn create(tus: &Peer, metadata: impl AsRef<[u8]>) -> Answer {
    let metadata = HeaderValue::from_bytes(metadata.as_ref()).unwrap();
    let post = tus.post().header("Upload-Length", 5);
    tus.ask(post.header("Upload-Metadata", metadata)).await
}

async fn assert_echoed(tus: &Peer, metadata: &str) {
    let answer = create(tus, metadata).await;
    assert_eq!(answer.status(), StatusCode::CREATED, "{metadata}");
    let answer = tus.head(&tus.location(&answer)).await;
    assert_eq!(answer.headers()["upload-metadata"], metadata);
}

async fn metadata_comes_back_as_it_was_written(tus: Peer) {
    for metadata in [
        "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential",
        "b Yg==,a YQ==",
        "a YQ==,b ,c",
        "a,b,c",
        "a /wD/",
    ] {
        assert_echoed(&tus, metadata).await;
    }
}

async fn without_metadata_there_is_none(tus: Peer) {
    let mut uploads = vec![tus.create(5).await];
    if tus.is_ours() {
        for blank in ["", " "] {
            uploads.push(tus.location(&create(&tus, blank).await));
        }
    }
    for url in uploads {
        let answer = tus.head(&url).await;
        assert!(!answer.headers().contains_key("upload-metadata"));
    }
}

/// Includes non-ASCII keys, and values that are bytes above 0x7F instead of
/// base64.
const MALFORMED: [&[u8]; 9] = [
    b"a YQ==,a Yg==",
    b"a,,b",
    b",",
    b"a YQ",
    b"a !!!",
    b"a YQ== YQ==",
    b"\xe4 YQ==",
    b"a \xe4",
    b"a YQ==\xe4",
];

async fn malformed_metadata_does_no_harm(tus: Peer) {
    for metadata in MALFORMED {
        let answer = create(&tus, metadata).await;
        match answer.status() {
            StatusCode::CREATED => assert_eq!(tus.offset(&tus.location(&answer)).await, 0),
            status => assert!(status.is_client_error(), "{status}"),
        }
    }
}

async fn metadata_that_decodes_to_a_header_is_none(tus: Peer) {
    // "x", a line break, and "Set-Cookie: a=1".
    let value = "eA0KU2V0LUNvb2tpZTogYT0x";
    let answer = create(&tus, format!("filename {value},filetype {value}")).await;
    if answer.status().is_client_error() {
        return;
    }
    let url = tus.location(&answer);
    for method in [Method::HEAD, Method::GET, Method::OPTIONS, Method::DELETE] {
        let answer = tus.ask(request(method, &url)).await;
        assert!(!answer.headers().contains_key("set-cookie"));
    }
}

async fn malformed_metadata_is_refused(tus: Peer) {
    for metadata in MALFORMED {
        let answer = create(&tus, metadata).await;
        tus.says(&answer, 400, "ERR_INVALID_METADATA");
        made_nothing(&answer);
    }
}

async fn spaces_around_commas_are_kept(tus: Peer) {
    for metadata in ["a YQ==, b Yg==", "a YQ==\t,\tb", "a YQ== , b"] {
        assert_echoed(&tus, metadata).await;
    }
}
