use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use super::Reply;
use crate::protocol::BoxError;

/// Calls a hook, and turns a panic into an error.
pub(crate) async fn caught<F>(call: impl FnOnce() -> F) -> Result<Reply, BoxError>
where
    F: Future<Output = Result<Reply, BoxError>>,
{
    // Unwind safe: the future is not polled again, and its state belongs to the
    // hook.
    let future = catch_unwind(AssertUnwindSafe(call)).map_err(|panic| panicked(&*panic))?;
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(&*panic))))
    })
    .await
}

fn panicked(panic: &(dyn Any + Send)) -> BoxError {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("no message")).into()
}
