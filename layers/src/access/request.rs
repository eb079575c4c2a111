use std::fmt;
use std::sync::Arc;

use http::Method;
use http::request::Parts;
use tokio::sync::OnceCell;

use crate::protocol::{Action, Error, Upload, UploadId};
use crate::store::Store;

/// A request that an [`Access`](super::Access) policy decides on. Cloning it is cheap.
#[derive(Clone)]
pub struct AccessRequest(Arc<Question>);

struct Question {
    action: Action,
    id: Option<UploadId>,
    parts: Arc<Parts>,
    store: Arc<dyn Store>,
    upload: OnceCell<Upload>,
}

impl AccessRequest {
    pub(super) fn new(
        action: Action,
        id: Option<UploadId>,
        parts: Arc<Parts>,
        store: Arc<dyn Store>,
    ) -> Self {
        Self(Arc::new(Question {
            action,
            id,
            parts,
            store,
            upload: OnceCell::new(),
        }))
    }

    /// A part of a final upload that `parts` asks for.
    pub(super) fn of_part(upload: &Upload, parts: Arc<Parts>, store: Arc<dyn Store>) -> Self {
        Self(Arc::new(Question {
            action: Action::Concatenate,
            id: Some(upload.id.clone()),
            parts,
            store,
            upload: OnceCell::new_with(Some(upload.clone())),
        }))
    }

    /// Returns what the client wants to do.
    #[must_use]
    pub fn action(&self) -> Action {
        self.0.action
    }

    /// Returns the method of the request, after an override.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.parts.method
    }

    /// Returns the id of the upload; a creation has none yet. The upload may not exist.
    #[must_use]
    pub fn id(&self) -> Option<&UploadId> {
        self.0.id.as_ref()
    }

    /// Returns the request without its body.
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// Returns what a layer in front has put into the extensions of the request.
    #[must_use]
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.parts.extensions.get()
    }

    /// Returns the upload, which is opened by the first call. This changes nothing
    /// and interrupts nobody.
    ///
    /// Cancel safe as far as [`Store::open`] is.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no such upload, or the request is a creation;
    /// else the error of the store.
    pub async fn upload(&self) -> Result<&Upload, Error> {
        self.0.upload.get_or_try_init(|| self.0.find()).await
    }
}

impl Question {
    async fn find(&self) -> Result<Upload, Error> {
        let id = self.id.as_ref().ok_or(Error::NotFound)?;
        match (self.store.open(id).await, self.store.terminator()) {
            (Ok(handle), _) => Ok(handle.info().clone()),
            // What is left of an upload can be terminated.
            (Err(Error::NotFound), Some(terminator)) if self.action == Action::Terminate => {
                terminator.remains(id).await
            }
            (Err(error), _) => Err(error),
        }
    }
}

impl fmt::Debug for AccessRequest {
    // Headers may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessRequest")
            .field("action", &self.0.action)
            .field("id", &self.0.id)
            .finish_non_exhaustive()
    }
}
