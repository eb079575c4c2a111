use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Method};

/// A request as the client sent it: a request extension of a layer that makes
/// other requests of one.
///
/// Who tells others of a request tells them this.
#[derive(Clone, Debug)]
pub struct OriginalRequest(Arc<(Method, HeaderMap)>);

impl OriginalRequest {
    /// Keeps what the client sent in the requests that are made of this one,
    /// unless a layer outside has done so.
    pub fn keep(parts: &mut Parts) {
        if parts.extensions.get::<Self>().is_none() {
            let sent = (parts.method.clone(), parts.headers.clone());
            parts.extensions.insert(Self(Arc::new(sent)));
        }
    }

    /// The method and the headers that the client sent.
    #[must_use]
    pub fn of(parts: &Parts) -> (&Method, &HeaderMap) {
        match parts.extensions.get::<Self>() {
            Some(Self(sent)) => (&sent.0, &sent.1),
            None => (&parts.method, &parts.headers),
        }
    }
}
