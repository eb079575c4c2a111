//! What holds for every request and every upload, whatever a client sends.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use http::header::{ALLOW, CACHE_CONTROL, LOCATION, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri};
use tower::Service;
use tower_tus::layers::protocol::header::{
    TUS_RESUMABLE, TUS_VERSION, UPLOAD_LENGTH, UPLOAD_OFFSET,
};
use tower_tus::{Body, Error, Gate, MemoryStore, Outcome, Store, Upload, UploadId, async_trait};

use crate::world::{FINISHED, MAX_SIZE};

/// The promises of one world, and which of them were broken.
///
/// A panic inside the service would only end a task, so what is found is noted here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promises(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    told: BTreeMap<UploadId, Told>,
    broken: Vec<String>,
}

/// What clients know of an id.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// How many uploads have had this id.
    life: u32,
    /// The largest offset of the last one.
    offset: u64,
}

impl Promises {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an upload that exists.
    pub(crate) fn add(&self, id: &UploadId) {
        let mut noted = self.noted();
        let told = noted.told.entry(id.clone()).or_default();
        *told = Told {
            life: told.life + 1,
            offset: 0,
        };
    }

    /// Panics if a promise was broken.
    pub(crate) async fn check(&self, store: &MemoryStore) {
        let told = {
            let noted = self.noted();
            assert!(noted.broken.is_empty(), "{:#?}", noted.broken);
            noted.told.clone()
        };
        for (id, Told { offset: told, .. }) in told {
            let Ok(handle) = store.open(&id).await else {
                continue;
            };
            let (upload, bytes) = (handle.info(), store.bytes(&id).unwrap_or_default());
            let offset = upload.offset.get();
            assert_eq!(bytes.len() as u64, offset, "{id}: what is stored counts");
            assert!(offset <= MAX_SIZE, "{id}: {offset} is too large");
            let length = upload.length.map_or(MAX_SIZE, |length| length.get());
            assert!(offset <= length, "{id}: {offset} of {length} bytes");
            assert!(told <= offset, "{id}: {told} was told, {offset} is there");
            if id.as_str() == FINISHED.0 && upload.metadata.is_empty() {
                assert_eq!(bytes, FINISHED.1, "a finished upload does not change");
            }
        }
    }
}

impl Noted {
    /// Looks at one response.
    fn see(&mut self, asked: &Asked, response: &Response<Body>) {
        if response.extensions().get::<NotOurs>().is_some() {
            return;
        }
        let wrong = wrong(&asked.method, response);
        self.broken
            .extend(wrong.map(|what| format!("{asked}: {what}: {response:?}")));
        let offset = number(response.headers(), &UPLOAD_OFFSET);
        if let (Some(outcome), Some(offset)) = (Outcome::of(response.extensions()), offset) {
            self.follow(asked, &outcome.upload.id, offset);
        }
    }

    /// An offset that was told before a request began is never told to be less.
    fn follow(&mut self, asked: &Asked, id: &UploadId, offset: u64) {
        let before = asked.told.get(id).copied().unwrap_or_default();
        let told = self.told.entry(id.clone()).or_default();
        // Another upload may have got this id meanwhile.
        if asked.method != Method::POST && before.life != told.life {
            return;
        }
        told.offset = told.offset.max(offset);
        if offset < before.offset && before.life == told.life {
            let back = format!("{id} went back from {} to {offset}: {asked}", before.offset);
            self.broken.push(back);
        }
    }
}

/// Returns what is wrong with a response of the stack.
fn wrong(method: &Method, response: &Response<Body>) -> Option<&'static str> {
    let (status, headers) = (response.status(), response.headers());
    let has = |name| headers.contains_key(name);
    let offset = number(headers, &UPLOAD_OFFSET);
    let length = number(headers, &UPLOAD_LENGTH);
    let is_head = *method == Method::HEAD;
    let code = response.extensions().get().map(Error::code);
    let rules = [
        (!is_meant(response), "this status is not meant"),
        (
            headers.get(&TUS_RESUMABLE).is_none_or(|it| it != "1.0.0"),
            "no version",
        ),
        (!has(X_CONTENT_TYPE_OPTIONS), "a browser may guess the type"),
        (
            has(UPLOAD_OFFSET.clone()) && offset.is_none(),
            "the offset is no number",
        ),
        (
            has(UPLOAD_LENGTH.clone()) && length.is_none(),
            "the length is no number",
        ),
        (
            offset
                .zip(length)
                .is_some_and(|(offset, length)| offset > length),
            "more than the whole",
        ),
        (
            status == StatusCode::CREATED && !has(LOCATION),
            "created, but where?",
        ),
        (
            status == StatusCode::METHOD_NOT_ALLOWED && !has(ALLOW),
            "no method is allowed",
        ),
        (
            code == Some("ERR_UNSUPPORTED_VERSION") && !has(TUS_VERSION.clone()),
            "no version is supported",
        ),
        (
            is_head && status.is_success() && !has(CACHE_CONTROL),
            "a cache may keep an offset",
        ),
    ];
    rules
        .into_iter()
        .find_map(|(broken, what)| broken.then_some(what))
}

/// Whether a request can have this answer: never a failure of the server, except where
/// the client has gone or sends what is no message.
fn is_meant(response: &Response<Body>) -> bool {
    let status = response.status().as_u16();
    let code = response.extensions().get().map(Error::code);
    match status {
        200 | 201 | 204 | 206 | 304 | 400..=499 => true,
        500 => matches!(code, Some("ERR_CONNECTION_RESET" | "ERR_BODY_READ")),
        501 => matches!(
            code,
            Some("ERR_NOT_IMPLEMENTED" | "ERR_UNSUPPORTED_TRANSFER_ENCODING")
        ),
        _ => false,
    }
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// New uploads are noted as they are created.
#[async_trait]
impl Gate for Promises {
    async fn created(&self, _: &Parts, upload: &Upload) {
        self.add(&upload.id);
    }
}

/// What a client asked for.
struct Asked {
    method: Method,
    uri: Uri,
    /// What was told before.
    told: BTreeMap<UploadId, Told>,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.uri)
    }
}

/// A service whose responses are looked at.
#[derive(Clone, Debug)]
pub(crate) struct Kept<S> {
    inner: S,
    promises: Promises,
}

impl<S> Kept<S> {
    pub(crate) const fn new(inner: S, promises: Promises) -> Self {
        Self { inner, promises }
    }
}

impl<S> Service<Request<Body>> for Kept<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let promises = self.promises.clone();
        let asked = Asked {
            method: request.method().clone(),
            uri: request.uri().clone(),
            told: promises.noted().told.clone(),
        };
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await?;
            promises.noted().see(&asked, &response);
            Ok(response)
        })
    }
}

/// Answers 404 to what is no upload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elsewhere;

/// Marks the responses of [`Elsewhere`].
#[derive(Clone, Copy, Debug)]
struct NotOurs;

impl Service<Request<Body>> for Elsewhere {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let mut response = Response::new(Body::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response.extensions_mut().insert(NotOurs);
        ready(Ok(response))
    }
}
