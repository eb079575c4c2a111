//! Exclusive access to uploads: the [`Locker`] trait, a locker in memory, the
//! conformance suite that every locker has to pass, and the layer.
//!
//! A lock is for liveness: it lets the newest request of a client proceed at once
//! where an older one hangs. What keeps an upload correct is the store.
//!
//! # Writing a locker
//!
//! Implement [`Locker`] and [`Guard`] with [`async_trait`](crate::async_trait), and
//! run `conformance::run` (feature `conformance`) against the result. Everything
//! that takes a locker takes an `Arc<dyn Locker>` or a `Box<dyn Locker>` as well,
//! since these are lockers too.
//!
//! # The layer
//!
//! Runs one request at a time for each upload.
//!
//! HEAD, PATCH and DELETE on an upload wait for its lock. The request that holds it
//! is asked to let go: a PATCH that hangs on a dead connection ends with
//! `400 ERR_UPLOAD_INTERRUPTED`, its bytes stored, and the newer request proceeds.
//! A request that waits for longer than the timeout is answered `423 Locked` with
//! `Retry-After`; one that waits while the server shuts down gets the error of the
//! shutdown. The lock is free before the response is sent.
//!
//! POST, GET and OPTIONS never wait.
//!
//! A limit on [writers](LockLayer::max_writers) keeps long uploads from using up
//! every file that the process may open.
//!
//! Without the Interrupt layer, the holder cannot be asked to let go, and newcomers
//! wait.
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
mod pointer;
mod service;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;

use crate::protocol::{Error, Interrupt, UploadId};
use crate::race::first;

pub use self::layer::LockLayer;
pub use self::memory::MemoryLocker;
pub use self::service::Lock;
pub use crate::future::ResponseFuture;

/// Gives each upload to one request at a time.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a locker for uploads",
    label = "needs `Locker`",
    note = "pass a `MemoryLocker`, a `FileLocker`, an `Arc<dyn Locker>`, or your own type with `#[async_trait] impl Locker for ..`"
)]
pub trait Locker: Debug + Send + Sync + 'static {
    /// Waits until the upload is free, for `timeout` at most.
    ///
    /// The holder is asked to let go by its own `interrupt`, which fires with
    /// [`Error::Interrupted`] as soon as another request waits. So does the
    /// `interrupt` given here, from the moment at which the lock is held.
    ///
    /// Cancel safe: a future that is dropped holds nothing.
    ///
    /// # Errors
    ///
    /// [`Error::LockTimeout`] if the holder did not let go in time.
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error>;
}

/// A lock that is held. Dropping it releases it too, without waiting for that.
#[async_trait]
pub trait Guard: Debug + Send {
    /// Releases the lock, and waits until the next request can have it.
    async fn release(self: Box<Self>);
}

/// Waits for a lock until something ends the request.
///
/// `holder` fires when somebody else wants what is held then; it may be the
/// request's own.
pub(crate) async fn acquire(
    locker: &dyn Locker,
    id: &UploadId,
    request: &Interrupt,
    holder: Interrupt,
    timeout: Duration,
) -> Result<Box<dyn Guard>, Error> {
    let ended = async {
        match request.fired().await {
            // Somebody waits for what the request has, or is about to have, or a
            // hook has ended it: what follows from that for other uploads is done.
            Error::Interrupted | Error::Stopped => pending().await,
            cause => Err(cause),
        }
    };
    first(locker.acquire(id, holder, timeout), ended).await
}
