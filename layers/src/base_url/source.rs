use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;

use super::Scheme;
use super::authority::Authority;
use super::forwarded::Forwarded;
use crate::context::Context;
use crate::protocol::BaseUrl;

/// Where the base URL comes from.
#[derive(Clone)]
pub(super) enum Source {
    Fixed(BaseUrl),
    Request(FromRequest),
    Closure(Arc<dyn Fn(&Parts) -> Option<BaseUrl> + Send + Sync>),
}

impl Source {
    /// Returns the base URL, or an error that says how to configure one.
    pub(super) fn base_url(&self, parts: &Parts) -> Result<Option<BaseUrl>, String> {
        match self {
            Self::Fixed(url) => Ok(Some(url.clone())),
            Self::Request(from) => from.base_url(parts).map(Some),
            Self::Closure(make) => Ok(make(parts)),
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
    fn base_url(&self, parts: &Parts) -> Result<BaseUrl, String> {
        let url = self.url(parts, &self.path(parts)?);
        Ok(match self.trusting {
            // Clients may know this server only by the proxy's host.
            true => url.of_any_host(),
            false => url,
        })
    }

    /// Returns the path below which clients find uploads.
    ///
    /// If a router has stripped a prefix, the base path may include it or omit it.
    fn path(&self, parts: &Parts) -> Result<Cow<'_, str>, String> {
        let path = self.path.trim_end_matches('/');
        let Some(prefix) = Context::of(&parts.extensions).stripped_prefix() else {
            return Ok(path.into());
        };
        let seen = parts.uri.path();
        if is_below(seen, path) {
            return Ok(format!("{prefix}{path}").into());
        }
        if prefix.ends_with(path) {
            return Ok(prefix.to_owned().into());
        }
        let sent = format!("{prefix}{seen}");
        // A proxy may have stripped the beginning of the base path.
        let mut ends = path.match_indices('/').map(|(at, _)| &path[at..]);
        if ends.any(|end| is_below(end, prefix) && is_below(&sent, end)) {
            return Ok(path.into());
        }
        Err(format!(
            "a request for {sent} is not below {path}, the path of BaseUrlLayer::from_request: \
             write Stack::base_path there, or BaseUrlLayer::fixed if a proxy rewrites the path"
        ))
    }

    fn url(&self, parts: &Parts, path: &str) -> BaseUrl {
        let forwarded = if self.trusting {
            Forwarded::of(&parts.headers)
        } else {
            Forwarded::default()
        };
        let path = &match forwarded.prefix.trim_end_matches('/') {
            "" => Cow::Borrowed(path),
            prefix => [prefix, path].concat().into(),
        };
        let authority = forwarded.authority.or_else(|| own_authority(parts));
        let Some(authority) = authority.filter(|_| !self.relative) else {
            return BaseUrl::new(path);
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
        let port = authority.port_in_url();
        BaseUrl::new(&[scheme.as_str(), "://", authority.host, &port, path].concat())
    }
}

fn is_below(path: &str, base: &str) -> bool {
    let rest = path.strip_prefix(base);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
