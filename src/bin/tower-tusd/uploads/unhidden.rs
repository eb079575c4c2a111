//! Uploads and the metrics page under one base path.

use async_trait::async_trait;
use http::request::Parts;
use tower_tus::layers::gate::Gate;
use tower_tus::layers::protocol::{Error, NewUpload};

/// Refuses to create the one upload that the metrics page would hide under the
/// base path `/`. Only a hook can choose that id.
#[derive(Debug)]
pub(crate) struct Unhidden {
    path: String,
}

impl Unhidden {
    pub(crate) fn new(path: &str) -> Self {
        let path = path.trim_start_matches('/').to_owned();
        Self { path }
    }
}

#[async_trait]
impl Gate for Unhidden {
    async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        if upload.id.as_str() != self.path {
            return Ok(());
        }
        let path = &self.path;
        let reason = format!("an upload {path:?} would be hidden by -metrics-path /{path}");
        Err(Error::internal(reason))
    }

    fn may_announce(&self) -> bool {
        false
    }
}
