//! Tests of the whole store, and of the files that it leaves behind.

mod append;
mod calls;
mod check;
mod checksum;
mod clean;
mod concatenate;
mod crash;
mod create;
mod failing;
mod holes;
mod list;
mod mark;
mod needed;
mod offload;
mod open;
mod read;
mod terminate;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use serde_json::Value;
use tempfile::TempDir;
use tower_tus_layers::protocol::{Chunk, Error, Length, Metadata, NewUpload};
use tower_tus_layers::store::{Appended, Handle, Store, Terminator, WriteMode, conformance};

use super::{Durability, FileStore};

const DURABILITIES: [Durability; 3] = [Durability::None, Durability::Finish, Durability::Offset];

/// A body of the given frames. Polling it after its end panics.
#[derive(Debug)]
pub(super) struct Frames(VecDeque<Option<Result<Frame<Bytes>, Error>>>);

impl Frames {
    pub(super) fn of<T: Into<Bytes>>(frames: impl IntoIterator<Item = T>) -> Self {
        let frames = frames
            .into_iter()
            .map(|bytes| Some(Ok(Frame::data(bytes.into()))));
        Self(frames.chain([None]).collect())
    }

    /// Adds a last frame, or an error as the end.
    fn then(mut self, last: Result<Frame<Bytes>, Error>) -> Self {
        let end = self.0.len() - 1;
        self.0.truncate(end + usize::from(last.is_ok()));
        self.0.insert(end, Some(last));
        self
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(
            self.0
                .pop_front()
                .expect("the body was polled after its end"),
        )
    }
}

/// A store in a temporary directory, removed on drop.
struct Fixture {
    store: FileStore,
    dir: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            store: FileStore::new(dir.path()),
            dir,
        }
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn info(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// Returns every file and directory with its content, sorted.
    fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut dirs = vec![self.dir.path().to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path.clone());
                }
                found.push((path.clone(), fs::read(&path).unwrap_or_default()));
            }
        }
        found.sort();
        found
    }

    async fn create(&self, id: &str) -> Box<dyn Handle> {
        self.store.create(new(id)).await.unwrap()
    }

    async fn open(&self, id: &str) -> Result<Box<dyn Handle>, Error> {
        self.store.open(&id.parse().unwrap()).await
    }

    async fn offset(&self, id: &str) -> u64 {
        self.open(id).await.unwrap().info().offset.get()
    }

    async fn terminate(&self, id: &str) -> Result<(), Error> {
        Terminator::terminate(&self.store, &id.parse().unwrap()).await
    }
}

fn new(id: &str) -> NewUpload {
    let mut new = NewUpload::new(Some(Length::from(10)), Metadata::default());
    new.id = id.parse().unwrap();
    new
}

async fn append(handle: &mut dyn Handle, mut chunk: Frames, mode: WriteMode) -> Appended {
    handle.append(Chunk::new(&mut chunk), mode.into()).await
}

async fn append_all(handle: &mut dyn Handle, text: &'static str) {
    let appended = append(handle, Frames::of([text]), WriteMode::Streaming).await;
    assert!(appended.error.is_none(), "{:?}", appended.error);
}

fn is_exists<T>(created: &Result<T, Error>) -> bool {
    matches!(created, Err(Error::UploadExists))
}

fn is_unavailable<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::StorageUnavailable(_)))
}

fn is_not_found<T>(found: &Result<T, Error>) -> bool {
    matches!(found, Err(Error::NotFound))
}

#[test]
fn the_store_can_be_shared_and_sent() {
    fn is<T: Clone + std::fmt::Debug + Send + Sync + 'static>() {}
    is::<FileStore>();
}

#[tokio::test]
async fn it_passes_the_conformance_suite() {
    for durability in DURABILITIES {
        let dir = tempfile::tempdir().unwrap();
        let open = || FileStore::new(dir.path().join("made/by/create")).durability(durability);
        conformance::run(open).await;
    }
}

#[tokio::test]
async fn only_a_durable_store_needs_a_finish() {
    let store = FileStore::new("unused");
    let needs = DURABILITIES.map(|durability| store.clone().durability(durability).needs_finish());
    assert_eq!(needs, [false, true, true]);
    assert!(!Path::new("unused").exists(), "a store alone makes nothing");
}
