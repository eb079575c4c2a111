//! A stack without its type.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;
use tower_tus_layers::protocol::Body;

use crate::service::ResponseFuture;

/// The rest of the stack, inside a layer of yours.
pub struct Next {
    template: Arc<dyn Template>,
    /// The instance that was polled ready, and is the one to call.
    ready: Option<Box<dyn Instance>>,
}

impl Next {
    pub(crate) fn new<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        Self {
            template: Arc::new(service),
            ready: None,
        }
    }

    fn instance(&mut self) -> &mut dyn Instance {
        let Self { template, ready } = self;
        &mut **ready.get_or_insert_with(|| template.instance())
    }
}

/// Layers clone what is inside them, to leave a clone behind. Most clones are never
/// called, so the layers inside are cloned only when one of them is.
impl Clone for Next {
    fn clone(&self) -> Self {
        Self {
            template: Arc::clone(&self.template),
            ready: None,
        }
    }
}

impl Service<Request<Body>> for Next {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.instance().poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        self.instance().call(request)
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}

/// A service to clone.
trait Template: Send + Sync {
    fn instance(&self) -> Box<dyn Instance>;
}

/// A service to call.
trait Instance: Send + Sync {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>>;
    fn call(&mut self, request: Request<Body>) -> ResponseFuture;
}

impl<S> Template for S
where
    S: Instance + Clone + 'static,
{
    fn instance(&self) -> Box<dyn Instance> {
        Box::new(self.clone())
    }
}

impl<S> Instance for S
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send + Sync,
    S::Future: Send + 'static,
{
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::poll_ready(self, cx)
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        ResponseFuture::new(Box::pin(Service::call(self, request)))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use http::{Request, Response};
    use tower::{Service, ServiceExt};
    use tower_tus_layers::protocol::Body;

    use super::Next;

    /// A service that is ready at its second poll, and counts its clones.
    struct Counted {
        clones: Arc<AtomicUsize>,
        is_ready: bool,
    }

    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.clones.fetch_add(1, Ordering::SeqCst);
            Self {
                clones: Arc::clone(&self.clones),
                is_ready: false,
            }
        }
    }

    impl Service<Request<Body>> for Counted {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            if !std::mem::replace(&mut self.is_ready, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            assert!(self.is_ready, "another instance was polled ready");
            self.is_ready = false;
            std::future::ready(Ok(Response::default()))
        }
    }

    #[tokio::test]
    async fn only_an_instance_that_is_called_is_cloned_and_it_is_the_one_that_is_ready() {
        let clones = Arc::new(AtomicUsize::new(0));
        let mut next = Next::new(Counted {
            clones: Arc::clone(&clones),
            is_ready: false,
        });
        drop(next.clone());
        assert_eq!(clones.load(Ordering::SeqCst), 0);
        for _ in 0..2 {
            let Ok(ready) = next.ready().await;
            let left = ready.clone();
            let mut called = std::mem::replace(ready, left);
            let Ok(_) = called.call(Request::default()).await;
        }
        assert_eq!(clones.load(Ordering::SeqCst), 2);
        let Ok(_) = next.oneshot(Request::default()).await;
        assert_eq!(clones.load(Ordering::SeqCst), 3);
    }
}
