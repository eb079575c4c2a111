use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::Gate;
use crate::context::Context;
use crate::inner::gives_inner;

/// Middleware that adds gates to each request, for the core to call.
///
/// See the [module docs](crate::gate) for an example.
#[derive(Clone, Debug)]
pub struct GateService<S> {
    inner: S,
    gates: Arc<[Arc<dyn Gate>]>,
}

gives_inner!(GateService);

impl<S> GateService<S> {
    /// Wraps `inner`, and adds `gates` to each request in this order.
    pub fn new(inner: S, gates: Arc<[Arc<dyn Gate>]>) -> Self {
        Self { inner, gates }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for GateService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = S::Future;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> S::Future {
        let context = Context::of_mut(request.extensions_mut());
        for gate in &*self.gates {
            context.add_gate(Arc::clone(gate));
        }
        self.inner.call(request)
    }
}
