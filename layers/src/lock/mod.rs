//! Exclusive access to uploads: the [`Locker`] trait, an in-memory locker, the
//! conformance suite for lockers, and the layer.
//!
//! Locks are for liveness: a client's newest request proceeds at once even if
//! an older one hangs. The store itself keeps uploads correct.
//!
//! # Writing a locker
//!
//! Implement [`Locker`] and [`Guard`] with [`async_trait`](crate::async_trait),
//! and run `conformance::run` (feature `conformance`) against the result. Where
//! a locker is expected, an `Arc<dyn Locker>` or a `Box<dyn Locker>` works as
//! well: both implement the trait.
//!
//! # The layer
//!
//! Runs one request at a time for each upload.
//!
//! HEAD, PATCH and DELETE wait for the lock of their upload, and the current
//! holder is interrupted: a PATCH that hangs on a dead connection ends with
//! `400 ERR_UPLOAD_INTERRUPTED`, its bytes stored, and the newer request
//! proceeds. A request that waits longer than the timeout gets `423 Locked`
//! with `Retry-After`; one that waits during a shutdown gets the shutdown's
//! error. The lock is released before the response is sent.
//!
//! HEAD only [observes](Locker::observe) the upload. If it finds it complete but
//! not finished, it acquires the lock first and looks again, since it then
//! finishes the upload.
//!
//! The first bytes of a creation [lock](Locker::acquire_new) the upload within this
//! process only, as long as nobody else can know it.
//!
//! POST, GET and OPTIONS never wait.
//!
//! A limit on [writers](LockLayer::max_writers) keeps long uploads from using
//! up the process's open files.
//!
//! Without the Interrupt layer, the holder cannot be interrupted, so newer
//! requests wait for it to end.
//!
//! ## Example
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::lock::{Locker, MemoryLocker};
//! use tower_tus_layers::lock::LockLayer;
//! use tower_tus_layers::protocol::{Body, Interrupt};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let locker = MemoryLocker::default();
//! let service = ServiceBuilder::new()
//!     .layer(LockLayer::new(Arc::new(locker.clone())).timeout(Duration::from_millis(10)))
//!     .service(Core::new(MemoryStore::default()));
//!
//! let guard = locker.acquire(&"busy".parse()?, Interrupt::default(), Duration::MAX).await?;
//! let request = Request::head("/busy").body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::LOCKED);
//! assert_eq!(response.headers()["Retry-After"], "1");
//! # guard.release().await;
//! # Ok(())
//! # }
//! ```

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod layer;
mod memory;
mod observation;
mod pointer;
mod service;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::future::{Future, pending};
use std::time::Duration;

use async_trait::async_trait;

use crate::protocol::{Error, Interrupt, UploadId};
use crate::race::first;

pub use self::layer::LockLayer;
pub use self::memory::MemoryLocker;
pub(crate) use self::observation::Observation;
pub use self::service::Lock;
pub use crate::future::ResponseFuture;

/// Grants each upload to one request at a time.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a locker for uploads",
    label = "needs `Locker`",
    note = "pass a `MemoryLocker`, a `FileLocker`, an `Arc<dyn Locker>`, or your own type with `#[async_trait] impl Locker for ..`"
)]
pub trait Locker: Debug + Send + Sync + 'static {
    /// Waits at most `timeout` for the upload to become free.
    ///
    /// The current holder's `interrupt` fires with [`Error::Interrupted`] as
    /// soon as another request waits. The same happens to the `interrupt`
    /// passed here once the lock is held.
    ///
    /// Cancel safe: a dropped future leaves nothing locked.
    ///
    /// # Errors
    ///
    /// [`Error::LockTimeout`] if the holder did not release the lock in time.
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error>;

    /// Waits at most `timeout` for the upload to become free, for a request that
    /// only reads it.
    ///
    /// The current holder is interrupted as by [`acquire`](Self::acquire). The
    /// guard need not keep others out: they may change the upload while the
    /// request reads it. So a locker can do without what a lock costs, such as
    /// a file on a disk that is full. By default this acquires the lock.
    ///
    /// Cancel safe, like `acquire`.
    ///
    /// # Errors
    ///
    /// [`Error::LockTimeout`] if the holder did not release the lock in time.
    async fn observe(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.acquire(id, interrupt, timeout).await
    }

    /// Acquires the lock of an upload that only the calling request knows.
    ///
    /// The upload has just been created under a random id, and nobody has been
    /// told of it, so no other request asks for this lock before the guard is
    /// released, least of all one of another process. A locker can do without
    /// what excludes other processes, such as a file. By default this is
    /// [`acquire`](Self::acquire).
    ///
    /// Cancel safe, like `acquire`.
    ///
    /// # Errors
    ///
    /// [`Error::LockTimeout`] if the holder did not release the lock in time.
    async fn acquire_new(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.acquire(id, interrupt, timeout).await
    }

    /// Acquires the lock for a request that terminates the upload.
    ///
    /// Termination frees space, so it should be possible where the storage is
    /// full. A locker that cannot keep its lock there for that reason may
    /// exclude only what it can, since a terminated upload has no bytes that
    /// another request could damage. By default this is
    /// [`acquire`](Self::acquire).
    ///
    /// Cancel safe, like `acquire`.
    ///
    /// # Errors
    ///
    /// [`Error::LockTimeout`] if the holder did not release the lock in time.
    async fn acquire_to_terminate(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.acquire(id, interrupt, timeout).await
    }

    /// Acquires the lock if nobody holds it or waits for it. Returns `None` otherwise,
    /// at once, and interrupts nobody: for work that can be done another time.
    ///
    /// The `interrupt` fires as with [`acquire`](Self::acquire) once the lock is held.
    ///
    /// Cancel safe, like `acquire`.
    ///
    /// # Errors
    ///
    /// The reason why nobody can tell.
    async fn try_acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
    ) -> Result<Option<Box<dyn Guard>>, Error>;

    /// Returns whether somebody holds the lock. By default this [tries](Self::try_acquire)
    /// to acquire it.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// The reason why nobody can tell.
    async fn is_held(&self, id: &UploadId) -> Result<bool, Error> {
        match self.try_acquire(id, Interrupt::default()).await? {
            Some(guard) => {
                guard.release().await;
                Ok(false)
            }
            None => Ok(true),
        }
    }
}

/// A lock that is held. Dropping it releases the lock without waiting.
#[async_trait]
pub trait Guard: Debug + Send {
    /// Releases the lock, and waits until the next request can take it.
    async fn release(self: Box<Self>);
}

/// Waits for a lock until something ends the request.
pub(crate) async fn until_ended(
    request: &Interrupt,
    locking: impl Future<Output = Result<Box<dyn Guard>, Error>>,
) -> Result<Box<dyn Guard>, Error> {
    let ended = async {
        match request.fired().await {
            // Another request wants a lock that this one holds or is about to
            // get, or a hook stopped it: the work that is due on other uploads
            // is still done.
            Error::Interrupted | Error::Stopped => pending().await,
            cause => Err(cause),
        }
    };
    first(locking, ended).await
}
