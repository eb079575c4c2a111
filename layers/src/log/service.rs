use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::{Method, Request, Response};
use tower_service::Service;
use tracing::{Level, Span};

use super::ResponseFuture;
use crate::context::Context;
use crate::gate::Gate;
use crate::inner::gives_inner;

/// Maximum number of logged characters of a request id, like in tusd.
const REQUEST_ID_CHARS: usize = 36;

/// Middleware that logs requests and their outcomes.
///
/// See the [module docs](crate::log) for an example.
#[derive(Clone, Debug)]
pub struct Log<S> {
    inner: S,
    base: Arc<str>,
    creations: Arc<dyn Gate>,
}

gives_inner!(Log);

impl<S> Log<S> {
    pub(super) const fn new(inner: S, base: Arc<str>, creations: Arc<dyn Gate>) -> Self {
        Self {
            inner,
            base,
            creations,
        }
    }

    /// Creates the span that all events of a request share, if spans are recorded.
    fn span<B>(&self, request: &Request<B>) -> Span {
        if !tracing::span_enabled!(Level::INFO) {
            return Span::none();
        }
        let id = Context::request_id(request);
        let id = id.map_or("".into(), |id| String::from_utf8_lossy(id.as_bytes()));
        let peer = Context::of(request.extensions()).peer();
        tracing::info_span!(
            "request",
            method = request.method().as_str(),
            path = below(&self.base, request.uri().path()),
            requestId = first_chars(&id, REQUEST_ID_CHARS),
            remoteAddr = peer
                .filter(|peer| peer.address().is_some())
                .map(tracing::field::display),
        )
    }
}

/// Returns a text without what follows its first characters.
fn first_chars(text: &str, count: usize) -> &str {
    // No text has more characters than bytes.
    if text.len() <= count {
        return text;
    }
    let end = text.char_indices().nth(count);
    end.map_or(text, |(end, _)| &text[..end])
}

/// Returns what follows the base in a path, or the whole path if it is
/// elsewhere.
fn below<'a>(base: &str, path: &'a str) -> &'a str {
    match path.strip_prefix(base.trim_end_matches('/')) {
        Some("") => "",
        Some(rest) => rest.strip_prefix('/').unwrap_or(path),
        None => path,
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Log<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        if Context::of(request.extensions()).is_internal() {
            Context::of_mut(request.extensions_mut()).set_logged();
            return ResponseFuture::internal(self.inner.call(request));
        }
        let creates = request.method() == Method::POST && tracing::event_enabled!(Level::INFO);
        let context = Context::of_mut(request.extensions_mut());
        context.set_logged();
        if creates {
            context.add_gate(Arc::clone(&self.creations));
        }
        let span = self.span(&request);
        let future = span.in_scope(|| {
            tracing::info!("RequestIncoming");
            self.inner.call(request)
        });
        ResponseFuture::new(future, span)
    }
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn a_path_is_told_without_its_base() {
        for (base, path, told) in [
            ("/files", "/files/", ""),
            ("/files", "/files", ""),
            ("/files", "/files/a/b", "a/b"),
            ("/files", "/filesystem", "/filesystem"),
            ("/files", "*", "*"),
            ("/", "/a", "a"),
            ("/", "/", ""),
        ] {
            assert_eq!(below(base, path), told, "{base} {path}");
        }
    }
}
