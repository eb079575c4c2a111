use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::{Method, Request, Response};
use tower_service::Service;

use super::{BasePath, ResponseFuture};
use crate::context::{Context, Place, check_rejection};
use crate::inner::gives_inner;
use crate::protocol::{BaseUrl, Body, Error, Target};

/// Middleware that finds the resource of a request.
///
/// See the [module docs](crate::route) for an example.
#[derive(Clone, Debug)]
pub struct Route<S> {
    inner: S,
    table: Arc<Table>,
}

gives_inner!(Route);

impl<S> Route<S> {
    pub(super) const fn new(inner: S, table: Arc<Table>) -> Self {
        Self { inner, table }
    }
}

#[derive(Debug)]
pub(super) struct Table {
    base: BasePath,
    base_url: BaseUrl,
    upload_methods: Vec<Method>,
}

impl Table {
    pub(super) fn new(base: BasePath, upload_methods: Vec<Method>) -> Self {
        Self {
            base_url: BaseUrl::new(base.as_str()),
            base,
            upload_methods,
        }
    }

    /// Finds the resource, and checks that it allows the request's method.
    fn find<B>(&self, request: &Request<B>) -> Result<Target, Error> {
        let path = request.uri().path();
        let rest = self.base.strip(path).unwrap_or(path);
        let context = Context::of(request.extensions());
        let target = context.target_at(rest).map_err(|_| Error::NotFound)?;
        let methods = match target {
            Target::Collection => &[Method::POST],
            Target::Upload(_) => &self.upload_methods[..],
        };
        if methods.contains(request.method()) {
            Ok(target)
        } else {
            Err(Error::method_not_allowed(methods))
        }
    }

    /// Puts the resource into the request's context.
    fn route<B>(&self, request: &mut Request<B>) -> Result<(), Error> {
        Context::of_mut(request.extensions_mut()).pass(Place::Route);
        check_rejection(request.extensions())?;
        // OPTIONS asks what the server supports, on any path.
        if request.method() == Method::OPTIONS {
            return Ok(());
        }
        let target = self.find(request)?;
        let is_below = self.base.strip(request.uri().path()).is_some();
        let context = Context::of_mut(request.extensions_mut());
        if !context.has_base_url() {
            let url = match context.stripped_prefix() {
                None => self.base_url.clone(),
                Some(prefix) if is_below => {
                    BaseUrl::new(&format!("{prefix}{}", self.base.as_str()))
                }
                // The host has stripped the whole way to the uploads.
                Some(prefix) => BaseUrl::new(prefix),
            };
            context.set_base_url(url);
        }
        context.set_target(target);
        Ok(())
    }
}

impl<S> Service<Request<Body>> for Route<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.table.route(&mut request) {
            Ok(()) => ResponseFuture::inner(self.inner.call(request)),
            Err(error) => ResponseFuture::refused(error),
        }
    }
}
