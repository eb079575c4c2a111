use super::{Error, Interrupt};

/// Signals that the client has disconnected before its response.
///
/// Work that only matters to this client is dropped then, for example a hook
/// call before the upload exists. Detach puts a signal into each request's
/// [`Context`](crate::context::Context). A server that learns of a reset
/// connection before it drops the response future can put its own signal there
/// and [report](Self::report) the disconnect; Detach keeps that one.
///
/// [`Disconnect::default`] stays silent until the disconnect is reported.
///
/// ```
/// use tower_tus_layers::protocol::Disconnect;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let disconnect = Disconnect::default();
/// disconnect.report();
/// assert_eq!(disconnect.happened().await.code(), "ERR_UNEXPECTED_EOF");
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Disconnect(Interrupt);

impl Disconnect {
    /// Reports that the client's connection or stream was reset.
    pub fn report(&self) {
        self.0.fire(Error::UnexpectedEof(None));
    }

    /// Waits until the client has disconnected, and returns the error of its
    /// request. Cancel safe.
    ///
    /// Only one task can wait at a time: the one that runs the request.
    pub async fn happened(&self) -> Error {
        self.0.fired().await
    }
}
