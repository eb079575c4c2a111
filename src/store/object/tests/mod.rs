//! Tests of the whole store.

mod adopt;
mod bucket;
mod calls;
mod check;
mod clean;
pub(super) mod clients;
mod concatenate;
mod faults;
mod fence;
mod list;
mod lock;
mod places;
mod probe;
mod properties;
mod swap;
mod uploads;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use tower_tus_layers::protocol::{
    Chunk, Error, FinishState, Length, Metadata, NewUpload, UploadId,
};
use tower_tus_layers::store::{AppendOptions, Appended, Handle, Store, WriteMode};

use self::bucket::{Bucket, Fault};
use super::ObjectStore;

const KIB: u64 = 1 << 10;
const PART: u64 = 256 * KIB;

/// Returns a store with small parts.
fn store(bucket: &Bucket) -> ObjectStore {
    ObjectStore::over(Arc::new(bucket.clone())).part_size(PART)
}

/// Returns the bytes of an upload from one offset to another.
fn bytes(from: u64, to: u64) -> Bytes {
    static ALL: LazyLock<Bytes> = LazyLock::new(|| {
        let byte = |at: u64| (at ^ (at >> 8).wrapping_mul(31) ^ (at >> 16)).to_le_bytes()[0];
        (0..40 * PART).map(byte).collect()
    });
    let index = |at| usize::try_from(at).unwrap();
    ALL.slice(index(from)..index(to))
}

fn new(length: Option<u64>) -> NewUpload {
    let mut new = NewUpload::new(length.map(Length::saturating), Metadata::EMPTY);
    new.finishing = Some(FinishState::Pending { attempts: 0 });
    new
}

async fn create(store: &ObjectStore, length: Option<u64>) -> Box<dyn Handle> {
    store.create(new(length)).await.unwrap()
}

/// The options of the core where no gate decides.
fn options(mode: WriteMode) -> AppendOptions {
    let mut options = AppendOptions::from(mode);
    options.is_finished_next = true;
    options
}

/// Appends the next bytes in frames of 16 KiB, and then an error if there is one.
async fn append(
    handle: &mut dyn Handle,
    len: u64,
    error: Option<Error>,
    mode: WriteMode,
) -> Appended {
    let from = handle.info().offset.get();
    let starts = (from..from + len).step_by(16 << 10);
    let frames = starts.map(|at| Ok(Frame::data(bytes(at, (at + 16 * KIB).min(from + len)))));
    let mut body = StreamBody::new(stream::iter(frames.chain(error.map(Err))));
    handle.append(Chunk::new(&mut body), options(mode)).await
}

/// Appends the next bytes, and finishes the upload if it is complete.
async fn patch(handle: &mut dyn Handle, len: u64, mode: WriteMode) -> Result<u64, Error> {
    let appended = append(handle, len, None, mode).await;
    if let Some(error) = appended.error {
        return Err(error.into());
    }
    if handle.info().is_complete() {
        handle.finish_and_record().await?;
    }
    Ok(appended.offset.get())
}

/// Sends the rest of an upload, and checks that its bytes are those that were sent.
async fn go_on(bucket: &Bucket, id: &UploadId, length: u64) {
    let store = store(bucket);
    let mut handle = store.open(id).await.unwrap();
    let rest = length - handle.info().offset.get();
    patch(&mut *handle, rest, WriteMode::Streaming)
        .await
        .unwrap();
    let found = store.open(id).await.unwrap();
    assert!(found.info().is_finished(), "{:?}", found.info());
    let stored = bucket.bytes(id.as_str()).unwrap();
    assert!(stored == bytes(0, length), "other bytes of {length}");
}
