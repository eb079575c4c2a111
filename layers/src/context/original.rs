use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Method};

use super::Context;

/// The method and the headers that the client sent, kept in every derived request.
/// Hooks report these.
#[derive(Clone, Debug)]
pub(super) struct OriginalRequest(Arc<(Method, HeaderMap)>);

impl OriginalRequest {
    /// Keeps what the client sent, unless an outer layer has already done so.
    pub(super) fn keep(parts: &mut Parts) {
        if Context::of(&parts.extensions).original.is_none() {
            let sent = (parts.method.clone(), parts.headers.clone());
            Context::of_mut(&mut parts.extensions).original = Some(Self(Arc::new(sent)));
        }
    }

    pub(super) fn parts(&self) -> (&Method, &HeaderMap) {
        (&self.0.0, &self.0.1)
    }
}
