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
    /// A layer that always tells this URL, such as `https://example.com/files/`.
    pub fn fixed(url: &str) -> Self {
        Self::from(Source::Fixed(BaseUrl::new(url)))
    }

    /// Makes the URL of the scheme and the host of the request, and of
    /// `base_path`, the path below which clients find uploads.
    ///
    /// If a router strips a prefix and the stack knows it (see
    /// [`Context::stripped_prefix`](crate::context::Context::stripped_prefix)), the
    /// path may be given with or without the prefix; one that cannot be right makes
    /// the request fail with 500, and the log says what to write. If the stack does
    /// not know the prefix, it has to be part of the path.
    pub fn from_request(base_path: &str) -> Self {
        Self::from(Source::Request(FromRequest {
            path: format!("/{}", base_path.trim_matches('/')),
            scheme: Scheme::Http,
            relative: false,
            trusting: false,
        }))
    }

    /// A layer that tells what `make` does, or nothing.
    pub fn by(make: impl Fn(&Parts) -> Option<BaseUrl> + Send + Sync + 'static) -> Self {
        Self::from(Source::Closure(Arc::new(make)))
    }

    /// With [`from_request`](Self::from_request): believes `Forwarded` (RFC
    /// 7239), and beneath it `X-Forwarded-Host`, `-Proto`, `-Port` and `-Prefix`.
    ///
    /// For servers that are reached through a proxy alone, which replaces these
    /// headers: elsewhere a client would tell itself where it uploads to.
    pub fn trust_forwarded(self) -> Self {
        self.reading(|from| from.trusting = true)
    }

    /// With [`from_request`](Self::from_request): takes `https` where the
    /// request does not tell its scheme, as over HTTP/1.1. For listeners with TLS.
    pub fn scheme_https(self) -> Self {
        self.reading(|from| from.scheme = Scheme::Https)
    }

    /// With [`from_request`](Self::from_request): tells the path alone, so that
    /// the client stays on the server it has found.
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
