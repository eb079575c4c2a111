//! Sweeps beside live uploads.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http::{Method, StatusCode};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower_tus::Stack;
use tower_tus::layers::lock::Locker;
use tower_tus::layers::sweep::{SweepOptions, Sweeper};
use tower_tus::lock::FileLocker;
use tower_tus::store::FileStore;

use crate::harness::Server;
use crate::harness::host::host;
use crate::harness::tus::{Tus, Version, content, patch, request, streamed};
use crate::{home, id, run};

/// The number of clients that upload at once.
const CLIENTS: u64 = 8;

/// Random numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn bytes(&mut self) -> Bytes {
        let length = 1 + self.below(100_000);
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}

/// A client that makes one upload after another.
struct Uploader {
    tus: Tus,
    data: PathBuf,
    random: Random,
}

impl Uploader {
    /// Uploads until some time, and returns how many uploads it made.
    async fn run(mut self, until: Instant) -> u64 {
        let mut uploads = 0;
        while Instant::now() < until {
            match self.random.below(4) {
                0 => self.join().await,
                1 => self.terminate().await,
                _ => {
                    let (url, bytes) = self.upload(None).await;
                    self.is_intact(&url, &bytes).await;
                }
            }
            uploads += 1;
        }
        uploads
    }

    /// Makes an upload in several requests, some of which are checked.
    async fn upload(&mut self, concat: Option<&str>) -> (String, Bytes) {
        let bytes = self.random.bytes();
        let mut creation = self.tus.post().header("Upload-Length", bytes.len());
        if let Some(concat) = concat {
            creation = creation.header("Upload-Concat", concat);
        }
        let url = self.tus.location(&self.tus.ask(creation).await);
        let mut offset = 0;
        while offset < bytes.len() {
            let left = (bytes.len() - offset) as u64;
            let end = offset + (1 + self.random.below(left)) as usize;
            let chunk = bytes.slice(offset..end);
            let mut append = patch(&url, offset as u64);
            if self.random.below(2) == 0 {
                let digest = STANDARD.encode(Sha256::digest(&chunk));
                append = append.header("Upload-Checksum", format!("sha256 {digest}"));
            }
            // In pieces, so that a checked chunk is marked.
            let pieces: Vec<_> = chunk.chunks(30_000).map(Bytes::copy_from_slice).collect();
            let body = streamed(stream::iter(pieces));
            let answer = self.tus.send(append.body(body).unwrap()).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{answer:?}");
            offset = end;
        }
        (url, bytes)
    }

    async fn join(&mut self) {
        let (one, mut bytes) = {
            let (url, bytes) = self.upload(Some("partial")).await;
            (url, bytes.to_vec())
        };
        let (other, end) = self.upload(Some("partial")).await;
        bytes.extend_from_slice(&end);
        let concat = format!("final;{one} {other}");
        let answer = self
            .tus
            .ask(self.tus.post().header("Upload-Concat", concat))
            .await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{answer:?}");
        let url = self.tus.location(&answer);
        for part in [one, other] {
            self.delete(&part).await;
        }
        self.is_intact(&url, &bytes).await;
    }

    async fn terminate(&mut self) {
        let creation = self.tus.post().header("Upload-Length", 11);
        let creation = creation.header("Content-Type", "application/offset+octet-stream");
        let answer = self
            .tus
            .send(creation.body(content("hello")).unwrap())
            .await;
        let url = self.tus.location(&answer);
        assert_eq!(self.tus.offset(&url).await, 5);
        self.delete(&url).await;
        assert_eq!(self.tus.head(&url).await.status(), StatusCode::NOT_FOUND);
    }

    async fn delete(&self, url: &str) {
        let answer = self.tus.ask(request(Method::DELETE, url)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{answer:?}");
    }

    async fn is_intact(&self, url: &str, bytes: &[u8]) {
        assert_eq!(self.tus.offset(url).await, bytes.len() as u64);
        let stored = fs::read(self.data.join(id(url))).unwrap();
        assert!(stored == bytes, "{url} is not what was sent");
    }
}

/// Uploads with several clients, and returns how many uploads they made.
fn uploaders(url: &str, data: &Path, time: Duration) -> JoinSet<u64> {
    let until = Instant::now() + time;
    let mut uploaders = JoinSet::new();
    for client in 0..CLIENTS {
        let version = match client % 2 {
            0 => Version::Http1,
            _ => Version::Http2,
        };
        let uploader = Uploader {
            tus: Tus::new(url, version),
            data: data.to_owned(),
            random: Random(0x9e37_79b9_7f4a_7c15 ^ client),
        };
        uploaders.spawn(uploader.run(until));
    }
    uploaders
}

/// Waits for the clients while `sweep` runs again and again.
async fn beside<F: Future<Output = ()>>(mut uploaders: JoinSet<u64>, sweep: impl Fn() -> F) {
    let (mut uploads, mut sweeps) = (0, 0);
    while !uploaders.is_empty() {
        sweep().await;
        sweeps += 1;
        while let Some(ended) = uploaders.try_join_next() {
            uploads += ended.unwrap();
        }
    }
    println!("{uploads} uploads beside {sweeps} sweeps");
    assert!(uploads >= CLIENTS && sweeps >= 2, "{uploads} {sweeps}");
}

async fn in_one_process(time: Duration) {
    let home = TempDir::new().unwrap();
    let store = FileStore::new(home.path());
    store.prepare().unwrap();
    let locker: Arc<dyn Locker> = Arc::new(FileLocker::beside(&store));
    let sweeper = Sweeper::new(store.clone(), Arc::clone(&locker));
    let address = host(Stack::new(store).locker(locker).into_service()).await;
    let url = format!("http://{address}/files/");
    let options = SweepOptions::default().older_than(Duration::ZERO);
    beside(uploaders(&url, home.path(), time), async || {
        let report = sweeper.sweep(&options).await.unwrap();
        assert_eq!(report.total().count, 0, "{report:?}");
        assert_eq!(report.total_failed().count, 0, "{report:?}");
    })
    .await;
    let verified = run_in(home.path(), "verify").await;
    assert!(verified.contains("found 0 problems"), "{verified}");
}

async fn in_two_processes(time: Duration) {
    let server = Server::start(&[]).await;
    let args = ["sweep", "-older-than=0", "-upload-dir=data"];
    beside(
        uploaders(server.url(), server.uploads(), time),
        async || {
            let swept = run(home(&server), &args).await.fine();
            let summary = "removed 0 expired uploads and 0 leftovers";
            assert!(swept.out.starts_with(summary), "{}", swept.out);
        },
    )
    .await;
    let verified = run_in(server.uploads(), "verify").await;
    assert!(verified.contains("found 0 problems"), "{verified}");
}

async fn run_in(data: &Path, command: &str) -> String {
    let data = data.to_str().expect("it is UTF-8");
    run(Path::new("/"), &[command, "-upload-dir", data])
        .await
        .out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sweep_in_the_process_of_live_uploads_touches_none() {
    in_one_process(Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sweep_in_another_process_touches_no_live_upload() {
    in_two_processes(Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes a minute: .ci/disk runs it"]
async fn for_a_minute_a_sweep_in_the_process_of_live_uploads_touches_none() {
    in_one_process(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes a minute: .ci/disk runs it"]
async fn for_a_minute_a_sweep_in_another_process_touches_no_live_upload() {
    in_two_processes(Duration::from_secs(60)).await;
}
