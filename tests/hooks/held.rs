//! Creations that wait for their hook, and other requests on their connection.

use std::fs;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::future::join_all;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, SendStream};
use http::{Request, StatusCode};

use crate::harness::patient;
use crate::harness::tus::number;
use crate::scene::{Scene, until};

const LENGTH: usize = 4 << 20;
const HELD: usize = 8;

/// Accepts small uploads at once, and others when the file `release` exists.
const SLOW: &str = r#"
case "$json" in *'"Size":1,'*) exit;; esac
echo >>held
# Not longer than there is a test.
while [ -f held ] && [ ! -f release ]; do sleep 0.05; done
"#;

struct Client {
    requests: SendRequest<Bytes>,
    pings: PingPong,
}

struct Creation {
    answer: ResponseFuture,
    body: SendStream<Bytes>,
    sent: usize,
}

impl Client {
    async fn connect(scene: &Scene) -> Self {
        // Makes the capacity of a stream depend on the server's windows only.
        let client = Builder::new()
            .max_send_buffer_size(64 << 20)
            .handshake(scene.server.connect().await);
        let (requests, mut connection) = patient(client).await.unwrap();
        let pings = connection.ping_pong().unwrap();
        tokio::spawn(connection);
        Self { requests, pings }
    }

    async fn create(&mut self, scene: &Scene, length: usize) -> Creation {
        patient(poll_fn(|cx| self.requests.poll_ready(cx)))
            .await
            .unwrap();
        let request = Request::post(scene.server.url())
            .header("Tus-Resumable", "1.0.0")
            .header("Content-Type", "application/offset+octet-stream")
            .header("Upload-Length", length)
            .body(());
        let (answer, mut body) = self.requests.send_request(request.unwrap(), false).unwrap();
        body.reserve_capacity(length);
        Creation {
            answer,
            body,
            sent: 0,
        }
    }

    /// Waits until the server has read everything, and the client its response.
    async fn is_heard(&mut self) {
        patient(self.pings.ping(Ping::opaque())).await.unwrap();
    }

    /// Sends until the window is used up.
    async fn fill(&mut self, creation: &mut Creation) {
        while creation.sent < LENGTH {
            self.is_heard().await;
            let mut cx = Context::from_waker(Waker::noop());
            match creation.body.poll_capacity(&mut cx) {
                Poll::Ready(room) => creation.send(room.unwrap().unwrap()),
                Poll::Pending => return,
            }
        }
    }
}

impl Creation {
    fn send(&mut self, bytes: usize) {
        self.sent += bytes;
        let last = self.sent == LENGTH;
        let bytes = Bytes::from(vec![0; bytes]);
        self.body.send_data(bytes, last).unwrap();
        self.body.reserve_capacity(LENGTH - self.sent);
    }

    /// Sends the rest, and returns the offset in the response.
    async fn finish(mut self) -> u64 {
        while self.sent < LENGTH {
            let room = patient(poll_fn(|cx| self.body.poll_capacity(cx))).await;
            self.send(room.unwrap().unwrap());
        }
        let answer = patient(self.answer).await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        number(answer.headers(), "upload-offset")
    }
}

#[tokio::test]
async fn creations_that_wait_for_a_hook_hold_little_and_stall_no_other_upload() {
    let scene = Scene::with_scripts(
        &[("pre-create", SLOW)],
        &["-hooks-enabled-events=pre-create"],
    );
    let scene = scene.await;
    let mut client = Client::connect(&scene).await;
    let mut held = Vec::new();
    for _ in 0..HELD {
        held.push(client.create(&scene, LENGTH).await);
    }
    let waiting = scene.file("held");
    until(|| fs::read(&waiting).is_ok_and(|lines| lines.len() == HELD)).await;
    for creation in &mut held {
        client.fill(creation).await;
    }
    let sent: usize = held.iter().map(|creation| creation.sent).sum();
    assert!(sent <= HELD * (128 << 10), "{sent} bytes wait in memory");

    let mut small = client.create(&scene, 1).await;
    small.body.send_data(Bytes::from("x"), true).unwrap();
    let answer = patient(small.answer).await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(number(answer.headers(), "upload-offset"), 1);

    fs::write(scene.file("release"), "").unwrap();
    // Concurrently, because the streams share a window.
    let offsets = join_all(held.into_iter().map(Creation::finish)).await;
    assert_eq!(offsets, [LENGTH as u64; HELD]);
}
