use std::task::{Context, Poll};

use http::{Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::asked::Asked;
use super::create::create;
use super::inside::Inside;
use super::settings::Settings;
use super::{RequestBody, ResponseFuture};
use crate::answer::Answer;
use crate::protocol::header::UPLOAD_CONCAT;
use crate::protocol::{BoxError, Concat, NewConcat, Role};

/// Middleware that makes uploads of other uploads.
///
/// See the [module docs](crate::concatenation) for an example.
#[derive(Clone, Debug)]
pub struct Concatenation<S> {
    inner: S,
    settings: Settings,
}

impl<S> Concatenation<S> {
    pub(super) const fn new(inner: S, settings: Settings) -> Self {
        Self { inner, settings }
    }

    /// What OPTIONS tells. CAT-01, CUF-01
    fn extensions(&self) -> &'static [&'static str] {
        match (self.settings.store.concatenator(), self.settings.unfinished) {
            (None, _) => &[],
            (Some(_), false) => &["concatenation"],
            (Some(_), true) => &["concatenation", "concatenation-unfinished"],
        }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Concatenation<S>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
    S: Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    ReqBody: Body + Send + 'static,
    ReqBody::Error: Into<BoxError>,
    ResBody: Default + Send + 'static,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let extensions = match *request.method() {
            Method::OPTIONS => self.extensions(),
            _ => &[],
        };
        ResponseFuture::new(self.answer(request), extensions)
    }
}

fn asks<B>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::HEAD | Method::GET)
}

impl<S> Concatenation<S> {
    fn answer<ReqBody, ResBody>(&mut self, mut request: Request<ReqBody>) -> Answer<S::Future>
    where
        S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
        S: Clone + Send + 'static,
        S::Future: Send,
        S::Error: Send,
        ReqBody: Body + Send + 'static,
        ReqBody::Error: Into<BoxError>,
        ResBody: Default + Send + 'static,
    {
        match *request.method() {
            _ if self.settings.store.concatenator().is_none() => {}
            Method::POST if request.headers().contains_key(&UPLOAD_CONCAT) => {
                let (mut parts, body) = request.into_parts();
                let (raw, asked) = match Asked::read(&parts, self.settings.max_parts) {
                    Ok(asked) => asked,
                    Err(error) => return Answer::refused(error),
                };
                if let Asked::Final(of) = asked {
                    let (inner, settings) = (self.ready(), self.settings.clone());
                    let request = Request::from_parts(parts, body);
                    return Answer::awaited(create(inner, settings, request, raw, of));
                }
                let role = Role::Partial { awaited_by: vec![] };
                parts.extensions.insert(NewConcat {
                    concat: Concat::new(role, Some(raw)),
                    length: None,
                });
                request = Request::from_parts(parts, body);
            }
            // What they do to one upload may be all that others have waited for.
            // Where no unfinished parts are taken any more, who asks for a final that
            // is pending from before completes it, and all others need not look.
            Method::HEAD | Method::GET | Method::PATCH | Method::DELETE
                if self.settings.unfinished || asks(&request) =>
            {
                let (request, body) = request.into_parts();
                let inside = Inside::new(self.ready(), self.settings.clone(), request);
                return Answer::awaited(inside.serve(RequestBody::new(body)));
            }
            _ => {}
        }
        Answer::Inner {
            future: self.inner.call(request.map(RequestBody::new)),
        }
    }

    /// The instance that was polled ready, which is the one to call.
    fn ready(&mut self) -> S
    where
        S: Clone,
    {
        let clone = self.inner.clone();
        std::mem::replace(&mut self.inner, clone)
    }
}
