//! Ends the copy of a final early.

use std::future::{Future, pending};

use http::Method;
use http::request::Parts;

use crate::context::Context;
use crate::protocol::{Error, Interrupt};
use crate::race::first;

/// Runs `copy` to its end. Fires `copying` when the request should end: the server
/// shuts down, the client has disconnected, or another request waits for an upload
/// that this one has locked.
///
/// The copy checks `copying` between its steps. It is never dropped, since that would
/// leave files behind.
pub(super) async fn with_request<T>(
    request: &Parts,
    copying: &Interrupt,
    copy: impl Future<Output = T>,
) -> T {
    let context = Context::of(&request.extensions);
    let (interrupt, disconnect) = (context.interrupt(), context.disconnect());
    let ends = async {
        let disconnected = async {
            copying.fire(disconnect.happened().await);
            pending().await
        };
        let interrupted = async {
            let cause = interrupt.fired().await;
            if ends_copy(request, &cause) {
                copying.fire(cause);
            }
            pending().await
        };
        first(disconnected, interrupted).await
    };
    first(copy, ends).await
}

/// HEAD of a pending final holds the final's lock while it copies. If another HEAD
/// ended the copy, clients that poll would restart it forever.
fn ends_copy(request: &Parts, cause: &Error) -> bool {
    request.method != Method::HEAD || !matches!(cause, Error::Interrupted)
}
