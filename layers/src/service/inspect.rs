//! HEAD on an upload.

use headers::HeaderMapExt;
use http::Response;
use http::request::Parts;

use super::{Core, respond};
use crate::protocol::header::{UPLOAD_CONCAT, UploadDeferLength, UploadLength, UploadOffset};
use crate::protocol::{Action, Body, Outcome, Upload, UploadId};

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
            description(parts, handle.info())
        });
        respond(result, outcome)
    }
}

fn description(parts: &Parts, upload: &Upload) -> Response<Body> {
    let mut response = Response::default();
    let headers = response.headers_mut();
    // CAT-12
    if !upload.is_pending() {
        // CORE-17, CAT-13, CAT-14
        headers.typed_insert(UploadOffset::saturating(upload.offset));
    }
    match upload.length {
        // CORE-18, CAT-15
        Some(length) => headers.typed_insert(UploadLength::saturating(length)),
        // CUF-02: no client will tell.
        None if upload.is_pending() => {}
        // DEF-02
        None => headers.typed_insert(UploadDeferLength),
    }
    if let Some(concat) = &upload.concat {
        headers.insert(&UPLOAD_CONCAT, concat.header(parts)); // CAT-16
    }
    // CRE-12
    headers.typed_insert(upload.metadata.clone());
    response
}
