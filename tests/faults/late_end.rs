//! Requests without bytes that end with a separate frame.
//!
//! Firefox ends all such requests over HTTP/2 with an empty DATA frame, and
//! some clients send an empty chunked body.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};

use crate::harness::Server;
use crate::harness::raw::{Ends, Http1, Http2};
use crate::harness::tus::{Tus, Version, content};

const TYPE: (&str, &str) = ("Content-Type", "application/offset+octet-stream");

/// The end of an HTTP/2 request.
#[derive(Clone, Copy, Debug)]
enum End {
    /// An empty frame after `Content-Length: 0`, like Firefox.
    Told,
    /// An empty frame alone.
    Untold,
    /// Trailers.
    Trailers,
}

/// Creations without bytes, including finals of two parts.
async fn creations(tus: &Tus) -> Vec<Vec<(&'static str, String)>> {
    let mut parts = Vec::new();
    for _ in 0..2 {
        let post = tus.post().header("Upload-Concat", "partial");
        let answer = tus.ask(post.header("Upload-Length", 5)).await;
        let url = tus.location(&answer);
        tus.append(&url, 0, content("hello")).await;
        parts.push(url);
    }
    let text = str::to_owned;
    vec![
        vec![("Upload-Length", text("5"))],
        vec![("Upload-Length", text("0"))],
        vec![("Upload-Defer-Length", text("1"))],
        vec![
            ("Upload-Length", text("5")),
            ("Content-Type", text("text/plain")),
        ],
        vec![
            ("Upload-Length", text("5")),
            ("Upload-Concat", text("partial")),
        ],
        vec![("Upload-Length", text("5")), (TYPE.0, text(TYPE.1))],
        vec![("Upload-Concat", format!("final;{}", parts.join(" ")))],
    ]
}

fn over_http_2(url: &str, method: &str, headers: &[(&'static str, String)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request = request.header("Tus-Resumable", "1.0.0");
    request.body(()).unwrap()
}

async fn send(server: &Server, mut request: Request<()>, end: End) -> Response<()> {
    if matches!(end, End::Told) {
        let headers = request.headers_mut();
        headers.insert("content-length", "0".parse().unwrap());
    }
    let mut client = Http2::connect(server.address()).await;
    let mut stream = client.begin(request, Ends::Later).await;
    // The server has received the head before the end arrives.
    client.is_heard().await;
    match end {
        End::Told | End::Untold => stream.end(),
        End::Trailers => stream.end_with(HeaderMap::new()),
    }
    stream.response().await.expect("the server answers")
}

/// Expects that the upload exists, with the correct offset and length.
async fn is_made(tus: &Tus, answer: &Response<()>, what: &str) {
    assert_eq!(answer.status(), 201, "{what}");
    let location = answer.headers()["location"].to_str().unwrap();
    let (_, id) = location.rsplit_once('/').unwrap();
    let offset = if what.contains("final") { 10 } else { 0 };
    let url = format!("{}{id}", tus.url);
    assert_eq!(tus.offset(&url).await, offset, "{what}");
}

#[tokio::test]
async fn a_creation_over_http_2_may_end_in_an_empty_frame() {
    let server = Server::start(&[]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    for headers in creations(&tus).await {
        for end in [End::Told, End::Untold, End::Trailers] {
            let request = over_http_2(server.url(), "POST", &headers);
            let answer = send(&server, request, end).await;
            is_made(&tus, &answer, &format!("{headers:?} {end:?}")).await;
        }
    }
}

#[tokio::test]
async fn a_creation_over_http_1_may_have_an_empty_body_in_chunks() {
    let server = Server::start(&[]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    for mut headers in creations(&tus).await {
        headers.push(("Transfer-Encoding", "chunked".to_owned()));
        let mut client = Http1::connect(server.address()).await;
        client.head("POST /files/", &headers).await;
        client.send(b"0\r\n\r\n").await;
        let answer = client.response().await.expect("the server answers");
        is_made(&tus, &answer, &format!("{headers:?}")).await;
    }
}

#[tokio::test]
async fn requests_on_an_upload_may_end_in_an_empty_frame() {
    let server = Server::start(&[]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    for end in [End::Told, End::Untold, End::Trailers] {
        for (length, offset) in [(5, 0), (0, 0)] {
            let url = tus.create(length).await;
            for (method, status) in [("PATCH", 204), ("HEAD", 200), ("GET", 200), ("DELETE", 204)] {
                let headers = [
                    ("Upload-Offset", format!("{offset}")),
                    (TYPE.0, TYPE.1.to_owned()),
                ];
                let request = over_http_2(&url, method, &headers);
                let answer = send(&server, request, end).await;
                assert_eq!(answer.status(), status, "{method} of {length} {end:?}");
            }
        }
    }
}

#[tokio::test]
async fn amb_08_bytes_behind_an_empty_frame_are_bytes() {
    let server = Server::start(&[]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    for headers in creations(&tus).await {
        if headers.iter().any(|(_, value)| value == TYPE.1) {
            continue;
        }
        let mut client = Http2::connect(server.address()).await;
        let request = over_http_2(server.url(), "POST", &headers);
        let mut stream = client.begin(request, Ends::Later).await;
        client.is_heard().await;
        stream.send(Bytes::from("x"), Ends::Here).await;
        let answer = stream.response().await.expect("the server answers");
        assert_eq!(answer.status(), 415, "{headers:?}");
        assert!(!answer.headers().contains_key("location"));

        let mut headers = headers;
        headers.push(("Transfer-Encoding", "chunked".to_owned()));
        let mut client = Http1::connect(server.address()).await;
        client.head("POST /files/", &headers).await;
        client.send(b"1\r\nx\r\n0\r\n\r\n").await;
        let answer = client.response().await.expect("the server answers");
        assert_eq!(answer.status(), 415, "{headers:?}");
    }
}
