//! What the state of an upload says about the things that may belong to it.

use std::collections::HashSet;

use tower_tus_layers::protocol::{Upload, UploadId};

use crate::store::document::Document;
use crate::store::object::calls::retried;
use crate::store::object::keys::Keys;
use crate::store::object::objects::{MultipartId, ObjectError, Result};
use crate::store::object::state::State;
use crate::store::object::{ObjectStore, adopt};

/// An `.info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Absent,
    Unreadable,
    /// It was begun by tusd, and has no state of ours.
    OfTusd {
        /// The key of the finished object, if it is not the usual one.
        other_key: Option<String>,
    },
    Ours(Ours),
}

/// What a state of ours names, without the bytes in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ours {
    /// The id by which clients know it, and its lock.
    pub(super) id: UploadId,
    pub(super) is_gone: bool,
    pub(super) is_whole: bool,
    /// The upload was begun by tusd.
    pub(super) is_adopted: bool,
    /// The key of the finished object, if that is in the bucket of the store.
    pub(super) data: Option<String>,
    pub(super) has_other_key: bool,
    pub(super) multipart: Option<MultipartId>,
    /// The keys of the pieces.
    pieces: HashSet<String>,
    /// The number of bytes beside the state.
    pub(super) bytes: u64,
}

impl Seen {
    pub(super) async fn read(store: &ObjectStore, id: &UploadId) -> Result<Self> {
        let keys = store.keys(id);
        let info = keys.info();
        let object = match retried(|| store.objects.get(&info, None)).await {
            Ok(object) => object,
            Err(ObjectError::NotFound) => return Ok(Self::Absent),
            Err(error) => return Err(error),
        };
        let Ok(mut document) = Document::parse(&object.bytes) else {
            return Ok(Self::Unreadable);
        };
        Ok(match document.take_object() {
            Some(state) => Self::Ours(Ours::of(id, &keys, &document, &state)),
            None => Self::OfTusd {
                other_key: other_key(&keys, &document.upload(id.clone(), 0)),
            },
        })
    }
}

fn other_key(keys: &Keys, upload: &Upload) -> Option<String> {
    let key = upload.storage.as_ref()?.get("Key")?;
    (!key.is_empty() && key != keys.data()).then(|| key.clone())
}

impl Ours {
    fn of(place: &UploadId, keys: &Keys, document: &Document, state: &State) -> Self {
        let data = state.key.as_deref().unwrap_or(keys.data());
        let pieces = state.tail.iter().map(|(name, _)| keys.piece(name));
        let in_tail: u64 = state.tail.iter().map(|(_, size)| size).sum();
        Self {
            id: adopt::id_at(place, document.id()),
            is_gone: state.gone,
            is_whole: state.whole,
            is_adopted: state.nonce.is_empty(),
            data: state.bucket.is_none().then(|| data.to_owned()),
            has_other_key: state.key.is_some(),
            multipart: state.multipart(),
            pieces: pieces.collect(),
            bytes: match state.whole {
                true => document.offset(),
                false => state.in_parts() + in_tail,
            },
        }
    }

    pub(super) fn has_piece(&self, key: &str) -> bool {
        self.pieces.contains(key)
    }

    pub(super) fn has_multipart(&self, id: &MultipartId) -> bool {
        self.multipart.as_ref() == Some(id)
    }
}
