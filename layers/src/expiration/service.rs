use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::{Method, Request, Response};
use tower_service::Service;

use super::lookout::Lookout;
use super::{Expiration, ResponseFuture};
use crate::context::{Context, Place, check_rejection};
use crate::gate::Gate;
use crate::inner::gives_inner;
use crate::protocol::{Body, Target};
use crate::ready::take_ready;
use crate::store::Store;

/// Middleware that tells clients when uploads expire, and refuses those that have.
///
/// See the [module docs](crate::expiration) for an example.
#[derive(Clone, Debug)]
pub struct ExpirationService<S> {
    inner: S,
    store: Arc<dyn Store>,
    expiration: Expiration,
}

gives_inner!(ExpirationService);

impl<S> ExpirationService<S> {
    pub(super) const fn new(inner: S, store: Arc<dyn Store>, expiration: Expiration) -> Self {
        Self {
            inner,
            store,
            expiration,
        }
    }
}

impl<S> Service<Request<Body>> for ExpirationService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if request.method() == Method::OPTIONS {
            // EXP-02
            return ResponseFuture::inner(self.inner.call(request)).announce("expiration");
        }
        Context::of_mut(request.extensions_mut()).pass(Place::Expiration);
        if let Err(error) = check_rejection(request.extensions()) {
            return ResponseFuture::refused(error);
        }
        let lookout = Arc::new(Lookout::new(
            Arc::clone(&self.store),
            self.expiration.clone(),
        ));
        let gate = Arc::clone(&lookout) as Arc<dyn Gate>;
        Context::of_mut(request.extensions_mut()).add_gate(gate);
        let (parts, body) = request.into_parts();
        let target = match Context::target(&parts) {
            Ok(Target::Upload(id)) => Some(id),
            Ok(Target::Collection) | Err(_) => None,
        };
        let method = parts.method.clone();
        let mut inner = take_ready(&mut self.inner);
        ResponseFuture::awaited(async move {
            let request = Request::from_parts(parts, body);
            let mut response = inner.call(request).await?;
            let target = target.as_ref();
            lookout.tell(&method, target, &mut response).await;
            Ok(response)
        })
    }
}
