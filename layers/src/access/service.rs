use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::request::Parts;
use http::{Method, Request, Response};
use tower_service::Service;

use super::parts::PartsGate;
use super::{Access, AccessRequest, ResponseFuture};
use crate::context::{Context, Place, check_rejection};
use crate::inner::gives_inner;
use crate::protocol::header::UPLOAD_CONCAT;
use crate::protocol::{Action, Body, Error, Target, UploadId};
use crate::ready::take_ready;
use crate::store::Store;

/// Middleware that asks a policy before a request reaches an upload.
///
/// See the [module docs](crate::access) for an example.
#[derive(Clone)]
pub struct AccessService<S> {
    inner: S,
    store: Arc<dyn Store>,
    policy: Arc<dyn Access>,
}

gives_inner!(AccessService);

impl<S> AccessService<S> {
    pub(super) fn new(inner: S, store: Arc<dyn Store>, policy: Arc<dyn Access>) -> Self {
        Self {
            inner,
            store,
            policy,
        }
    }
}

/// What a request asks for, of which upload.
fn asked(parts: &Parts) -> Result<(Action, Option<UploadId>), Error> {
    const OF_UPLOADS: &[Method] = &[Method::HEAD, Method::GET, Method::PATCH, Method::DELETE];
    let id = match Context::target(parts).map_err(|_| Error::NotFound)? {
        Target::Collection if parts.method == Method::POST => return Ok((Action::Create, None)),
        Target::Collection => return Err(Error::method_not_allowed(&[Method::POST])),
        Target::Upload(id) => id,
    };
    let action = match parts.method {
        Method::HEAD => Action::Inspect,
        Method::GET => Action::Read,
        Method::PATCH => Action::Append,
        Method::DELETE => Action::Terminate,
        // A method that nobody was asked about does not pass.
        _ => return Err(Error::method_not_allowed(OF_UPLOADS)),
    };
    Ok((action, Some(id)))
}

impl<S> Service<Request<Body>> for AccessService<S>
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let rolls_back = Context::of(request.extensions()).rollback().is_some();
        if rolls_back || request.method() == Method::OPTIONS {
            return ResponseFuture::inner(self.inner.call(request));
        }
        let (mut parts, body) = request.into_parts();
        Context::of_mut(&mut parts.extensions).pass(Place::Access);
        let asked = check_rejection(&parts.extensions).and_then(|()| asked(&parts));
        let (action, id) = match asked {
            Ok(asked) => asked,
            Err(error) => return ResponseFuture::refused(error),
        };
        let (store, policy) = (Arc::clone(&self.store), Arc::clone(&self.policy));
        let mut inner = take_ready(&mut self.inner);
        ResponseFuture::awaited(async move {
            let sent = Arc::new(parts);
            let question = AccessRequest::new(action, id, Arc::clone(&sent), Arc::clone(&store));
            if let Err(error) = policy.check(&question).await {
                return Ok(error.into_response());
            }
            drop(question);
            let parts = match sent.headers.contains_key(&UPLOAD_CONCAT) {
                true => with_gate(policy, store, sent),
                false => Arc::unwrap_or_clone(sent),
            };
            inner.call(Request::from_parts(parts, body)).await
        })
    }
}

/// Adds a gate that calls the policy for each part of a final upload.
fn with_gate(policy: Arc<dyn Access>, store: Arc<dyn Store>, request: Arc<Parts>) -> Parts {
    let mut parts = Parts::clone(&request);
    let gate = PartsGate {
        policy,
        store,
        request,
    };
    Context::of_mut(&mut parts.extensions).add_gate(Arc::new(gate));
    parts
}

impl<S: fmt::Debug> fmt::Debug for AccessService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
