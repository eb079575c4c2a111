use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Returns the output of whichever future completes first, and drops the other.
pub(crate) async fn first<T>(a: impl Future<Output = T>, b: impl Future<Output = T>) -> T {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| match a.as_mut().poll(cx) {
        Poll::Pending => b.as_mut().poll(cx),
        ready @ Poll::Ready(_) => ready,
    })
    .await
}

/// Runs two futures at once, until both have completed.
pub(crate) async fn both(a: impl Future<Output = ()>, b: impl Future<Output = ()>) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut a_runs, mut b_runs) = (true, true);
    poll_fn(|cx| {
        a_runs = a_runs && a.as_mut().poll(cx).is_pending();
        b_runs = b_runs && b.as_mut().poll(cx).is_pending();
        match a_runs || b_runs {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    })
    .await;
}
