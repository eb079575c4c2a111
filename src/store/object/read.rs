//! Reads stored bytes.

use std::ops::Range;
use std::sync::OnceLock;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, Uri};
use tower_tus_layers::protocol::{Error, Upload, UploadId};
use tower_tus_layers::store::Content;

use super::ObjectStore;
use super::calls::retried;
use super::handle::ObjectHandle;
use super::objects::{Object, Objects, Properties, Tag};
use super::properties::chosen;

/// The most bytes of one call.
const MOST: u64 = 1 << 20;

/// The bytes of an upload as it was opened.
#[derive(Debug)]
pub(super) struct ObjectContent {
    handle: ObjectHandle,
    /// The tag of the object, from the first read on.
    tag: OnceLock<Tag>,
}

impl ObjectContent {
    pub(super) async fn open(store: &ObjectStore, id: &UploadId) -> Result<Self, Error> {
        let handle = ObjectHandle::read(store, id).await?;
        let state = &handle.info.state;
        match state.whole || state.parts.is_empty() {
            true => Ok(Self {
                handle,
                tag: OnceLock::new(),
            }),
            // Parts cannot be read before they are joined.
            false => Err(Error::IncompleteUpload),
        }
    }

    /// Reads from the finished object, as long as it is the same.
    async fn finished(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let place = &self.handle.place;
        let object = self.get(&*place.objects, &place.key, range).await?;
        match *self.tag.get_or_init(|| object.found.tag.clone()) == object.found.tag {
            true => Ok(object.bytes),
            false => Err(Error::NotFound),
        }
    }

    async fn get(
        &self,
        objects: &dyn Objects,
        key: &str,
        range: Range<u64>,
    ) -> Result<Object, Error> {
        let range = range.start..range.end.min(range.start + MOST);
        let object = retried(|| objects.get(key, Some(range.clone()))).await?;
        Ok(object)
    }

    /// Reads from the pieces of an upload that is not finished.
    async fn unfinished(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let (state, mut at) = (&self.handle.info.state, 0);
        for (name, size) in &state.tail {
            if range.start < at + size {
                let range = range.start - at..range.end.min(at + size) - at;
                let (objects, key) = (&*self.handle.store.objects, self.handle.keys.piece(name));
                return Ok(self.get(objects, &key, range).await?.bytes);
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
            true => self.finished(range).await,
            false => self.unfinished(range).await,
        }
    }

    fn headers(&self) -> HeaderMap {
        let properties = &self.handle.info.state.properties;
        chosen(properties, &self.handle.upload.metadata)
    }

    async fn redirect(&self, headers: &HeaderMap) -> Result<Option<Uri>, Error> {
        let (store, state) = (&self.handle.store, &self.handle.info.state);
        let Some(valid) = store.redirects.filter(|_| state.whole) else {
            return Ok(None);
        };
        let header = |name| headers.get(name)?.to_str().ok().map(str::to_owned);
        let content = Properties {
            content_type: header(CONTENT_TYPE),
            content_disposition: header(CONTENT_DISPOSITION),
            ..Properties::default()
        };
        let place = &self.handle.place;
        let url = place.objects.presign(&place.key, &content, valid).await?;
        url.map(|url| url.parse().map_err(Error::internal))
            .transpose()
    }
}
