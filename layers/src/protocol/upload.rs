use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Concat, Metadata, UploadId};

/// What is known of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upload {
    /// Its name.
    pub id: UploadId,
    /// How many bytes are stored.
    pub offset: u64,
    /// How many bytes it is to have, or nothing while the client defers to say so.
    pub length: Option<u64>,
    /// What the client said about it.
    pub metadata: Metadata,
    /// How far its finishing is recorded. Nothing is recorded of an upload that
    /// is finished as soon as it is complete.
    pub finishing: Option<FinishState>,
    /// What it has to do with other uploads, if anything.
    pub concat: Option<Concat>,
    /// Where the store keeps it, in the store's own words, for hooks: of a file
    /// `Type`, `Path` and `InfoPath`.
    pub storage: Option<Arc<BTreeMap<String, String>>>,
}

/// What is recorded of an upload for which more has to succeed than the storing of its bytes.
///
/// An upload is *receiving* until its last byte is stored, then *complete*,
/// then *finished*: when the store's own finish and every gate that decides
/// have succeeded once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishState {
    /// Receiving, or complete and not finished.
    Pending {
        /// How often finishing was tried in vain.
        attempts: u32,
    },
    /// Finished.
    Done,
}

impl Upload {
    /// An upload with nothing stored, no length and no metadata.
    #[must_use]
    pub const fn new(id: UploadId) -> Self {
        Self {
            id,
            offset: 0,
            length: None,
            metadata: Metadata::EMPTY,
            finishing: None,
            concat: None,
            storage: None,
        }
    }

    /// Whether every byte is stored. DEF-05: never while the length is deferred.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.is_pending() && self.length.is_some_and(|length| self.offset >= length)
    }

    /// Whether it is made of other uploads, and so takes no bytes of its own.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.concat.as_ref().is_some_and(Concat::is_final)
    }

    /// Whether it is to be made of other uploads, of which some are unfinished.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.concat.as_ref().is_some_and(Concat::is_pending)
    }

    /// Whether it is a piece of finals to come.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.concat
            .as_ref()
            .is_some_and(|concat| !concat.is_final())
    }

    /// Whether it is complete, and all that belongs to its end has succeeded.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.is_complete() && !matches!(self.finishing, Some(FinishState::Pending { .. }))
    }
}

/// An upload that is about to be: all that a gate may still change.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewUpload {
    /// Its name; a random one unless a gate says otherwise.
    pub id: UploadId,
    /// How many bytes it is to have, or nothing when the client defers to say so.
    pub length: Option<u64>,
    /// What the client said about it.
    pub metadata: Metadata,
    /// Where the store shall keep its bytes, for stores that know places.
    pub storage_path: Option<String>,
    /// What the store shall record of its finishing from the start.
    pub finishing: Option<FinishState>,
    /// What it has to do with other uploads, if anything.
    pub concat: Option<Concat>,
}

impl NewUpload {
    /// An upload of this length with a random id.
    #[must_use]
    pub fn new(length: Option<u64>, metadata: Metadata) -> Self {
        Self {
            id: UploadId::random(),
            length,
            metadata,
            storage_path: None,
            finishing: None,
            concat: None,
        }
    }
}

/// What a request is about to do with an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// HEAD: ask where it stands.
    Inspect,
    /// PATCH: add bytes.
    Append,
    /// DELETE: end it.
    Terminate,
    /// GET: read what is stored of it.
    Read,
    /// POST: make it a part of a final upload, whose creator then can read it.
    Concatenate,
}
