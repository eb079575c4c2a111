use crate::protocol::{Metadata, NewObject, Rejection, ResponseOverride, UploadId};

/// The answer of a hook to an event.
///
/// ```
/// use http::header::RETRY_AFTER;
/// use http::{HeaderValue, StatusCode};
/// use tower_tus_layers::hooks::Reply;
/// use tower_tus_layers::protocol::Rejection;
///
/// let no = Reply::reject_with(
///     Rejection::new(StatusCode::TOO_MANY_REQUESTS)
///         .with_code("ERR_QUOTA")
///         .with_text("100 uploads a day are enough")
///         .with_header(RETRY_AFTER, HeaderValue::from(3600)),
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// Whether the request may proceed. A `post-*` hook cannot reject it, and a
    /// `pre-*` hook cannot stop it.
    pub verdict: Verdict,
    /// The error of a rejected request: by default
    /// [`Error::Rejected`](crate::protocol::Error::Rejected), or
    /// [`Error::TerminationRejected`](crate::protocol::Error::TerminationRejected).
    pub rejection: Option<Rejection>,
    /// The id of the upload, for `pre-create`.
    pub id: Option<UploadId>,
    /// The metadata of the upload, for `pre-create`; replaces everything that
    /// the client sent.
    pub metadata: Option<Metadata>,
    /// The path where the store keeps the bytes, for `pre-create`. It may
    /// contain spaces and letters beyond ASCII. A path that ends in `.info`,
    /// `.lock`, `.stop`, `.chunk`, `.new` or `.part`, or a relative one below
    /// such a name, makes the hook fail, because it may be a side file of
    /// another upload.
    pub storage_path: Option<String>,
    /// The key, the bucket and the properties of the object that an object store
    /// makes of the upload, for `pre-create`. A store of files refuses the upload
    /// if anything is set here.
    pub object: NewObject,
    /// Changes to the response: to a success, or to the error of a request that
    /// this reply rejects or stops.
    pub response: ResponseOverride,
}

/// Whether a request may proceed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The request proceeds.
    #[default]
    Accept,
    /// The request is refused; for `pre-create`, `pre-terminate`, and
    /// `pre-finish`, which the next HEAD or PATCH calls again.
    Reject,
    /// The request ends, and the upload is removed unless it is finished; for
    /// `post-create` and `post-receive`.
    Stop,
}

impl Reply {
    /// Lets the request proceed.
    #[must_use]
    pub fn accept() -> Self {
        Self::default()
    }

    /// Rejects a creation, a termination or the finish of an upload.
    #[must_use]
    pub fn reject() -> Self {
        Self {
            verdict: Verdict::Reject,
            ..Self::default()
        }
    }

    /// Rejects a creation, a termination or the finish of an upload with this error.
    #[must_use]
    pub fn reject_with(rejection: Rejection) -> Self {
        Self {
            rejection: Some(rejection),
            ..Self::reject()
        }
    }

    /// Stops an upload that is receiving bytes, and removes it.
    #[must_use]
    pub fn stop() -> Self {
        Self {
            verdict: Verdict::Stop,
            ..Self::default()
        }
    }

    /// Sets the id of the upload; for `pre-create`.
    #[must_use]
    pub fn with_id(self, id: UploadId) -> Self {
        Self {
            id: Some(id),
            ..self
        }
    }

    /// Replaces the metadata of the upload; for `pre-create`.
    #[must_use]
    pub fn with_metadata(self, metadata: Metadata) -> Self {
        Self {
            metadata: Some(metadata),
            ..self
        }
    }

    /// Sets the [path](Self::storage_path) where the store keeps the bytes of
    /// the upload; for `pre-create`.
    #[must_use]
    pub fn with_storage_path(self, path: impl Into<String>) -> Self {
        Self {
            storage_path: Some(path.into()),
            ..self
        }
    }

    /// Sets the [object](Self::object) that an object store makes of the upload; for
    /// `pre-create`.
    #[must_use]
    pub fn with_object(self, object: NewObject) -> Self {
        Self { object, ..self }
    }

    /// Changes the response to the client. A body without a status keeps the
    /// status of the response, so that a creation stays `201`; a `204`, which
    /// has no body, becomes `200`.
    #[must_use]
    pub fn with_response(self, response: ResponseOverride) -> Self {
        Self { response, ..self }
    }
}
