//! HEAD on an upload.

use http::Response;
use http::request::Parts;

use super::finish::is_due;
use super::{Core, admit, respond};
use crate::context::Context;
use crate::protocol::{Action, Body, Error, Outcome, UploadId};
use crate::store::Handle;

impl Core {
    pub(super) async fn inspect(&self, parts: &Parts, id: &UploadId) -> Response<Body> {
        let mut handle = match self.open_to_inspect(parts, id).await {
            Ok(handle) => handle,
            Err(error) => return error.into_response(),
        };
        let finished = self.finish_again(parts, &mut *handle).await;
        let mut outcome = Outcome::new(handle.info().clone());
        let result = finished.map(|finished| {
            outcome.finished = finished;
            let mut response = Response::default();
            let url = || Context::base_url(parts);
            handle.info().describe(url, response.headers_mut());
            response
        });
        respond(result, outcome)
    }

    /// Opens the upload, and locks it first if it is to be finished: HEAD only
    /// observes it otherwise.
    async fn open_to_inspect(
        &self,
        parts: &Parts,
        id: &UploadId,
    ) -> Result<Box<dyn Handle>, Error> {
        let context = Context::of(&parts.extensions);
        let mut handle = self.store.open(id).await?;
        if is_due(handle.info()) && context.lock_to_change(id).await? {
            handle = self.store.open(id).await?;
        }
        admit(parts, handle.info(), Action::Inspect).await?;
        Ok(handle)
    }
}
