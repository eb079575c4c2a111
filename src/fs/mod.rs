//! File system access, shared by stores, lockers and hooks.

pub(crate) mod error;
pub(crate) mod home;
pub(crate) mod sys;

use tower_tus_layers::protocol::Error;

/// Runs one blocking step. A panic in it becomes an error.
pub(crate) async fn blocking<T: Send + 'static>(
    step: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(step).await {
        Ok(done) => done,
        Err(failed) => Err(Error::internal(failed)),
    }
}
