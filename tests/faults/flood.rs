//! HTTP/2 clients that cost the server more than themselves.

use h2::Reason;
use http::{Method, Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::raw::{Ends, Http2, Stream};
use crate::harness::tus::request;
use crate::harness::{Server, patient};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The head of a creation for the path `/files/`, with a body to follow.
const POST: &[u8] = b"\0\0\x10\x01\x04\0\0\0\x01\x83\x86\x44\x07/files/\x41\x03tus";

/// Builds a frame of the given kind, for a stream or the connection.
fn frame(kind: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let head = [0, 0, length, kind, 0, 0, 0, 0, stream];
    [&head[..], payload].concat()
}

/// Sends a flood, and returns the code of the server's GOAWAY.
async fn goodbye(server: &Server, flood: &[u8]) -> Option<u32> {
    let (mut read, mut write) = server.connect().await.into_split();
    let hello = [PREFACE, POST].concat();
    patient(write.write_all(&hello)).await.unwrap();
    let flood = flood.repeat(1000);
    let flooding = tokio::spawn(async move {
        for _ in 0..1000 {
            if write.write_all(&flood).await.is_err() {
                return true;
            }
        }
        false
    });
    let mut code = None;
    // A reset may overtake earlier frames.
    while let Ok((kind, payload)) = patient(next(&mut read)).await {
        if kind == 7 {
            code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
    }
    assert!(patient(flooding).await.unwrap(), "nothing stopped it");
    code
}

/// Reads the kind and payload of the next frame.
async fn next(read: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    read.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    read.read_exact(&mut payload).await?;
    Ok((head[3], payload))
}

#[tokio::test]
async fn a_flood_of_frames_without_bytes_ends_its_connection_and_no_other() {
    let server = Server::start(&[]).await;
    let mut other = Http2::connect(server.address()).await;
    for (name, flood) in [
        ("PING", frame(6, 0, &[0; 8])),
        ("SETTINGS", frame(4, 0, &[])),
        ("WINDOW_UPDATE", frame(8, 1, &[0, 0, 0, 1])),
        ("PRIORITY", frame(2, 3, &[0, 0, 0, 0, 1])),
        ("an unknown one", frame(99, 0, &[])),
        ("empty DATA", frame(0, 1, &[])),
    ] {
        if let Some(code) = goodbye(&server, &flood).await {
            assert_eq!(code, u32::from(Reason::ENHANCE_YOUR_CALM), "{name}");
        }
    }
    other.is_heard().await;
}

/// Begins a creation, with a header of `bytes` bytes and without an end.
async fn begin(client: &mut Http2, server: &Server, bytes: usize) -> Stream {
    let post = request(Method::POST, server.url())
        .header("Upload-Length", "1")
        .header("X-Long", "x".repeat(bytes));
    client.begin(post.body(()).unwrap(), Ends::Later).await
}

#[tokio::test]
async fn the_heads_of_all_streams_of_a_connection_are_bounded_together() {
    let server = Server::start(&[]).await;
    let mut client = Http2::connect(server.address()).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(begin(&mut client, &server, 200 << 10).await);
    }
    let mut refused = begin(&mut client, &server, 200 << 10).await;
    assert_eq!(refused.is_reset().await, Reason::REFUSED_STREAM);
    for mut stream in held {
        stream.end();
        assert_eq!(stream.answer().await.status(), StatusCode::CREATED);
    }
    let mut again = begin(&mut client, &server, 200 << 10).await;
    again.end();
    assert_eq!(again.answer().await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_request_of_http_2_may_have_250_lines() {
    let server = Server::start(&[]).await;
    let mut client = Http2::connect(server.address()).await;
    for (lines, status) in [
        (250, StatusCode::OK),
        (251, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
    ] {
        let mut options = Request::options(server.url());
        for line in 0..lines {
            options = options.header(format!("x-{line}"), "x");
        }
        let stream = client.begin(options.body(()).unwrap(), Ends::Here).await;
        assert_eq!(stream.answer().await.status(), status);
    }
}
