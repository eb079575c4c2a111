//! How many bytes a client may send before the server reads them.

use std::future::poll_fn;

use bytes::Bytes;
use h2::client::Builder;
use http::{Method, StatusCode};

use crate::harness::tus::request;
use crate::harness::{Server, patient};

const LENGTH: usize = 16 << 20;

/// Half of the largest window: a window is renewed when half of it is used.
const LARGE: usize = 2 << 20;

#[tokio::test]
async fn a_body_that_is_read_gets_a_large_window() {
    let server = Server::start(&[]).await;
    // Makes the capacity of a stream depend on the server's windows only.
    let client = Builder::new()
        .max_send_buffer_size(64 << 20)
        .handshake(server.connect().await);
    let (mut client, connection) = patient(client).await.unwrap();
    tokio::spawn(connection);
    let post = request(Method::POST, server.url())
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Length", LENGTH)
        .body(());
    let (answer, mut body) = client.send_request(post.unwrap(), false).unwrap();
    body.reserve_capacity(LENGTH);
    let mut rooms = Vec::new();
    let mut sent = 0;
    while sent < LENGTH {
        let room = patient(poll_fn(|cx| body.poll_capacity(cx))).await;
        let room = room.unwrap().unwrap();
        rooms.push(room);
        // The second half waits for a window that is large enough.
        if sent >= LENGTH / 2 && room < LARGE.min(LENGTH - sent) {
            continue;
        }
        sent += room;
        let bytes = Bytes::from(vec![0; room]);
        body.send_data(bytes, sent == LENGTH).unwrap();
        body.reserve_capacity(LENGTH - sent);
    }
    assert!(rooms[0] <= 128 << 10, "{} before it is read", rooms[0]);
    assert!(rooms.iter().any(|&room| room >= LARGE), "{rooms:?}");
    let answer = patient(answer).await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
}
