//! HEAD on an upload.

use http::Response;
use http::request::Parts;

use super::{Core, respond};
use crate::context::Context;
use crate::protocol::{Action, Body, Outcome, UploadId};

impl Core {
    pub(super) async fn inspect(&self, parts: &Parts, id: &UploadId) -> Response<Body> {
        let mut handle = match self.open(parts, id, Action::Inspect).await {
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
}
