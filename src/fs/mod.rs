//! File system access, shared by stores and lockers.
//!
//! [`sys`] is what they call. Below it, [`kernel`] has the calls of the system,
//! one function each, in whose place unit tests have `sim`.

pub(crate) mod error;
mod file;
pub(crate) mod home;
mod kernel;
mod named;
mod publish;
#[cfg(test)]
pub(crate) mod sim;
pub(crate) mod sys;

#[cfg(not(test))]
use kernel as calls;
#[cfg(test)]
use sim::calls;
use tower_tus_layers::protocol::Error;

/// Runs one blocking step. A panic in it becomes an error.
pub(crate) async fn blocking<T: Send + 'static>(
    step: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    #[cfg(test)]
    if sim::is_running() {
        return step();
    }
    match tokio::task::spawn_blocking(step).await {
        Ok(done) => done,
        Err(failed) => Err(Error::internal(failed)),
    }
}
