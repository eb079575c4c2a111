//! The state of an upload as the object store has it.

use std::time::SystemTime;

use tower_tus_layers::protocol::{Upload, UploadId};

use super::keys::Keys;
use super::objects::{ObjectError, Objects, Result, Tag};
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
}

impl Info {
    pub(super) async fn read(objects: &dyn Objects, keys: &Keys) -> Result<Self> {
        let object = objects.get(&keys.info(), None).await?;
        let invalid = |error| ObjectError::Invalid(error);
        let mut document = Document::parse(&object.bytes).map_err(|error| invalid(error.into()))?;
        let state = document.take_object();
        Ok(Self {
            state: state.ok_or_else(|| invalid("the upload was begun by another server".into()))?,
            document,
            tag: object.found.tag,
            modified: object.found.modified,
        })
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
