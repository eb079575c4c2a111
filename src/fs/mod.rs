//! The file system, for all that keeps something there.

pub(crate) mod error;
pub(crate) mod home;
pub(crate) mod sys;

use tower_tus_layers::protocol::Error;

/// One step of work that blocks. A panic there is an error here.
pub(crate) async fn blocking<T: Send + 'static>(
    step: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(step).await {
        Ok(done) => done,
        Err(failed) => Err(Error::internal(failed)),
    }
}
