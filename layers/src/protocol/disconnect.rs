use super::{Error, Interrupt};

/// Whether the client has gone before its answer: a request extension that
/// Detach sets.
///
/// Work that only this client wants, such as a question to a hook before an
/// upload exists, is dropped then. A server that learns of a reset connection
/// sooner than by the drop of a response future sets this extension itself, and
/// [reports](Self::report) it; Detach then keeps that one.
///
/// Where no layer set one, [`Disconnect::default`] never happens.
///
/// ```
/// use tower_tus_layers::protocol::Disconnect;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let departure = Disconnect::default();
/// departure.report();
/// assert_eq!(departure.happened().await.code(), "ERR_UNEXPECTED_EOF");
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
