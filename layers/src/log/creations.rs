use async_trait::async_trait;
use http::request::Parts;

use crate::context::Context;
use crate::gate::Gate;
use crate::protocol::Upload;

/// Logs an upload as soon as it is created: its request may run for hours.
#[derive(Debug)]
pub(super) struct Creations;

#[async_trait]
impl Gate for Creations {
    async fn created(&self, request: &Parts, upload: &Upload) {
        tracing::info!(
            id = %upload.id,
            size = upload.length.unwrap_or_default().get(),
            url = Context::base_url(request).location(&upload.id).to_str().unwrap_or_default(),
            "UploadCreated"
        );
    }

    fn may_announce(&self) -> bool {
        false
    }
}
