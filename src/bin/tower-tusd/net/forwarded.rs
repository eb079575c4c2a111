//! Warns of a proxy that the flags do not mention.

use std::sync::Once;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, Request};

/// One warning per process, because clients can send these headers too.
static WARNED: Once = Once::new();

/// Warns of the first request with headers of a proxy, and passes it on unchanged.
pub(crate) fn warn_of_proxy_once<B>(request: Request<B>) -> Request<B> {
    if !WARNED.is_completed()
        && let Some(name) = of_a_proxy(request.headers())
    {
        WARNED.call_once(|| {
            tracing::warn!(
                "{name} is ignored, so Location may be wrong: set -behind-proxy if only a \
                 proxy can reach this server, or else -public-url"
            );
        });
    }
    request
}

fn of_a_proxy(headers: &HeaderMap) -> Option<&HeaderName> {
    let mut names = headers.keys();
    names.find(|name| **name == FORWARDED || name.as_str().starts_with("x-forwarded-"))
}
