//! Where digests are computed.

use std::sync::mpsc;
use std::thread::{self, ThreadId};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Response;
use http_body::Frame;

use super::super::{Algorithm, Algorithms, ChecksumLayer, Digest};
use super::{Scene, chunked, trailers};
use crate::protocol::Body;

const LARGE: usize = 64 << 10;

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
