use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::request::Parts;

use crate::protocol::Error;

/// The maximum size of a request's upload.
#[derive(Clone)]
pub(super) enum Limit {
    /// Returned at once.
    Now(Arc<dyn Fn(&Parts) -> Option<u64> + Send + Sync>),
    /// Returned by a future.
    Later(Arc<dyn Fn(&Parts) -> LookedUp + Send + Sync>),
}

pub(super) type LookedUp = Pin<Box<dyn Future<Output = Result<Option<u64>, Error>> + Send>>;

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Now",
            Self::Later(_) => "Later",
        })
    }
}
