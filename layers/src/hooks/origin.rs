use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Uri;
use http::request::Parts;
use http::uri::PathAndQuery;
use tracing::Span;

use super::stop::Stop;
use crate::context::Context;
use crate::hooks::{Event, HookKind};
use crate::protocol::{Offset, Upload};

/// The request that events come from. Events keep it, because they may be
/// delivered long after its end.
#[derive(Clone, Debug)]
pub(super) struct Origin(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The request as hooks see it.
    request: Arc<Parts>,
    /// The span of the request's log events.
    span: Span,
    stop: Stop,
    /// The offset of the latest `post-receive`.
    reported: AtomicU64,
}

impl Origin {
    pub(super) fn new(parts: &Parts, base_path: &str) -> Self {
        Self(Arc::new(Inner {
            request: Arc::new(original(parts, base_path)),
            span: Span::current(),
            stop: Stop::new(Context::of(&parts.extensions).interrupt()),
            reported: AtomicU64::new(0),
        }))
    }

    pub(super) fn request(&self) -> &Arc<Parts> {
        &self.0.request
    }

    pub(super) fn span(&self) -> &Span {
        &self.0.span
    }

    /// Returns the means to stop the upload of the request.
    pub(super) fn stop(&self) -> &Stop {
        &self.0.stop
    }

    pub(super) fn event(&self, kind: HookKind, upload: Upload) -> Event {
        Event::new(kind, upload, Arc::clone(&self.0.request))
    }

    /// Records an offset, and returns whether it differs from the one before.
    pub(super) fn advances(&self, offset: Offset) -> bool {
        let offset = offset.get();
        self.0.reported.swap(offset, Ordering::Relaxed) != offset
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Restores the request as the client sent it, without its body.
fn original(parts: &Parts, base_path: &str) -> Parts {
    let mut original = parts.clone();
    let (method, headers) = Context::original(parts);
    original.method = method.clone();
    original.headers = headers.clone();
    let whole = match Context::of(&parts.extensions).stripped_prefix() {
        Some(prefix) => with_prefix(&parts.uri, prefix),
        None if is_below(&parts.uri, base_path) => None,
        // A framework has stripped the base path.
        None => with_prefix(&parts.uri, base_path),
    };
    if let Some(uri) = whole {
        original.uri = uri;
    }
    original
}

fn is_below(uri: &Uri, base_path: &str) -> bool {
    let rest = uri.path().strip_prefix(base_path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn with_prefix(uri: &Uri, prefix: &str) -> Option<Uri> {
    let whole = format!("{prefix}{}", uri.path_and_query()?);
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(whole).ok()?);
    Uri::from_parts(parts).ok()
}
