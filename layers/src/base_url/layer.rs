use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;

use super::source::{FromRequest, Source};
use super::{BaseUrlService, Scheme};
use crate::protocol::BaseUrl;

/// Layer that applies [`BaseUrlService`].
///
/// See the [module docs](crate::base_url) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct BaseUrlLayer {
    source: Arc<Source>,
}

impl BaseUrlLayer {
    /// Creates a layer that sets this URL for every request, such as
    /// `https://example.com/files/`.
    pub fn fixed(url: &str) -> Self {
        Self::from(Source::Fixed(BaseUrl::new(url)))
    }

    /// Creates a layer that combines the scheme and host of the request with
    /// `base_path`, the path below which clients find uploads.
    ///
    /// If a router strips a prefix and the stack knows it (see
    /// [`Context::stripped_prefix`](crate::context::Context::stripped_prefix)),
    /// `base_path` may include the prefix or omit it. A path that cannot be right
    /// makes the request fail with 500, and the log says what to write. If the stack
    /// does not know the prefix, `base_path` must include it.
    pub fn from_request(base_path: &str) -> Self {
        Self::from(Source::Request(FromRequest {
            path: format!("/{}", base_path.trim_matches('/')),
            scheme: Scheme::Http,
            relative: false,
            trusting: false,
        }))
    }

    /// Creates a layer that sets the URL that `make` returns, or none if it returns
    /// `None`.
    pub fn by(make: impl Fn(&Parts) -> Option<BaseUrl> + Send + Sync + 'static) -> Self {
        Self::from(Source::Closure(Arc::new(make)))
    }

    /// With [`from_request`](Self::from_request): uses `Forwarded` (RFC 7239) and,
    /// with lower precedence, `X-Forwarded-Host`, `-Proto`, `-Port` and `-Prefix`.
    /// Off by default.
    ///
    /// Enable this only behind a proxy that replaces these headers: otherwise clients
    /// can set them, and with them the URL of their uploads.
    pub fn trust_forwarded(self) -> Self {
        self.reading(|from| from.trusting = true)
    }

    /// With [`from_request`](Self::from_request): assumes `https` if the request does
    /// not carry its scheme, as over HTTP/1.1. The default is `http`. Use it for TLS
    /// listeners.
    pub fn scheme_https(self) -> Self {
        self.reading(|from| from.scheme = Scheme::Https)
    }

    /// With [`from_request`](Self::from_request): sets a path without scheme and
    /// host, so that clients stay on the server that they already use.
    pub fn relative(self) -> Self {
        self.reading(|from| from.relative = true)
    }

    fn reading(mut self, change: impl FnOnce(&mut FromRequest)) -> Self {
        if let Source::Request(from) = Arc::make_mut(&mut self.source) {
            change(from);
        }
        self
    }

    fn from(source: Source) -> Self {
        Self {
            source: Arc::new(source),
        }
    }
}

impl<S> Layer<S> for BaseUrlLayer {
    type Service = BaseUrlService<S>;

    fn layer(&self, inner: S) -> BaseUrlService<S> {
        BaseUrlService::new(inner, Arc::clone(&self.source))
    }
}
