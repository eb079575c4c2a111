//! Where digests are computed.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::{FutureExt, stream};
use http::Response;
use http_body::Frame;
use http_body_util::StreamBody;

use super::super::{Algorithm, Algorithms, ChecksumLayer, Digest};
use super::{Scene, chunked, trailers};
use crate::protocol::Body;

const LARGE: usize = 64 << 10;
const LONG: Duration = Duration::from_secs(10);

/// A digest that depends on the order of its bytes, and reports on which threads it runs
/// over how many of them.
struct Told(u8, mpsc::Sender<(ThreadId, usize)>);

impl Digest for Told {
    fn update(&mut self, bytes: &[u8]) {
        self.1.send((thread::current().id(), bytes.len())).unwrap();
        self.0 = bytes
            .iter()
            .fold(self.0, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        vec![self.0]
    }
}

/// Sends the pieces with their checksum, in a header and in a trailer. Returns on which
/// threads the digests ran over how many bytes.
async fn digested(pieces: &[Vec<u8>]) -> Vec<(ThreadId, usize)> {
    let (sender, told) = mpsc::channel();
    let algorithm = Algorithm::new("told", 1, move || Told(0, sender.clone()));
    let own = Algorithms::none().with(algorithm.clone());
    let layer = ChecksumLayer::new()
        .algorithms(own.clone())
        .trailer_algorithms(own);
    let mut expected = algorithm.begin();
    pieces.iter().for_each(|piece| expected.update(piece));
    told.try_iter().for_each(drop);
    let checksum: &str = format!("told {}", BASE64_STANDARD.encode(expected.finish())).leak();
    let frames = || {
        pieces
            .iter()
            .map(|piece| Ok(Frame::data(piece.clone().into())))
    };
    let stored = |scene: &Scene, response: Response<Body>| {
        assert_eq!(response.status(), 204);
        assert_eq!(scene.stored()[5..], pieces.concat());
    };

    let scene = Scene {
        layer,
        ..Scene::new(None).await
    };
    let patch = scene.patch(5).header("Upload-Checksum", checksum);
    let body = chunked(frames().collect());
    stored(&scene, scene.send(patch.body(body).unwrap()).await);
    let scene = Scene {
        layer: scene.layer,
        ..Scene::new(None).await
    };
    let patch = scene.patch(5).header("Trailer", "Upload-Checksum");
    let body = chunked(frames().chain([trailers(&[checksum])]).collect());
    stored(&scene, scene.send(patch.body(body).unwrap()).await);
    told.try_iter().collect()
}

#[tokio::test]
async fn digests_of_large_frames_run_beside_the_request_in_the_order_of_its_bytes() {
    // Several times what may be queued for the digest.
    let pieces = (0..64_u8).map(|n| vec![n; if n % 3 == 0 { 100 } else { LARGE }]);
    let pieces: Vec<_> = pieces.collect();
    let runs = digested(&pieces).await;
    assert_eq!(runs.len(), 2 * pieces.len());
    let here = thread::current().id();
    let large = runs.iter().filter(|(_, bytes)| *bytes == LARGE);
    assert!(large.clone().all(|(thread, _)| *thread != here));
    assert!(large.count() > 80);
}

#[tokio::test]
async fn digests_of_small_frames_cost_no_job() {
    let runs = digested(&vec![vec![7; LARGE - 1]; 9]).await;
    assert_eq!(runs.len(), 18);
    let here = thread::current().id();
    assert!(runs.iter().all(|(thread, _)| *thread == here));
}

/// A digest that is in no hurry: it waits until the sender is gone.
struct Waiting(Arc<Mutex<mpsc::Receiver<()>>>);

impl Digest for Waiting {
    fn update(&mut self, _: &[u8]) {
        let waited = self.0.lock().unwrap().recv_timeout(LONG);
        assert_eq!(waited, Err(mpsc::RecvTimeoutError::Disconnected));
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        vec![7]
    }
}

#[tokio::test]
async fn a_body_is_not_read_faster_than_its_digest_runs() {
    for in_header in [true, false] {
        let (go, waits) = mpsc::channel();
        let waits = Arc::new(Mutex::new(waits));
        let algorithm = Algorithm::new("slow", 1, move || Waiting(Arc::clone(&waits)));
        let own = Algorithms::none().with(algorithm);
        let layer = ChecksumLayer::new()
            .algorithms(own.clone())
            .trailer_algorithms(own);
        let scene = Scene {
            layer,
            ..Scene::new(None).await
        };
        let read = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&read);
        let frames = (0..64).map(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(Frame::data(vec![1; LARGE].into()))
        });
        let (name, end) = match in_header {
            true => ("Upload-Checksum", None),
            false => ("Trailer", Some(trailers(&["slow Bw=="]))),
        };
        let value = if in_header {
            "slow Bw=="
        } else {
            "Upload-Checksum"
        };
        let body = Body::new(StreamBody::new(stream::iter(frames.chain(end))));
        let patch = scene.patch(5).header(name, value).body(body);
        let mut sent = pin!(scene.send(patch.unwrap()));
        assert!(sent.as_mut().now_or_never().is_none());
        // One is digested, and 256 KiB wait.
        assert_eq!(read.load(Ordering::SeqCst), 5, "in the header: {in_header}");
        drop(go);
        assert_eq!(sent.await.status(), 204);
        assert_eq!(scene.stored().len(), 5 + 64 * LARGE);
    }
}
