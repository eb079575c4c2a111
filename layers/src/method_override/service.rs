use std::task::{Context as TaskContext, Poll};

use http::{HeaderMap, Method, Request};
use tower_service::Service;

use crate::context::{Context, Place};
use crate::inner::gives_inner;
use crate::protocol::header::X_HTTP_METHOD_OVERRIDE;

/// Middleware that lets a header say what the method is.
///
/// See the [module docs](crate::method_override) for an example.
#[derive(Clone, Copy, Debug)]
pub struct MethodOverride<S> {
    inner: S,
}

gives_inner!(MethodOverride);

impl<S> MethodOverride<S> {
    /// `inner`, which sees the method that the client means.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

/// The method that the header names, if it is there. CORE-15
fn told(headers: &HeaderMap) -> Option<Method> {
    let mut values = headers.get_all(&X_HTTP_METHOD_OVERRIDE).iter();
    let method = match (values.next()?, values.next()) {
        (value, None) => Method::from_bytes(value.as_bytes()).ok(),
        _ => None,
    };
    Some(method.unwrap_or_else(no_method))
}

/// A method that no resource takes, in place of one that cannot be read.
fn no_method() -> Method {
    Method::from_bytes(b"MALFORMED").expect("it is a token")
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
        if let Some(method) = told(request.headers()) {
            *request.method_mut() = method; // CORE-16
        }
        self.inner.call(request)
    }
}
