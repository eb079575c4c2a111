//! Requests of the server itself.

use http::{Request, Uri};

use super::Uploads;
use crate::context::Derived;
use crate::protocol::{Body, Error, Interrupt, Outcome, Upload, UploadId};

impl Uploads {
    /// Sends a request of the server itself for an upload, which is locked.
    pub(super) async fn call(
        &self,
        derived: Derived,
        id: &UploadId,
        interrupt: Interrupt,
    ) -> Answered {
        let url = self.base_url.location(id);
        let uri = Uri::try_from(url.as_bytes()).unwrap_or_default();
        let request = Request::from_parts(derived.internal(uri, interrupt), Body::default());
        let mut response = (self.service)(request).await;
        Answered {
            outcome: response.extensions_mut().remove(),
            error: response.extensions_mut().remove(),
        }
    }
}

/// The answer to a request of the server itself.
pub(super) struct Answered {
    /// What it did, even if it failed.
    pub(super) outcome: Option<Outcome>,
    pub(super) error: Option<Error>,
}

impl From<Error> for Answered {
    fn from(error: Error) -> Self {
        Self {
            outcome: None,
            error: Some(error),
        }
    }
}

impl Answered {
    /// Returns the last state of the upload that the request has removed.
    pub(super) fn removed(self) -> Result<Upload, Error> {
        match (self.error, self.outcome) {
            (Some(error), _) => Err(error),
            (None, Some(outcome)) => Ok(outcome.upload),
            (None, None) => Err(Error::internal("a layer has lost the outcome of a removal")),
        }
    }
}
