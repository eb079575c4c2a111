//! Reads stored bytes.

use std::ops::Range;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use tower_tus_layers::protocol::{Error, Upload, UploadId};
use tower_tus_layers::store::Content;

use super::ObjectStore;
use super::calls::retried;
use super::handle::ObjectHandle;
use super::objects::Objects;

/// The most bytes of one call.
const MOST: u64 = 1 << 20;

/// The bytes of an upload as it was opened.
#[derive(Debug)]
pub(super) struct ObjectContent {
    handle: ObjectHandle,
}

impl ObjectContent {
    pub(super) async fn open(store: &ObjectStore, id: &UploadId) -> Result<Self, Error> {
        let handle = ObjectHandle::read(store, id).await?;
        Ok(Self { handle })
    }

    async fn get(
        &self,
        objects: &dyn Objects,
        key: &str,
        range: Range<u64>,
    ) -> Result<Bytes, Error> {
        let range = range.start..range.end.min(range.start + MOST);
        let object = retried(|| objects.get(key, Some(range.clone()))).await?;
        Ok(object.bytes)
    }

    /// Reads from the pieces of an upload that is not finished. Parts cannot be read.
    async fn unfinished(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let state = &self.handle.info.state;
        let mut at = state.in_parts();
        if range.start < at {
            return Err(Error::UploadNotFinished);
        }
        for (name, size) in &state.tail {
            if range.start < at + size {
                let range = range.start - at..range.end.min(at + size) - at;
                let (objects, key) = (&*self.handle.store.objects, self.handle.keys.piece(name));
                return self.get(objects, &key, range).await;
            }
            at += size;
        }
        let index = |position: u64| usize::try_from(position - at).ok();
        let bytes = index(range.start).zip(index(range.end));
        let bytes = bytes.filter(|&(_, end)| end <= state.inline.len());
        let (start, end) = bytes.ok_or(Error::UploadNotFinished)?;
        Ok(state.inline.slice(start..end))
    }
}

#[async_trait]
impl Content for ObjectContent {
    fn upload(&self) -> &Upload {
        &self.handle.upload
    }

    fn modified(&self) -> Option<SystemTime> {
        self.handle.info.modified
    }

    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, Error> {
        match self.handle.info.state.whole {
            true => {
                let place = &self.handle.place;
                self.get(&*place.objects, &place.key, range).await
            }
            false => self.unfinished(range).await,
        }
    }
}
