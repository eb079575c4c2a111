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
    /// A layer that allows pages of every origin what tus clients do, without
    /// credentials.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows pages of these origins alone, such as `https://example.com`.
    ///
    /// Browsers name the origin also when a page uploads to the server that it
    /// came from, so that server's own belongs to the list.
    pub fn allow_origins(self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        // As browsers write them.
        let origins = origins.into_iter().map(|origin| {
            let origin: String = origin.into();
            origin.trim_end_matches('/').to_ascii_lowercase()
        });
        let origins = Origins::Listed(origins.collect());
        self.with(|policy| policy.origins = origins)
    }

    /// Allows pages of the origins that `choose` is true for, which sees the
    /// whole request but its body.
    pub fn allow_origins_by(
        self,
        choose: impl Fn(&HeaderValue, &Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(|policy| policy.origins = Origins::Chosen(Arc::new(choose)))
    }

    /// Allows pages to send cookies and other credentials.
    ///
    /// Then restrict the origins: a page of every allowed one acts in its
    /// visitor's name.
    pub fn allow_credentials(self) -> Self {
        self.with(|policy| policy.credentials = true)
    }

    /// Allows these methods too.
    pub fn allow_methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.with(|policy| extend(&mut policy.methods, methods))
    }

    /// Allows requests to have these headers too.
    pub fn allow_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.with(|policy| extend(&mut policy.headers, names))
    }

    /// Lets pages read these headers of a response too.
    pub fn expose_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.with(|policy| extend(&mut policy.exposed, names))
    }

    /// How long a browser may go without asking again: a day unless set, in
    /// whole seconds.
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
