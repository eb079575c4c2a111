//! Requests that tusd accepts and the protocol forbids.

use std::fs;

use http::{HeaderValue, Method, Request, StatusCode};
use serde_json::json;

use super::harness::tus::{Content, Version, code, content, request};
use super::harness::{Server, Signal};
use super::{Tus, header, start};

/// Returns one request per tolerated mistake, with the response of the strict
/// mode.
fn offences(
    tus: &Tus,
    upload: &str,
    finished: &str,
) -> [(Request<Content>, StatusCode, &'static str); 4] {
    let post = || tus.post().header("Upload-Length", "5");
    let without_version = Request::builder().method(Method::HEAD).uri(upload);
    let metadata = post().header("Upload-Metadata", "filename d29ybGQ=, odd !!!,flag");
    let whole = tus
        .post()
        .header("Upload-Concat", format!("final;{finished}"));
    let form = post().header("Content-Type", "application/x-www-form-urlencoded");
    [
        (
            without_version.body(content("")).unwrap(),
            StatusCode::PRECONDITION_FAILED,
            "HEAD without Tus-Resumable",
        ),
        (
            metadata.body(content("")).unwrap(),
            StatusCode::BAD_REQUEST,
            "malformed Upload-Metadata",
        ),
        (
            form.body(content("a=b")).unwrap(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "POST with another Content-Type",
        ),
        (
            whole.body(content("")).unwrap(),
            StatusCode::BAD_REQUEST,
            "a final of uploads that are not partial",
        ),
    ]
}

#[tokio::test]
async fn what_lenient_would_accept_is_refused_and_the_log_says_so() {
    let (mut server, tus) = start(&[]).await;
    let (upload, finished) = (tus.create(5).await, tus.create(0).await);
    for (request, status, what) in offences(&tus, &upload, &finished) {
        assert_eq!(tus.send(request).await.status(), status, "{what}");
    }
    server.signal(Signal::TERM);
    let log = server.rest().await;
    for (_, _, what) in offences(&tus, &upload, &finished) {
        let told =
            |line: &String| line.contains("lenient would accept this") && line.contains(what);
        assert!(log.iter().any(told), "{what}: {log:?}");
    }
}

/// Metadata with non-ASCII keys in UTF-8 and Latin-1, with equal values.
const BEYOND_ASCII: [&[u8]; 3] = [
    "gr\u{f6}\u{df}e MTI=, filename d29ybGQ=,\u{1f600}".as_bytes(),
    b"\xe4 YQ==,\xf6 Yg==",
    b"a YR==",
];

fn with_metadata(tus: &Tus, metadata: &[u8]) -> http::request::Builder {
    let metadata = HeaderValue::from_bytes(metadata).unwrap();
    let post = tus.post().header("Upload-Length", "5");
    post.header("Upload-Metadata", metadata)
}

#[tokio::test]
async fn a_lenient_server_keeps_metadata_keys_beyond_ascii_byte_by_byte() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(home.path(), &["-lenient"]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    let mut uploads = Vec::new();
    for metadata in BEYOND_ASCII {
        let answer = tus.ask(with_metadata(&tus, metadata)).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let url = tus.location(&answer);
        let http_2 = Tus::new(server.url(), Version::Http2);
        for tus in [&tus, &http_2] {
            let head = tus.head(&url).await;
            assert_eq!(head.headers()["upload-metadata"].as_bytes(), metadata);
        }
        tus.append(&url, 0, content("hello")).await;
        let (_, id) = url.rsplit_once('/').unwrap();
        uploads.push((id.to_owned(), metadata));
    }
    let info = server.uploads().join(format!("{}.info", uploads[0].0));
    let info: serde_json::Value = serde_json::from_slice(&fs::read(info).unwrap()).unwrap();
    let pairs = json!({"gr\u{f6}\u{df}e": "12", "filename": "world", "\u{1f600}": ""});
    assert_eq!(info["MetaData"], pairs);

    server.signal(Signal::TERM);
    server.exit().await;
    for flags in [&["-lenient"][..], &[]] {
        let server = Server::start_in(home.path(), flags).await;
        let tus = Tus::new(server.url(), Version::Http1);
        for (id, metadata) in &uploads {
            let head = tus.head(&format!("{}{id}", tus.url)).await;
            let found = head.headers()["upload-metadata"].as_bytes();
            assert_eq!(found, *metadata, "{flags:?}");
        }
    }
}

#[tokio::test]
async fn cre_05_a_strict_server_refuses_metadata_keys_beyond_ascii() {
    let (_server, tus) = start(&[]).await;
    for metadata in BEYOND_ASCII {
        let answer = tus.ask(with_metadata(&tus, metadata)).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(code(&answer), "ERR_INVALID_METADATA");
    }
}

#[tokio::test]
async fn a_lenient_server_takes_what_tusd_takes() {
    let (mut server, tus) = start(&["-lenient"]).await;
    let (upload, finished) = (tus.create(5).await, tus.create(5).await);
    tus.append(&finished, 0, content("hello")).await;
    let [head, metadata, form, whole] =
        offences(&tus, &upload, &finished).map(|(request, ..)| request);
    let answer = tus.send(head).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "upload-offset"), "0");

    let answer = tus.send(metadata).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let head = tus.head(&tus.location(&answer)).await;
    assert_eq!(header(&head, "upload-metadata"), "filename d29ybGQ=,flag");

    let answer = tus.send(form).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(tus.offset(&tus.location(&answer)).await, 0);

    let answer = tus.send(whole).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(tus.offset(&tus.location(&answer)).await, 5);

    let patch = Request::patch(&upload).header("Upload-Offset", "0");
    let answer = tus.ask(patch).await;
    assert_eq!(answer.status(), StatusCode::PRECONDITION_FAILED, "CORE-08");
    let answer = tus.ask(request(Method::PATCH, &upload)).await;
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);

    server.signal(Signal::TERM);
    let log = server.rest().await;
    assert!(!log.iter().any(|line| line.contains("lenient")), "{log:?}");
}
