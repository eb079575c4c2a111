use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method};
use tower_layer::Layer;

use super::Cors;
use super::policy::{Origins, Policy, extend};

/// Layer that applies [`Cors`].
///
/// See the [module docs](crate::cors) for an example.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CorsLayer {
    policy: Arc<Policy>,
}

impl CorsLayer {
    /// Creates a layer that allows pages of every origin to upload, without
    /// credentials.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows only pages of these origins, such as `https://example.com`. The default
    /// is every origin.
    ///
    /// Browsers also send the origin when a page uploads to its own server, so
    /// include the server's own origin.
    pub fn allow_origins(self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        // The form in which browsers send them.
        let origins = origins.into_iter().map(|origin| {
            let origin: String = origin.into();
            origin.trim_end_matches('/').to_ascii_lowercase()
        });
        let origins = Origins::Listed(origins.collect());
        self.with(|policy| policy.origins = origins)
    }

    /// Allows only pages of the origins for which `choose` returns true. It sees the
    /// whole request except its body.
    pub fn allow_origins_by(
        self,
        choose: impl Fn(&HeaderValue, &Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(|policy| policy.origins = Origins::Chosen(Arc::new(choose)))
    }

    /// Allows pages to send cookies and other credentials. Off by default.
    ///
    /// Restrict the origins too: a page of any allowed origin can act in its
    /// visitor's name.
    pub fn allow_credentials(self) -> Self {
        self.with(|policy| policy.credentials = true)
    }

    /// Allows these methods in addition to the default ones.
    pub fn allow_methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.with(|policy| extend(&mut policy.methods, methods))
    }

    /// Allows these request headers in addition to the default ones.
    pub fn allow_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.with(|policy| extend(&mut policy.headers, names))
    }

    /// Lets pages read these response headers in addition to the default ones.
    pub fn expose_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.with(|policy| extend(&mut policy.exposed, names))
    }

    /// Sets how long browsers may cache the response to a preflight request, in whole
    /// seconds; the default is one day.
    pub fn max_age(self, age: Duration) -> Self {
        self.with(|policy| policy.max_age(age))
    }

    fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(Arc::make_mut(&mut self.policy));
        self
    }
}

impl<S> Layer<S> for CorsLayer {
    type Service = Cors<S>;

    fn layer(&self, inner: S) -> Cors<S> {
        Cors::new(inner, Arc::clone(&self.policy))
    }
}
