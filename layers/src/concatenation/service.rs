use std::task::{Context as TaskContext, Poll};

use http::{Method, Request, Response};
use tower_service::Service;

use super::ResponseFuture;
use super::concat_header::ConcatHeader;
use super::create::create;
use super::inside::Inside;
use super::settings::Settings;
use crate::context::{Context, Place};
use crate::inner::gives_inner;
use crate::protocol::header::UPLOAD_CONCAT;
use crate::protocol::{Body, Concat, NewConcat, Role};
use crate::ready::take_ready;

/// Middleware that builds uploads out of other uploads.
///
/// See the [module docs](crate::concatenation) for an example.
#[derive(Clone, Debug)]
pub struct Concatenation<S> {
    inner: S,
    settings: Settings,
}

gives_inner!(Concatenation);

impl<S> Concatenation<S> {
    pub(super) const fn new(inner: S, settings: Settings) -> Self {
        Self { inner, settings }
    }
}

impl<S> Service<Request<Body>> for Concatenation<S>
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
        Context::of_mut(request.extensions_mut()).pass(Place::Concatenation);
        match *request.method() {
            _ if self.settings.store.concatenator().is_none() => {}
            Method::OPTIONS => return self.describe(request),
            Method::POST if request.headers().contains_key(&UPLOAD_CONCAT) => {
                return self.create(request);
            }
            // These may finish or terminate a part that finals wait for. If
            // unfinished parts are not accepted (any more), HEAD and GET still
            // complete older finals, and the other methods pass.
            Method::HEAD | Method::GET | Method::PATCH | Method::DELETE
                if self.settings.unfinished || asks(&request) =>
            {
                let (request, body) = request.into_parts();
                let inner = take_ready(&mut self.inner);
                let inside = Inside::new(inner, self.settings.clone(), request);
                return ResponseFuture::awaited(inside.serve(body));
            }
            _ => {}
        }
        ResponseFuture::inner(self.inner.call(request))
    }
}

fn asks(request: &Request<Body>) -> bool {
    matches!(*request.method(), Method::HEAD | Method::GET)
}

impl<S> Concatenation<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    /// Announces the extensions on OPTIONS.
    // CAT-01, CUF-01
    fn describe(&mut self, request: Request<Body>) -> ResponseFuture<S::Future> {
        let future = ResponseFuture::inner(self.inner.call(request)).announce("concatenation");
        match self.settings.unfinished {
            true => future.announce("concatenation-unfinished"),
            false => future,
        }
    }

    /// Handles a creation with `Upload-Concat`.
    fn create(&mut self, request: Request<Body>) -> ResponseFuture<S::Future> {
        let (mut parts, body) = request.into_parts();
        let (raw, asked) = match ConcatHeader::read(&parts, self.settings.max_parts) {
            Ok(asked) => asked,
            Err(error) => return ResponseFuture::refused(error),
        };
        if let ConcatHeader::Final(of) = asked {
            let (inner, settings) = (take_ready(&mut self.inner), self.settings.clone());
            let request = Request::from_parts(parts, body);
            return ResponseFuture::awaited(create(inner, settings, request, raw, of));
        }
        let role = Role::Partial { awaited_by: vec![] };
        Context::of_mut(&mut parts.extensions).set_concat(NewConcat {
            concat: Concat::new(role, Some(raw)),
            length: None,
        });
        ResponseFuture::inner(self.inner.call(Request::from_parts(parts, body)))
    }
}
