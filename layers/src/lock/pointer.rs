//! Implements [`Locker`](super::Locker) for pointers to lockers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Guard, Locker};
use crate::protocol::{Error, Interrupt, UploadId};

macro_rules! pointers {
    ($($pointer:ident),*) => {
        $(
            #[deny(clippy::missing_trait_methods)]
            #[async_trait]
            impl<T: Locker + ?Sized> Locker for $pointer<T> {
                async fn acquire(
                    &self,
                    id: &UploadId,
                    interrupt: Interrupt,
                    timeout: Duration,
                ) -> Result<Box<dyn Guard>, Error> {
                    (**self).acquire(id, interrupt, timeout).await
                }

                async fn observe(
                    &self,
                    id: &UploadId,
                    interrupt: Interrupt,
                    timeout: Duration,
                ) -> Result<Box<dyn Guard>, Error> {
                    (**self).observe(id, interrupt, timeout).await
                }

                async fn acquire_new(
                    &self,
                    id: &UploadId,
                    interrupt: Interrupt,
                    timeout: Duration,
                ) -> Result<Box<dyn Guard>, Error> {
                    (**self).acquire_new(id, interrupt, timeout).await
                }

                async fn acquire_to_terminate(
                    &self,
                    id: &UploadId,
                    interrupt: Interrupt,
                    timeout: Duration,
                ) -> Result<Box<dyn Guard>, Error> {
                    (**self).acquire_to_terminate(id, interrupt, timeout).await
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
