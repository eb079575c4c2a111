use std::future::Future;
use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;

use super::SizeLimit;
use super::limit::Limit;
use crate::protocol::Error;

/// Layer that applies [`SizeLimit`].
///
/// See the [module docs](crate::size_limit) for an example.
#[derive(Clone, Debug)]
pub struct SizeLimitLayer {
    limit: Limit,
}

impl SizeLimitLayer {
    /// Limits every upload to `max` bytes; with 0, only empty uploads are allowed.
    #[must_use]
    pub fn new(max: u64) -> Self {
        Self::by(move |_| Some(max))
    }

    /// Limits the upload of each request to what `limit` returns, in bytes; `None`
    /// means unlimited. OPTIONS announces what `limit` returns for it.
    pub fn by<F>(limit: F) -> Self
    where
        F: Fn(&Parts) -> Option<u64> + Send + Sync + 'static,
    {
        Self {
            limit: Limit::Now(Arc::new(limit)),
        }
    }

    /// Limits the upload of each request to what the future of `limit` returns,
    /// in bytes: for example a limit from a database.
    ///
    /// The request waits for the future, which must set its own time limit. If
    /// it fails, the request is refused with its error. DELETE is not limited,
    /// and does not call `limit`.
    ///
    /// ```
    /// use tower_tus_layers::protocol::Error;
    /// use tower_tus_layers::size_limit::SizeLimitLayer;
    ///
    /// async fn quota(user: Option<String>) -> Result<Option<u64>, Error> {
    ///     Ok(user.map(|_| 10 << 30)) // from a database
    /// }
    ///
    /// let layer = SizeLimitLayer::by_async(|request| {
    ///     let user = request.extensions.get::<String>().cloned();
    ///     quota(user)
    /// });
    /// ```
    pub fn by_async<F, A>(limit: F) -> Self
    where
        F: Fn(&Parts) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Option<u64>, Error>> + Send + 'static,
    {
        Self {
            limit: Limit::Later(Arc::new(move |request| Box::pin(limit(request)))),
        }
    }
}

impl<S> Layer<S> for SizeLimitLayer {
    type Service = SizeLimit<S>;

    fn layer(&self, inner: S) -> SizeLimit<S> {
        SizeLimit::new(inner, self.limit.clone())
    }
}
