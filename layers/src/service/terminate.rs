//! DELETE on an upload.

use http::request::Parts;
use http::{Response, StatusCode};

use super::{Core, admit, respond};
use crate::protocol::{Action, Body, Error, Outcome, Rollback, UnlessFinished, Upload, UploadId};
use crate::store::Terminator;

impl Core {
    pub(super) async fn terminate(&self, parts: &Parts, id: &UploadId) -> Response<Body> {
        let discards = parts.extensions.get::<Rollback>().is_some();
        let terminate = match discards {
            true => self.store.terminator(),
            false => self.termination(),
        };
        let Some(terminate) = terminate else {
            return self.method_not_allowed();
        };
        match self.end(parts, id, terminate).await {
            Ok(upload) => {
                let mut outcome = Outcome::new(upload);
                outcome.terminated = true;
                respond(Ok(terminated()), outcome)
            }
            Err(error) => error.into_response(),
        }
    }

    /// Ends the upload and tells what it was.
    async fn end(
        &self,
        parts: &Parts,
        id: &UploadId,
        terminate: &dyn Terminator,
    ) -> Result<Upload, Error> {
        let upload = match self.store.open(id).await {
            Ok(handle) => handle.info().clone(),
            Err(Error::NotFound) => terminate.remains(id).await?,
            Err(error) => return Err(error),
        };
        if parts.extensions.get::<Rollback>().is_none() {
            admit(parts, &upload, Action::Terminate).await?;
        }
        if parts.extensions.get::<UnlessFinished>().is_some() && upload.is_finished() {
            return Err(Error::Rejected);
        }
        terminate.terminate(id).await?;
        Ok(upload)
    }
}

/// TERM-03
fn terminated() -> Response<Body> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
