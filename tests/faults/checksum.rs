//! A checksummed chunk that is cut in various ways: nothing of it remains, and
//! it can be sent again.

use std::collections::hash_map::{DefaultHasher, RandomState};
use std::hash::{BuildHasher, BuildHasherDefault};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::Request;
use http::request::Builder;
use tempfile::TempDir;
use tower_tus::layers::checksum::Algorithms;
use tower_tus::layers::protocol::Metadata;

use crate::harness::raw::{Ends, Http1, Http2};
use crate::harness::tus::{Tus, Version, content, patch};
use crate::harness::{Server, Signal, patient};
use crate::kill::pattern;

/// Number of bytes stored before the chunk.
const START: u64 = 100_000;
/// More than all buffers between client and server.
const CHUNK: usize = 3 << 20;
const LENGTH: u64 = START + CHUNK as u64;
const MOMENTS: usize = 10;

#[derive(Clone, Copy, Debug)]
enum Way {
    Http1Fin,
    Http1Rst,
    Http2Reset(Reason),
    Kill,
}

/// Random positions, with the seed to reproduce them.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = match std::env::var("SEED") {
            Ok(seed) => seed.parse().expect("SEED is a number"),
            Err(_) => RandomState::new().hash_one(0),
        };
        println!("SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = BuildHasherDefault::<DefaultHasher>::new().hash_one(self.0);
        (self.0 % bound as u64) as usize
    }
}

struct Scene {
    server: Server,
    home: TempDir,
    whole: Bytes,
    chunk: Bytes,
    checksum: String,
}

impl Scene {
    async fn new(args: &[&str]) -> Self {
        let home = TempDir::new().unwrap();
        let whole = pattern(0, LENGTH);
        let chunk = whole.slice(START as usize..);
        Self {
            server: Server::start_in(home.path(), args).await,
            home,
            whole,
            checksum: checksum("sha256", &chunk),
            chunk,
        }
    }

    fn tus(&self) -> Tus {
        Tus::new(self.server.url(), Version::Http1)
    }

    fn url(&self, id: &str) -> String {
        format!("{}{id}", self.server.url())
    }

    /// Creates an upload, up to where the chunk begins.
    async fn begun(&self) -> String {
        let url = self.tus().create(LENGTH).await;
        let before = content(self.whole.slice(..START as usize));
        assert_eq!(self.tus().append(&url, 0, before).await.status(), 204);
        url.rsplit('/').next().unwrap().to_owned()
    }

    fn patch(&self, id: &str) -> Builder {
        patch(&self.url(id), START).header("Upload-Checksum", &self.checksum)
    }

    /// Sends the beginning of the chunk, and waits until some of it is on the
    /// disk.
    async fn begin_over_http1(&self, id: &str, sent: usize, stored: usize) -> Http1 {
        let headers = [
            ("Content-Type", "application/offset+octet-stream".to_owned()),
            ("Content-Length", CHUNK.to_string()),
            ("Upload-Offset", START.to_string()),
            ("Upload-Checksum", self.checksum.clone()),
        ];
        let mut client = Http1::connect(self.server.address()).await;
        client.head(&format!("PATCH /files/{id}"), &headers).await;
        client.send(&self.chunk[..sent]).await;
        self.is_stored(id, stored).await;
        client
    }

    async fn reset_over_http2(&self, id: &str, sent: usize, stored: usize, reason: Reason) {
        let request: Request<()> = self
            .patch(id)
            .header("Content-Length", CHUNK)
            .body(())
            .unwrap();
        let mut client = Http2::connect(self.server.address()).await;
        let mut stream = client.begin(request, Ends::Later).await;
        stream.send(self.chunk.slice(..sent), Ends::Later).await;
        self.is_stored(id, stored).await;
        stream.reset(reason);
    }

