//! What ends the copy of a final before it is whole.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use http::Method;
use http::request::Parts;

use crate::protocol::{Error, Interrupt};

/// Runs `copy` to its end, and fires `copying` once its request is to end: the
/// server shuts down, or somebody waits for an upload that the request holds.
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
    let mut copy = pin!(copy);
    poll_fn(|cx| {
        let copied = copy.as_mut().poll(cx);
        if copied.is_pending()
            && let Poll::Ready(cause) = interrupt.poll_fired(cx)
            && ends_copy(request, &cause)
        {
            copying.fire(cause);
        }
        copied
    })
    .await
}

/// Whoever asks for a pending final holds the final itself. If others who ask for
/// it ended its copy, it would begin again and again.
fn ends_copy(request: &Parts, cause: &Error) -> bool {
    request.method != Method::HEAD || !matches!(cause, Error::Interrupted)
}
