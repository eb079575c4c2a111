use crate::protocol::{Metadata, ResponseOverride, UploadId};

/// What somebody has to say to an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// Whether it may go on. Who is told after something happened cannot
    /// reject it, and who is asked before cannot stop it.
    pub verdict: Verdict,
    /// Before a creation: the id of the upload.
    pub id: Option<UploadId>,
    /// Before a creation: its metadata, in place of all that the client said.
    pub metadata: Option<Metadata>,
    /// Before a creation: where the store shall keep its bytes, a path that may
    /// have spaces and letters beyond ASCII. One that ends in `.info`, `.lock`,
    /// `.stop`, `.chunk`, `.new` or `.part`, or a relative one below such a name,
    /// fails the hook, since it may be a side file of another upload.
    pub storage_path: Option<String>,
    /// What is to be changed in the response.
    pub response: ResponseOverride,
}

/// Whether something may go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    #[default]
    Accept,
    /// It may not: `pre-create`, `pre-terminate`, and `pre-finish`, which is
    /// asked again by the next HEAD or PATCH.
    Reject,
    /// It ends here, and the upload is removed unless it is finished:
    /// `post-create`, `post-receive`.
    Stop,
}

impl Reply {
    /// No objection.
    #[must_use]
    pub fn accept() -> Self {
        Self::default()
    }

    /// No to a creation, a termination or an end.
    #[must_use]
    pub fn reject() -> Self {
        Self {
            verdict: Verdict::Reject,
            ..Self::default()
        }
    }

    /// Ends an upload that is receiving bytes, and removes it.
    #[must_use]
    pub fn stop() -> Self {
        Self {
            verdict: Verdict::Stop,
            ..Self::default()
        }
    }

    /// Sets the id of the upload, before its creation.
    #[must_use]
    pub fn with_id(self, id: UploadId) -> Self {
        Self {
            id: Some(id),
            ..self
        }
    }

    /// Replaces the metadata of the upload, before its creation.
    #[must_use]
    pub fn with_metadata(self, metadata: Metadata) -> Self {
        Self {
            metadata: Some(metadata),
            ..self
        }
    }

    /// Sets the [path](Self::storage_path) where the store keeps the bytes of the
    /// upload, before its creation.
    #[must_use]
    pub fn with_storage_path(self, path: impl Into<String>) -> Self {
        Self {
            storage_path: Some(path.into()),
            ..self
        }
    }

    /// Changes the response to the client. A body without a status keeps the status
    /// that there is, so that a creation stays `201`; a `204`, which has no body,
    /// becomes `200`.
    #[must_use]
    pub fn with_response(self, response: ResponseOverride) -> Self {
        Self { response, ..self }
    }
}
