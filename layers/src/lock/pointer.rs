//! Implements [`Locker`](super::Locker) for pointers to lockers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Guard, Locker};
use crate::protocol::{Error, Interrupt, UploadId};

/// What `async_trait` makes of the asynchronous methods. They are written out, so that a
/// pointer adds no box to each call.
type Locking<'b> = Pin<Box<dyn Future<Output = Result<Box<dyn Guard>, Error>> + Send + 'b>>;
type Trying<'b> = Pin<Box<dyn Future<Output = Result<Option<Box<dyn Guard>>, Error>> + Send + 'b>>;
type Asking<'b> = Pin<Box<dyn Future<Output = Result<bool, Error>> + Send + 'b>>;

macro_rules! pointers {
    ($($pointer:ident),*) => {
        $(
            #[deny(clippy::missing_trait_methods)]
            impl<T: Locker + ?Sized> Locker for $pointer<T> {
                fn acquire<'a, 'i, 'b>(
                    &'a self,
                    id: &'i UploadId,
                    interrupt: Interrupt,
                    timeout: Duration,
                ) -> Locking<'b>
                where
                    'a: 'b,
                    'i: 'b,
                {
                    (**self).acquire(id, interrupt, timeout)
                }

                fn observe<'a, 'i, 'b>(
                    &'a self,
                    id: &'i UploadId,
                    interrupt: Interrupt,
                    timeout: Duration,
                ) -> Locking<'b>
                where
                    'a: 'b,
                    'i: 'b,
                {
                    (**self).observe(id, interrupt, timeout)
                }

                fn acquire_new<'a, 'i, 'b>(
                    &'a self,
                    id: &'i UploadId,
                    interrupt: Interrupt,
                    timeout: Duration,
                ) -> Locking<'b>
                where
                    'a: 'b,
                    'i: 'b,
                {
                    (**self).acquire_new(id, interrupt, timeout)
                }

                fn acquire_to_terminate<'a, 'i, 'b>(
                    &'a self,
                    id: &'i UploadId,
                    interrupt: Interrupt,
                    timeout: Duration,
                ) -> Locking<'b>
                where
                    'a: 'b,
                    'i: 'b,
                {
                    (**self).acquire_to_terminate(id, interrupt, timeout)
                }

                fn try_acquire<'a, 'i, 'b>(
                    &'a self,
                    id: &'i UploadId,
                    interrupt: Interrupt,
                ) -> Trying<'b>
                where
                    'a: 'b,
                    'i: 'b,
                {
                    (**self).try_acquire(id, interrupt)
                }

                fn is_held<'a, 'i, 'b>(&'a self, id: &'i UploadId) -> Asking<'b>
                where
                    'a: 'b,
                    'i: 'b,
                {
                    (**self).is_held(id)
                }
            }
        )*
    };
}

pointers!(Arc, Box);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::{MemoryLocker, conformance};

    #[tokio::test]
    async fn a_locker_behind_pointers_passes_the_conformance_suite() {
        let locker: Arc<dyn Locker> = Arc::new(MemoryLocker::default());
        let locker: Box<dyn Locker> = Box::new(locker);
        conformance::run(locker).await;
    }
}
