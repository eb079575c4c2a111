use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Method, Request, Response};
use tower_service::Service;

use super::{BasePath, ResponseFuture};
use crate::answer::Answer;
use crate::protocol::{BaseUrl, Error, Target};

/// Middleware that finds out what a request is about.
///
/// See the [module docs](crate::route) for an example.
#[derive(Clone, Debug)]
pub struct Route<S> {
    inner: S,
    table: Arc<Table>,
}

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

    /// What the request is about, when its method is one for that.
    fn find<B>(&self, request: &Request<B>) -> Result<Target, Error> {
        let path = request.uri().path();
        let rest = self.base.strip(path).unwrap_or(path);
        let target = Target::from_path(rest).map_err(|_| Error::NotFound)?;
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

    /// Tells those inside what was found.
    fn route<B>(&self, request: &mut Request<B>) -> Result<(), Error> {
        // OPTIONS asks what the server can do, on any path.
        if request.method() == Method::OPTIONS {
            return Ok(());
        }
        let target = self.find(request)?;
        let extensions = request.extensions_mut();
        extensions.get_or_insert_with(|| self.base_url.clone());
        extensions.insert(target);
        Ok(())
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Route<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Default,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        ResponseFuture::new(match self.table.route(&mut request) {
            Ok(()) => Answer::Inner {
                future: self.inner.call(request),
            },
            Err(error) => Answer::refused(error),
        })
    }
}
