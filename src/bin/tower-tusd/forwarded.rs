//! A warning about a proxy in front that the server was not told of.

use std::sync::Once;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, Request};

use crate::flags::Flags;

/// Clients can send such headers too, so one line has to do for the process.
static WARNED: Once = Once::new();

/// What looks at each request, where the headers of proxies are ignored.
pub(crate) fn warning<B>(flags: &Flags) -> Option<fn(Request<B>) -> Request<B>> {
    let ignored = !flags.behind_proxy && !flags.location.has_public_url();
    ignored.then_some(look)
}

fn look<B>(request: Request<B>) -> Request<B> {
    if !WARNED.is_completed()
        && let Some(name) = of_a_proxy(request.headers())
    {
        WARNED.call_once(|| {
            tracing::warn!(
                "{name} is ignored, and clients may be told a wrong URL: set -behind-proxy \
                 where only a proxy can reach this server, or else -public-url"
            );
        });
    }
    request
}

fn of_a_proxy(headers: &HeaderMap) -> Option<&HeaderName> {
    let mut names = headers.keys();
    names.find(|name| **name == FORWARDED || name.as_str().starts_with("x-forwarded-"))
}
