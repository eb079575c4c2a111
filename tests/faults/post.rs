//! A creation over HTTP/2 whose bytes a test sends as far as the windows allow.

use std::future::poll_fn;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{Builder, ResponseFuture};
use http::{Method, StatusCode};

use crate::harness::tus::request;
use crate::harness::{Server, patient};

pub(crate) struct Post {
    answer: ResponseFuture,
    body: SendStream<Bytes>,
    /// The number of bytes that have not been sent.
    pub(crate) left: usize,
}

impl Post {
    /// Sends the head of a creation of `length` bytes on a new connection.
    pub(crate) async fn begin(server: &Server, client: &Builder, length: usize) -> Self {
        let client = client.handshake(server.connect().await);
        let (mut client, connection) = patient(client).await.unwrap();
        tokio::spawn(connection);
        let post = request(Method::POST, server.url())
            .header("Content-Type", "application/offset+octet-stream")
            .header("Upload-Length", length)
            .body(());
        let (answer, body) = client.send_request(post.unwrap(), false).unwrap();
        let left = length;
        Self { answer, body, left }
    }

    /// Waits until the windows allow more bytes than before, of those that are
    /// `wanted`, and returns how many they allow.
    pub(crate) async fn room(&mut self, wanted: usize) -> usize {
        self.body.reserve_capacity(wanted.min(self.left));
        let room = patient(poll_fn(|cx| self.body.poll_capacity(cx))).await;
        room.unwrap().unwrap().min(wanted).min(self.left)
    }

    /// Sends the next bytes, for which there has to be room.
    pub(crate) fn send(&mut self, bytes: Bytes) {
        self.left -= bytes.len();
        self.body.send_data(bytes, self.left == 0).unwrap();
    }

    /// Waits for the answer to the whole, which must be a success.
    pub(crate) async fn end(self) {
        let answer = patient(self.answer).await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
    }
}
