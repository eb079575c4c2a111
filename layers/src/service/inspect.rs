//! HEAD on an upload.

use http::Response;
use http::request::Parts;

use super::finish::kept_answer;
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
            outcome.finished = finished.is_some();
            let answer = finished.unwrap_or_else(|| kept_answer(&*handle));
            let mut response = Response::default();
            *response.headers_mut() = answer.into_head();
            let url = || Context::base_url(parts);
            handle.info().describe(url, response.headers_mut());
            response
        });
        respond(result, outcome)
    }
}
