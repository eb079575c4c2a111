use std::fmt;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;

use super::Scheme;
use super::authority::Authority;
use super::forwarded::Forwarded;
use crate::protocol::BaseUrl;

/// Where the base URL comes from.
#[derive(Clone)]
pub(super) enum Source {
    Fixed(BaseUrl),
    Request(FromRequest),
    Closure(Arc<dyn Fn(&Parts) -> Option<BaseUrl> + Send + Sync>),
}

impl Source {
    pub(super) fn base_url(&self, parts: &Parts) -> Option<BaseUrl> {
        match self {
            Self::Fixed(url) => Some(url.clone()),
            Self::Request(from) => Some(from.base_url(parts)),
            Self::Closure(make) => make(parts),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(url) => url.fmt(f),
            Self::Request(from) => from.fmt(f),
            Self::Closure(_) => f.write_str("Closure"),
        }
    }
}

/// How to derive the URL from a request.
#[derive(Clone, Debug)]
pub(super) struct FromRequest {
    /// Begins with a slash.
    pub(super) path: String,
    pub(super) scheme: Scheme,
    pub(super) relative: bool,
    pub(super) trusting: bool,
}

impl FromRequest {
    fn base_url(&self, parts: &Parts) -> BaseUrl {
        let url = self.url(parts);
        match self.trusting {
            // Clients may know this server only by the proxy's host.
            true => url.of_any_host(),
            false => url,
        }
    }

    fn url(&self, parts: &Parts) -> BaseUrl {
        let forwarded = if self.trusting {
            Forwarded::of(&parts.headers)
        } else {
            Forwarded::default()
        };
        let path = format!("{}{}", forwarded.prefix.trim_end_matches('/'), self.path);
        let authority = forwarded.authority.or_else(|| own_authority(parts));
        let Some(authority) = authority.filter(|_| !self.relative) else {
            return BaseUrl::new(&path);
        };
        let own_scheme = || parts.uri.scheme_str().and_then(Scheme::parse);
        let scheme = forwarded.scheme.or_else(own_scheme).unwrap_or(self.scheme);
        let authority = match self.trusting {
            // The port of a hop between a proxy and this server.
            true => authority
                .without_port(scheme.other().default_port())
                .or_port(forwarded.port)
                .without_port(scheme.other().default_port()),
            false => authority,
        };
        let authority = authority.without_port(scheme.default_port());
        BaseUrl::new(&format!("{}://{authority}{path}", scheme.as_str()))
    }
}

/// Returns the authority of the request's URI, which HTTP/2 requests have, or of the
/// `Host` header if there is exactly one.
fn own_authority(parts: &Parts) -> Option<Authority<'_>> {
    if let Some(authority) = parts.uri.authority() {
        return Authority::parse(authority.as_str());
    }
    let mut hosts = parts.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Authority::parse(host.to_str().ok()?),
        _ => None,
    }
}
