//! DELETE on an upload.

use http::request::Parts;
use http::{Response, StatusCode};

use super::{Core, admit, respond};
use crate::context::{Context, Rollback};
use crate::protocol::{Action, Body, Error, Outcome, Upload, UploadId};
use crate::store::Terminator;

impl Core {
    pub(super) async fn terminate(&self, parts: &Parts, id: &UploadId) -> Response<Body> {
        let rollback = Context::of(&parts.extensions).rollback();
        let terminate = match rollback {
            Some(_) => self.store.terminator(),
            None => self.termination(),
        };
        let Some(terminate) = terminate else {
            return self.method_not_allowed();
        };
        match self.end(parts, id, terminate).await {
            Ok(upload) => {
                let mut outcome = Outcome::new(upload);
                match rollback {
                    Some(Rollback::Expired) => outcome.expired = true,
                    _ => outcome.terminated = true,
                }
                respond(Ok(terminated()), outcome)
            }
            Err(error) => error.into_response(),
        }
    }

    /// Terminates the upload, and returns its last state.
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
        match Context::of(&parts.extensions).rollback() {
            None => admit(parts, &upload, Action::Terminate).await?,
            Some(Rollback::UnlessFinished) if upload.is_finished() => return Err(Error::Rejected),
            Some(_) => {}
        }
        terminate.terminate(id).await?;
        Ok(upload)
    }
}

// TERM-03
fn terminated() -> Response<Body> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
