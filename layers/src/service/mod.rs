//! The minimal core: POST, HEAD, PATCH and DELETE over a [`Store`].
//!
//! [`Core`] is the innermost service. It implements `creation`,
//! `creation-defer-length` and `termination` as far as the store supports them,
//! and refuses requests with an empty body and the typed [`Error`] in the
//! response's extensions. It does not handle versions, locks or paths, except
//! for the [`Target`] that Route sets.
//!
//! It reads the target, the base URL, the maximum size, the write mode, the
//! gates, the interrupt, the concatenation and the rollback from the request's
//! [`Context`].
//!
//! # Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::ServiceExt;
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let core = Core::new(MemoryStore::default());
//! let create = Request::post("/").header("Upload-Length", "11").body(Body::default())?;
//! let response = core.oneshot(create).await?;
//! assert_eq!(response.status(), StatusCode::CREATED);
//! assert!(response.headers().contains_key("Location"));
//! # Ok(())
//! # }
//! ```

mod append;
mod capped;
mod create;
mod finish;
mod inspect;
mod metadata;
mod terminate;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use headers::HeaderMapExt;
use http::request::Parts;
use http::{Method, Request, Response};
use tower_service::Service;

use self::finish::is_due;
use self::metadata::MetadataLimit;
use crate::context::{Context, check_rejection};
use crate::protocol::header::announce;
use crate::protocol::{
    Action, Body, Error, Outcome, ResponseOverride, Strictness, Target, Upload, UploadId,
};
use crate::store::{Handle, Store, Terminator};

/// The innermost service: the protocol's methods over a store.
///
/// See the [module docs](crate::service) for an example.
#[derive(Clone, Debug)]
pub struct Core {
    store: Arc<dyn Store>,
    finish_attempts: u32,
    terminates: bool,
    defers_length: bool,
    metadata_limit: MetadataLimit,
    strictness: Strictness,
}

impl Core {
    /// Creates a core over `store`.
    pub fn new(store: impl Store) -> Self {
        Self::shared(Arc::new(store))
    }

