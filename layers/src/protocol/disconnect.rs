use super::{Error, Interrupt};

/// Tells whether the client has gone away before its answer.
///
/// Work that only this client wants, such as a question to a hook before an upload
/// exists, is dropped then. Detach puts one into each request's
/// [`Context`](crate::context::Context). A server that learns of a reset connection
/// before it drops the response future puts one there itself and
/// [reports](Self::report) it; Detach keeps that one.
///
/// [`Disconnect::default`] never happens until it is reported.
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
    /// The client has gone: its connection or its stream was reset.
    pub fn report(&self) {
        self.0.fire(Error::UnexpectedEof(None));
    }

    /// Waits until the client has gone, and returns the error of its request. Cancel safe.
    ///
    /// One task at a time can wait: the one that runs the request.
    pub async fn happened(&self) -> Error {
        self.0.fired().await
    }
}
