//! Tests of the quota, most of them over the memory store.

use std::sync::Arc;

use tower_tus_layers::protocol::{
    Body, Chunk, Concat, Error, Length, Metadata, NewUpload, Role, Upload, UploadId,
};
use tower_tus_layers::store::{
    AppendOptions, Appended, Handle, ListRequest, MemoryStore, Store, WriteMode, conformance,
};

use super::charge::charge;
use super::{Limited, Owner, Usage};

mod account;
mod evict;
mod limits;
mod races;

/// Creates an upload; without a length, it is deferred.
async fn create(store: &dyn Store, length: impl Into<Option<u64>>) -> Result<Upload, Error> {
    let length = length.into().map(Length::saturating);
    let created = store
        .create(NewUpload::new(length, Metadata::EMPTY))
        .await?;
    Ok(created.info().clone())
}

/// Creates an upload of `owner`.
async fn create_of(store: &dyn Store, owner: &str, length: u64) -> Result<Upload, Error> {
    let metadata = Metadata::from_pairs([("owner", owner)]).unwrap();
    let new = NewUpload::new(Some(Length::saturating(length)), metadata);
    Ok(store.create(new).await?.info().clone())
}

/// Appends to an upload.
async fn append(store: &dyn Store, id: &UploadId, bytes: usize, mode: WriteMode) -> Appended {
    let mut handle = store.open(id).await.unwrap();
    let mut body = Body::from("x".repeat(bytes));
    handle
        .append(Chunk::new(&mut body), AppendOptions::from(mode))
        .await
}

async fn terminate(store: &dyn Store, id: &UploadId) -> Result<(), Error> {
    store.terminator().unwrap().terminate(id).await
}

/// Returns the account, after a check that it equals a count of what is stored.
async fn usage(store: &Limited) -> Usage {
    let usage = store.usage();
    assert_eq!(store.count().await.unwrap(), usage);
    let uploads = store.lister().unwrap().list(&ListRequest::default()).await;
    let stored: u64 = uploads.unwrap().uploads.iter().map(charge).sum();
    assert_eq!(usage.total, stored);
    usage
}

async fn total(store: &Limited) -> u64 {
    usage(store).await.total
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().code()
}

const FULL: &str = "ERR_INSUFFICIENT_STORAGE";
const TOO_LARGE: &str = "ERR_MAX_SIZE_EXCEEDED";

fn limited(bytes: u64) -> Limited {
    Limited::new(MemoryStore::default()).total(bytes)
}