    /// Creates a core over a shared store.
    #[must_use]
    pub fn shared(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            finish_attempts: 10,
            terminates: true,
            defers_length: true,
            metadata_limit: MetadataLimit::default(),
            strictness: Strictness::Strict,
        }
    }

    /// Wraps the core's store with `wrap`.
    #[must_use]
    pub fn map_store(mut self, wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>) -> Self {
        self.store = wrap(self.store);
        self
    }

    /// Returns the store, for layers that share it.
    #[must_use]
    pub const fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Limits how often a gate may refuse to finish a complete upload before
    /// the upload is rejected permanently: 10 by default, 0 means unlimited.
    /// Failures of a gate or of the store do not count.
    #[must_use]
    pub fn finish_attempts(mut self, attempts: u32) -> Self {
        self.finish_attempts = attempts;
        self
    }

    /// Returns how often a gate may [refuse](Self::finish_attempts) to finish an
    /// upload, for layers that share this limit.
    #[must_use]
    pub const fn max_finish_attempts(&self) -> u32 {
        self.finish_attempts
    }

    /// Disables termination even if the store supports it: DELETE answers 405,
    /// and `termination` is not announced. Enabled by default.
    #[must_use]
    pub fn without_termination(mut self) -> Self {
        self.terminates = false;
        self
    }

    /// Disables deferred lengths even if the store supports them: a creation
    /// without a length is refused, and `creation-defer-length` is not
    /// announced. Existing uploads are not affected. Enabled by default.
    #[must_use]
    pub fn without_deferred_length(mut self) -> Self {
        self.defers_length = false;
        self
    }

    /// Sets the maximum size of `Upload-Metadata` in bytes: 64 KiB by default. A
    /// creation with more is refused with 431.
    #[must_use]
    pub fn max_metadata_size(mut self, bytes: usize) -> Self {
        self.metadata_limit.bytes = bytes;
        self
    }

    /// Sets the maximum number of pairs in `Upload-Metadata`: 1,000 by default. A
    /// creation with more is refused with 431.
    #[must_use]
    pub fn max_metadata_pairs(mut self, pairs: usize) -> Self {
        self.metadata_limit.pairs = pairs;
        self
    }

    /// Accepts malformed creations like tusd: skips malformed pairs of
    /// metadata, and ignores a body of another type. Strict by default.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.strictness = Strictness::Lenient;
        self
    }

    /// Returns the methods that the core allows for an upload; layers may add
    /// others.
    #[must_use]
    pub fn upload_methods(&self) -> Vec<Method> {
        let mut methods = vec![Method::HEAD, Method::PATCH];
        if self.termination().is_some() {
            methods.push(Method::DELETE);
        }
        methods
    }

    // CORE-01
    async fn answer(&self, parts: &Parts, body: Body) -> Response<Body> {
        if let Err(error) = check_rejection(&parts.extensions) {
            return error.into_response();
        }
        let mut response = match Context::target(parts) {
            _ if parts.method == Method::OPTIONS => self.describe(),
            Ok(Target::Collection) if parts.method == Method::POST => {
                self.create(parts, body).await
            }
            Ok(Target::Collection) => Error::method_not_allowed(&[Method::POST]).into_response(),
            Ok(Target::Upload(id)) => match parts.method {
                Method::HEAD => self.inspect(parts, &id).await,
                Method::PATCH => self.append(parts, body, &id).await,
                Method::DELETE => self.terminate(parts, &id).await,
                _ => self.method_not_allowed(),
            },
            Err(_) => Error::NotFound.into_response(),
        };
        if parts.method == Method::HEAD {
            // CORE-22
            response
                .headers_mut()
                .typed_insert(headers::CacheControl::new().with_no_store());
        }
        response
    }

    /// Announces the extensions that the core and its store support.
    // CRE-02, DEF-01, TERM-01
    fn describe(&self) -> Response<Body> {
        let mut response = Response::default();
        announce(response.headers_mut(), "creation");
        if self.termination().is_some() {
            announce(response.headers_mut(), "termination");
        }
        if self.may_defer_length() {
            announce(response.headers_mut(), "creation-defer-length");
        }
        response
    }

    /// Returns the store's terminator, unless there is none or termination is
    /// disabled.
    fn termination(&self) -> Option<&dyn Terminator> {
        self.store.terminator().filter(|_| self.terminates)
    }

    fn may_defer_length(&self) -> bool {
        self.defers_length && self.store.defers_length()
    }

    fn method_not_allowed(&self) -> Response<Body> {
        Error::method_not_allowed(&self.upload_methods()).into_response()
    }

    /// Opens an upload, unless a gate refuses or the upload has failed.
    async fn open(
        &self,
        parts: &Parts,
        id: &UploadId,
        action: Action,
    ) -> Result<Box<dyn Handle>, Error> {
        let context = Context::of(&parts.extensions);
        let mut handle = match context.take_handed_over(id) {
            Some(handle) => handle,
            None => self.store.open(id).await?,
        };
        // HEAD only observes an upload, unless it has to finish it.
        if is_due(handle.info()) && context.lock_to_change(id).await? {
            handle = self.store.open(id).await?;
        }
        // First, so that no stranger learns about the upload.
        if !context.is_internal() {
            admit(parts, handle.info(), action).await?;
        }
        match handle.info().is_failed() {
            true => Err(Error::UploadFailed),
            false => Ok(handle),
        }
    }
}

/// Asks every gate whether the action is allowed.
async fn admit(parts: &Parts, upload: &Upload, action: Action) -> Result<(), Error> {
    for gate in Context::of(&parts.extensions).gates() {
        gate.opened(parts, upload, action).await?;
    }
    Ok(())
}

/// Builds the response to a request that reached an upload, with its outcome.
fn respond(result: Result<Response<Body>, Error>, outcome: Outcome) -> Response<Body> {
    let mut response = result.unwrap_or_else(Error::into_response);
    response.extensions_mut().insert(outcome);
    response
}

/// Changes a response by the answer to the finish of its upload, here or in the layer
/// outside that does so.
fn give(answer: ResponseOverride, response: &mut Response<Body>, parts: &Parts) {
    let place = Context::of(&parts.extensions).overrides();
    answer.settle(response, &parts.method, place);
}

impl Service<Request<Body>> for Core {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    #[inline]
    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        let core = self.clone();
        let (parts, body) = request.into_parts();
        ResponseFuture(Box::pin(async move { core.answer(&parts, body).await }))
    }
}

/// The response future of [`Core`].
pub struct ResponseFuture(Pin<Box<dyn Future<Output = Response<Body>> + Send>>);

impl Future for ResponseFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
