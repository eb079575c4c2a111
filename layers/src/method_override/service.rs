use std::task::{Context as TaskContext, Poll};

use http::{HeaderMap, Method, Request};
use tower_service::Service;

use crate::context::{Context, Place};
use crate::inner::gives_inner;
use crate::protocol::header::X_HTTP_METHOD_OVERRIDE;

/// Middleware that takes the method from a header.
///
/// See the [module docs](crate::method_override) for an example.
#[derive(Clone, Copy, Debug)]
pub struct MethodOverride<S> {
    inner: S,
}

gives_inner!(MethodOverride);

impl<S> MethodOverride<S> {
    /// Wraps `inner`, and replaces the method of its requests.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

/// Returns the method that the header names, if present.
// CORE-15
fn named_method(headers: &HeaderMap) -> Option<Method> {
    let mut values = headers.get_all(&X_HTTP_METHOD_OVERRIDE).iter();
    let method = match (values.next()?, values.next()) {
        (value, None) => Method::from_bytes(value.as_bytes()).ok(),
        _ => None,
    };
    Some(method.unwrap_or_else(no_method))
}

/// The method that replaces an invalid one; no resource allows it.
fn no_method() -> Method {
    Method::from_bytes(b"MALFORMED").expect("MALFORMED is a token")
}

impl<S, ReqBody> Service<Request<ReqBody>> for MethodOverride<S>
where
    S: Service<Request<ReqBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> S::Future {
        Context::of_mut(request.extensions_mut()).pass(Place::MethodOverride);
        if let Some(method) = named_method(request.headers()) {
            *request.method_mut() = method; // CORE-16
        }
        self.inner.call(request)
    }
}
