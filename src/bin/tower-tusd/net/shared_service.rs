//! A service that is called without being cloned.

use std::mem;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tower::util::Oneshot;
use tower::{Service, ServiceExt};

/// The service of a connection over HTTP/1, which has one request at a time.
///
/// A clone of the stack takes several allocations, so only a service that is not ready
/// is cloned.
pub(super) struct SharedService<S>(Mutex<S>);

impl<S: Clone> SharedService<S> {
    pub(super) const fn new(service: S) -> Self {
        Self(Mutex::new(service))
    }

    pub(super) fn call<R>(&self, request: R) -> Call<S, R>
    where
        S: Service<R>,
    {
        let mut service = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Poll::Ready(Ok(())) = service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            let future = service.call(request);
            return Call::Called { future };
        }
        // What was polled may have its place in a queue, so it is the one that waits.
        let clone = service.clone();
        let waiting = mem::replace(&mut *service, clone);
        let future = Box::pin(waiting.oneshot(request));
        Call::Waits { future }
    }
}

pin_project_lite::pin_project! {
    /// The response future of [`SharedService`].
    #[project = Projected]
    pub(super) enum Call<S, R>
    where
        S: Service<R>,
    {
        Called { #[pin] future: S::Future },
        Waits { future: Pin<Box<Oneshot<S, R>>> },
    }
}

impl<S: Service<R>, R> Future for Call<S, R> {
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projected::Called { future } => future.poll(cx),
            Projected::Waits { future } => future.as_mut().poll(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use tokio::time::timeout;
    use tower::limit::ConcurrencyLimit;
    use tower::service_fn;

    use super::*;

    #[tokio::test]
    async fn a_service_that_is_not_ready_is_waited_for() {
        let double = service_fn(async |number: u32| Ok::<_, Infallible>(2 * number));
        let service = SharedService::new(ConcurrencyLimit::new(double, 1));
        let first = service.call(1);
        let mut second = Box::pin(service.call(2));
        let wait = timeout(Duration::from_millis(20), &mut second);
        assert!(wait.await.is_err(), "only one may run");
        assert_eq!(first.await, Ok(2));
        let second = timeout(Duration::from_secs(10), second).await;
        assert_eq!(second.unwrap(), Ok(4));
    }
}
