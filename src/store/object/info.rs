//! The state of an upload as the object store has it.

use std::time::SystemTime;

use tower_tus_layers::protocol::{Upload, UploadId};

use super::ObjectStore;
use super::adopt::{self, Refused};
use super::keys::Keys;
use super::objects::{Found, ObjectError, Objects, Result, Tag};
use super::state::State;
use crate::store::document::Document;

/// The object `<id>.info`.
#[derive(Clone, Debug)]
pub(super) struct Info {
    /// tusd's members and ours, without the [state](Self::state).
    pub(super) document: Document,
    pub(super) state: State,
    pub(super) tag: Tag,
    pub(super) modified: Option<SystemTime>,
    /// Why nothing may replace the state.
    pub(super) refused: Option<Refused>,
}

impl Info {
    /// Finds the upload with an id, and its keys.
    pub(super) async fn find(store: &ObjectStore, id: &UploadId) -> Result<(Keys, Self)> {
        let objects = &*store.objects;
        for (place, keys) in adopt::places(&store.prefix, id) {
            match get(objects, &keys).await {
                Ok((document, found)) if adopt::id_at(&place, document.id()) == *id => {
                    let info = Self::of(objects, &keys, document, found).await?;
                    return Ok((keys, info));
                }
                Ok(_) | Err(ObjectError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ObjectError::NotFound)
    }

    /// Reads the state of the upload with these keys, and returns its id, where it is
    /// known to be under the keys of `place`.
    pub(super) async fn read_at(
        objects: &dyn Objects,
        keys: &Keys,
        place: &UploadId,
    ) -> Result<(UploadId, Self)> {
        let (document, found) = get(objects, keys).await?;
        let id = adopt::id_at(place, document.id());
        Ok((id, Self::of(objects, keys, document, found).await?))
    }

    pub(super) async fn read(objects: &dyn Objects, keys: &Keys) -> Result<Self> {
        let (document, found) = get(objects, keys).await?;
        Self::of(objects, keys, document, found).await
    }

    async fn of(
        objects: &dyn Objects,
        keys: &Keys,
        mut document: Document,
        found: Found,
    ) -> Result<Self> {
        match document.take_object() {
            Some(state) => {
                let mut info = Self {
                    document,
                    state,
                    tag: found.tag,
                    modified: found.modified,
                    refused: None,
                };
                adopt::look_again(objects, keys, &mut info).await?;
                Ok(info)
            }
            None => adopt::look(objects, keys, document, found).await,
        }
    }

    /// Returns the upload that it describes.
    pub(super) fn upload(&self, id: UploadId) -> Upload {
        let offset = match self.state.whole {
            true => self.document.offset(),
            false => self.state.offset(),
        };
        let mut upload = self.document.upload(id, offset);
        upload.modified = self.modified;
        upload
    }
}

async fn get(objects: &dyn Objects, keys: &Keys) -> Result<(Document, Found)> {
    let object = objects.get(&keys.info(), None).await?;
    match Document::parse(&object.bytes) {
        Ok(document) => Ok((document, object.found)),
        Err(error) => Err(ObjectError::Invalid(error.into())),
    }
}
