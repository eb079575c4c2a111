use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;

use super::SizeLimit;

/// How large an upload may be that a request is about.
pub(super) type Limit = Arc<dyn Fn(&Parts) -> Option<u64> + Send + Sync>;

/// Layer that applies [`SizeLimit`].
///
/// See the [module docs](crate::size_limit) for an example.
#[derive(Clone)]
pub struct SizeLimitLayer {
    limit: Limit,
}

impl SizeLimitLayer {
    /// No upload may have more than `max` bytes; with 0, only empty ones may be.
    #[must_use]
    pub fn new(max: u64) -> Self {
        Self::by(move |_| Some(max))
    }

    /// How many bytes an upload may have is decided for each request; `None` is
    /// no limit. OPTIONS tells what `limit` says to it.
    pub fn by<F>(limit: F) -> Self
    where
        F: Fn(&Parts) -> Option<u64> + Send + Sync + 'static,
    {
        Self {
            limit: Arc::new(limit),
        }
    }
}

impl<S> Layer<S> for SizeLimitLayer {
    type Service = SizeLimit<S>;

    fn layer(&self, inner: S) -> SizeLimit<S> {
        SizeLimit::new(inner, Arc::clone(&self.limit))
    }
}

impl fmt::Debug for SizeLimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SizeLimitLayer").finish_non_exhaustive()
    }
}
