//! Sizes, times and numbers.

use std::future::Future;
use std::time::Duration;

use http::request::Parts;
use tower_tus_layers::idle_timeout::IdleTimeoutLayer;
use tower_tus_layers::protocol::Error;
use tower_tus_layers::size_limit::SizeLimitLayer;

use super::Stack;

/// As tusd's `-network-timeout`.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

impl Stack {
    /// Limits every upload to `max` bytes; unlimited by default.
    pub fn max_size(mut self, max: u64) -> Self {
        self.size_limit = Some(SizeLimitLayer::new(max));
        self
    }

    /// Limits the upload of each request to what `max` returns, in bytes; `None` means
    /// unlimited. It replaces [`max_size`](Self::max_size).
    ///
    /// ```
    /// use tower_tus::{MemoryStore, Stack};
    ///
    /// let service = Stack::new(MemoryStore::default())
    ///     .max_size_by(|request| match request.headers.contains_key("Authorization") {
    ///         true => None,
    ///         false => Some(10 << 20),
    ///     })
    ///     .into_service();
    /// ```
    pub fn max_size_by<F>(mut self, max: F) -> Self
    where
        F: Fn(&Parts) -> Option<u64> + Send + Sync + 'static,
    {
        self.size_limit = Some(SizeLimitLayer::by(max));
        self
    }

    /// Limits the upload of each request to what the future of `max` returns, in
    /// bytes: for a maximum that stands in a database. It replaces
    /// [`max_size`](Self::max_size).
    ///
    /// The request waits for the future, so it has to limit its own time. If it fails,
    /// the request is refused with its error.
    ///
    /// ```
    /// use tower_tus::{Error, MemoryStore, Stack};
    ///
    /// async fn quota(user: Option<String>) -> Result<Option<u64>, Error> {
    ///     Ok(user.map(|_| 10 << 30)) // from a database
    /// }
    ///
    /// let service = Stack::new(MemoryStore::default())
    ///     .max_size_by_async(|request| quota(request.extensions.get().cloned()))
    ///     .into_service();
    /// ```
    pub fn max_size_by_async<F, A>(mut self, max: F) -> Self
    where
        F: Fn(&Parts) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Option<u64>, Error>> + Send + 'static,
    {
        self.size_limit = Some(SizeLimitLayer::by_async(max));
        self
    }

    /// Removes the limit on the size of uploads, which is the default.
    pub fn without_max_size(mut self) -> Self {
        self.size_limit = None;
        self
    }

    /// Sets the maximum size of `Upload-Metadata` in bytes: 64 KiB by default. A
    /// creation with more is refused with 431.
    pub fn max_metadata_size(mut self, bytes: usize) -> Self {
        self.core = self.core.max_metadata_size(bytes);
        self
    }

    /// Sets the maximum number of pairs in `Upload-Metadata`: 1,000 by default. A
    /// creation with more is refused with 431.
    pub fn max_metadata_pairs(mut self, pairs: usize) -> Self {
        self.core = self.core.max_metadata_pairs(pairs);
        self
    }

    /// Sets how long a request waits for an upload that another request holds: 20
    /// seconds by default.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Sets how long a client may send nothing while the server waits for it: 60
    /// seconds by default. Zero allows no pause at all.
    ///
    /// The body then ends, what has arrived is kept, and the answer is
    /// `500 ERR_READ_TIMEOUT`, which clients retry.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(IdleTimeoutLayer::new(timeout));
        self
    }

    /// Waits forever for a client that sends nothing, unless its connection ends.
    pub fn without_idle_timeout(mut self) -> Self {
        self.idle_timeout = None;
        self
    }

    /// Limits how many uploads may be written at once, since each may hold an open
    /// data file and an open lock file; unlimited by default. Beyond the limit PATCH,
    /// and the bytes of a creation, answer `503 ERR_SERVER_BUSY` with `Retry-After`.
    pub fn max_open_uploads(mut self, uploads: usize) -> Self {
        self.max_open_uploads = Some(uploads);
        self
    }

    /// Removes the limit on uploads that are written at once, which is the default.
    pub fn without_max_open_uploads(mut self) -> Self {
        self.max_open_uploads = None;
        self
    }

    /// Limits how often a hook or a gate may refuse to finish a complete upload
    /// before the upload is rejected for good: 10 by default, 0 means unlimited.
    /// Failures (a timeout, no connection, a full disk) do not count.
    pub fn finish_attempts(mut self, attempts: u32) -> Self {
        self.core = self.core.finish_attempts(attempts);
        self
    }
}
