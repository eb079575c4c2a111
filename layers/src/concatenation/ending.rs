//! What ends the copy of a final before it is whole.

use std::future::{Future, pending};

use http::Method;
use http::request::Parts;

use crate::poll::first;
use crate::protocol::{Disconnect, Error, Interrupt};

/// Runs `copy` to its end, and fires `copying` once its request is to end: the
/// server shuts down, the client has gone, or somebody waits for an upload that the
/// request holds.
///
/// The copy looks at `copying` between its steps. It is not dropped, since it
/// would leave files behind.
pub(super) async fn with_request<T>(
    request: &Parts,
    copying: &Interrupt,
    copy: impl Future<Output = T>,
) -> T {
    let interrupt = request.extensions.get::<Interrupt>().cloned();
    let interrupt = interrupt.unwrap_or_default();
    let departure = request.extensions.get::<Disconnect>().cloned();
    let departure = departure.unwrap_or_default();
    let ends = async {
        let departed = async {
            copying.fire(departure.happened().await);
            pending().await
        };
        let interrupted = async {
            let cause = interrupt.fired().await;
            if ends_copy(request, &cause) {
                copying.fire(cause);
            }
            pending().await
        };
        first(departed, interrupted).await
    };
    first(copy, ends).await
}

/// HEAD of a pending final holds the lock of the final while it copies. If another
/// HEAD ended the copy, clients that poll would restart it without end.
fn ends_copy(request: &Parts, cause: &Error) -> bool {
    request.method != Method::HEAD || !matches!(cause, Error::Interrupted)
}
