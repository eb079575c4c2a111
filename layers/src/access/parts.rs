use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;

use super::{Access, AccessRequest};
use crate::gate::Gate;
use crate::protocol::{Action, Error, Upload};
use crate::store::Store;

/// Asks the policy about each part of a final upload, as soon as it is known which
/// uploads the URLs of the request name.
pub(super) struct PartsGate {
    pub(super) policy: Arc<dyn Access>,
    pub(super) store: Arc<dyn Store>,
    /// What the client sent.
    pub(super) request: Arc<Parts>,
}

#[async_trait]
impl Gate for PartsGate {
    async fn opened(&self, _: &Parts, upload: &Upload, action: Action) -> Result<(), Error> {
        if action != Action::Concatenate {
            return Ok(());
        }
        let (request, store) = (Arc::clone(&self.request), Arc::clone(&self.store));
        let part = AccessRequest::of_part(upload, request, store);
        self.policy.check(&part).await
    }

    fn may_announce(&self) -> bool {
        false
    }
}

impl fmt::Debug for PartsGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartsGate").finish_non_exhaustive()
    }
}