    /// Waits until this many bytes of the chunk are on the disk, which no
    /// response shows.
    async fn is_stored(&self, id: &str, bytes: usize) {
        let file = self.server.uploads().join(id);
        patient(async {
            while file.metadata().unwrap().len() < START + bytes as u64 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    async fn cut(&mut self, id: &str, way: Way, sent: usize, stored: usize) {
        match way {
            Way::Http1Fin => self.begin_over_http1(id, sent, stored).await.fin(),
            Way::Http1Rst => self.begin_over_http1(id, sent, stored).await.rst(),
            Way::Http2Reset(reason) => self.reset_over_http2(id, sent, stored, reason).await,
            Way::Kill => {
                let _client = self.begin_over_http1(id, sent, stored).await;
                self.server.signal(Signal::KILL);
                self.server.exit().await;
                self.server = Server::start_in(self.home.path(), &[]).await;
            }
        }
    }

    // CHK-07, CHK-14: the offset is where the chunk began, and the chunk can
    // be sent again.
    async fn is_undone(&self, id: &str) {
        let (tus, url) = (self.tus(), self.url(id));
        assert_eq!(tus.offset(&url).await, START);
        let again = self.patch(id).body(content(self.chunk.clone())).unwrap();
        assert_eq!(tus.send(again).await.status(), 204);
        let stored = std::fs::read(self.server.uploads().join(id)).unwrap();
        assert!(stored == self.whole, "the file is not what was sent");
    }
}

/// Returns a value for `Upload-Checksum`.
fn checksum(algorithm: &'static str, bytes: &[u8]) -> String {
    let algorithms = Algorithms::default();
    let mut digest = algorithms.get(algorithm).unwrap().begin();
    digest.update(bytes);
    // Metadata has the same syntax: a name and base64.
    let metadata = Metadata::from_pairs([(algorithm, digest.finish())]).unwrap();
    metadata.raw().unwrap().to_str().unwrap().to_owned()
}

async fn is_cut(ways: &[Way]) {
    let (mut scene, mut dice) = (Scene::new(&[]).await, Dice::new());
    for way in ways {
        for _ in 0..MOMENTS {
            let sent = dice.below(CHUNK);
            let stored = dice.below(sent + 1);
            println!("{way:?}: {sent} sent, {stored} or more of them stored");
            let id = scene.begun().await;
            scene.cut(&id, *way, sent, stored).await;
            scene.is_undone(&id).await;
        }
    }
}

#[tokio::test]
async fn by_a_client_that_says_goodbye_or_vanishes() {
    is_cut(&[Way::Http1Fin, Way::Http1Rst]).await;
}

#[tokio::test]
async fn by_a_client_that_resets_its_stream() {
    // NO_ERROR, as if the body had ended regularly.
    is_cut(&[Reason::CANCEL, Reason::NO_ERROR].map(Way::Http2Reset)).await;
}

#[tokio::test]
async fn by_the_end_of_the_server() {
    is_cut(&[Way::Kill]).await;
}

#[tokio::test]
async fn by_who_waits_for_the_upload() {
    let scene = Scene::new(&[]).await;
    let id = scene.begun().await;
    let mut client = scene.begin_over_http1(&id, CHUNK / 2, CHUNK / 2).await;
    scene.is_undone(&id).await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn by_a_client_that_stalls() {
    let scene = Scene::new(&["-network-timeout=300ms"]).await;
    let id = scene.begun().await;
    let mut client = scene.begin_over_http1(&id, CHUNK / 2, CHUNK / 2).await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(client.rest().await.contains("ERR_READ_TIMEOUT"));
    scene.is_undone(&id).await;
}

#[tokio::test]
async fn by_a_shutdown() {
    let mut scene = Scene::new(&[]).await;
    let id = scene.begun().await;
    let mut client = scene.begin_over_http1(&id, CHUNK / 2, CHUNK / 2).await;
    scene.server.signal(Signal::TERM);
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    client.fin();
    assert!(scene.server.exit().await.success());
    scene.server = Server::start_in(scene.home.path(), &[]).await;
    scene.is_undone(&id).await;
}
