//! Who may change an upload: the [`Locker`] trait, a locker in memory, and the
//! [`conformance`] suite that every locker has to pass.
//!
//! A lock is for liveness: it lets the newest request of a client go on at once
//! where an older one hangs. What makes an upload safe is the store.

pub mod conformance;
mod memory;

use std::fmt::Debug;
use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;

use crate::poll::first;
use crate::protocol::{Error, Interrupt, UploadId};

pub use self::memory::MemoryLocker;

/// Gives each upload to one request at a time.
#[async_trait]
pub trait Locker: Debug + Send + Sync + 'static {
    /// Waits until the upload is free, for `timeout` at most.
    ///
    /// Whoever holds it is asked to let go by its own `interrupt`, which fires
    /// with [`Error::Interrupted`] as soon as somebody waits. So does the one
    /// given here, from the moment at which the lock is held.
    ///
    /// Cancel safe: a future that is dropped holds nothing.
    ///
    /// # Errors
    ///
    /// [`Error::LockTimeout`] when the holder did not let go in time.
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error>;
}

/// A lock that is held. To drop it releases it too, but nobody then waits for that.
#[async_trait]
pub trait Guard: Debug + Send {
    /// Lets the next one have it.
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
