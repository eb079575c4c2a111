//! Detects how the host of a stack has changed the path of a request.

use std::any::type_name;
use std::fmt;
use std::sync::{Arc, Once};

use http::{Extensions, Method, Request};
use tower_tus_layers::context::Context;
use tower_tus_layers::protocol::Error;
use tower_tus_layers::route::BasePath;

/// The role of a stack in its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A layer around another service.
    Layer,
    /// A service.
    Service,
}

/// The source of upload URLs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Urls {
    /// A layer sets them, regardless of the host.
    Set,
    /// The path of the request determines them.
    #[default]
    Found,
}

/// Detects what a host has stripped from a request's path, so that `Location` leads
/// back to the stack. Rejects the request if this cannot be detected.
#[derive(Clone, Debug)]
pub(crate) struct Mounting {
    /// `None` for a stack of the user's own, where only its Route layer knows it.
    base_path: Option<BasePath>,
    urls: Urls,
    nesting_warned: Arc<Once>,
}

impl Default for Mounting {
    fn default() -> Self {
        Self {
            base_path: None,
            urls: Urls::default(),
            nesting_warned: Arc::new(Once::new()),
        }
    }
}

impl Mounting {
    pub(crate) fn new(base_path: BasePath, urls: Urls) -> Self {
        Self {
            base_path: Some(base_path),
            urls,
            ..Self::default()
        }
    }

    /// Warns once about a nested layer, on a request that is not for uploads: upload
    /// requests may never arrive.
    pub(crate) fn warn_of_nesting(&self, extensions: &Extensions) {
        let Some(nested) = axum::nested_path(extensions) else {
            return;
        };
        self.nesting_warned.call_once(|| {
            tracing::warn!(
                "TusLayer is inside a router that is nested at {nested}: unless that router has \
                 a fallback, axum passes it no requests for uploads; add the layer to the \
                 outermost router, or use nest_service"
            );
        });
    }

    /// Records in the request's context what the host has stripped. The type `T`
    /// identifies the host: it is the type of the body, or of the service behind the
    /// layer.
    pub(crate) fn record<T, B>(&self, request: &mut Request<B>, place: Place) {
        // OPTIONS may have any path.
        if request.method() == Method::OPTIONS {
            return;
        }
        match self.stripped_prefix::<T>(request.uri().path(), request.extensions(), place) {
            Ok("") => {}
            Ok(prefix) => {
                let prefix = prefix.to_owned();
                Context::of_mut(request.extensions_mut()).set_stripped_prefix(&prefix);
            }
            Err(misplaced) => {
                tracing::error!("{misplaced}");
                Context::of_mut(request.extensions_mut()).reject(Error::internal(misplaced));
            }
        }
    }

    fn stripped_prefix<'a, T>(
        &self,
        path: &str,
        extensions: &'a Extensions,
        place: Place,
    ) -> Result<&'a str, Misplaced> {
        let context = Context::of(extensions);
        if context.scope().is_none()
            && let Some(nested) = axum::nested_path(extensions).filter(|path| has_parameter(path))
        {
            return Err(Misplaced::Shared(nested.to_owned()));
        }
        if let Some(prefix) = context.stripped_prefix() {
            return Ok(prefix);
        }
        let base_path = self.base_path.as_ref();
        let is_below = base_path.is_some_and(|base_path| base_path.strip(path).is_some());
        if let Some(base_path) = base_path.filter(|_| !is_below)
            && place == Place::Service
            && axum::is_route(extensions)
        {
            return Err(Misplaced::Elsewhere(path.to_owned(), base_path.clone()));
        }
        let prefix = match axum::original_path(extensions) {
            Some(original) => before(original, path)
                .ok_or_else(|| Misplaced::Rewritten(original.to_owned(), path.to_owned())),
            None if is_hidden::<T>(place, is_below) => Err(Misplaced::Unseen),
            None => Ok(""),
        };
        match self.urls {
            Urls::Found if !context.has_base_url() => prefix,
            _ => Ok(prefix.unwrap_or_default()),
        }
    }
}

/// Whether axum may have stripped a prefix that cannot be detected.
fn is_hidden<T>(place: Place, is_below: bool) -> bool {
    match place {
        Place::Layer => type_name::<T>().contains("axum::routing::route::Route"),
        // Bodies have axum's type outside of routers too. A router of the supported
        // version would have been detected by its extensions.
        Place::Service if is_below && cfg!(feature = "axum") => false,
        Place::Service => type_name::<T>().contains("axum_core::body::Body"),
    }
}

/// Returns the part of the client's path before the path that the stack sees.
fn before<'a>(original: &'a str, path: &str) -> Option<&'a str> {
    // axum leaves a slash if it has stripped the whole path.
    let end = path.trim_end_matches('/');
    original.trim_end_matches('/').strip_suffix(end)
}

/// Whether the path of a route has captures, such as `/t/{tenant}`.
fn has_parameter(path: &str) -> bool {
    // A doubled brace is a literal one.
    path.replace("{{", "").contains('{')
}

/// Why a stack cannot work in its place, and how to fix it.
#[derive(Debug)]
enum Misplaced {
    Unseen,
    Rewritten(String, String),
    Elsewhere(String, BasePath),
    Shared(String),
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen => f.write_str(
                "uploads are inside an axum router, and what `nest` strips from their URLs cannot \
                 be seen: enable the feature `axum` of tower-tus, which reads the OriginalUri of \
                 axum 0.8, or name the URL of uploads by Stack::base_url",
            ),
            Self::Rewritten(original, path) => write!(
                f,
                "the path {original} was rewritten to {path}, so the URL of uploads is not known: \
                 name it by Stack::base_url"
            ),
            Self::Elsewhere(path, base_path) => write!(
                f,
                "a route leads to uploads with the path {path}, which is not below the base path \
                 {}: use nest_service, or name the path of the route by Stack::base_path",
                base_path.as_str()
            ),
            Self::Shared(nested) => write!(
                f,
                "uploads are nested at {nested}, and all values of its parameters would share \
                 them: call Context::set_scope in a layer in front, with Scope::new(value) for \
                 uploads of each value's own, or with Scope::all() to share them"
            ),
        }
    }
}

impl std::error::Error for Misplaced {}

/// The extensions that axum's routers add to a request.
#[cfg(feature = "axum")]
mod axum {
    use ::axum::extract::{MatchedPath, NestedPath, OriginalUri};
    use http::Extensions;

    /// Returns the path as the outermost router received it.
    pub(super) fn original_path(extensions: &Extensions) -> Option<&str> {
        extensions.get().map(|OriginalUri(uri)| uri.path())
    }

    /// Returns the path of `nest` or `nest_service`, with its captures.
    pub(super) fn nested_path(extensions: &Extensions) -> Option<&str> {
        extensions.get().map(NestedPath::as_str)
    }

    /// Whether a route matched that is not the one of a nested service.
    pub(super) fn is_route(extensions: &Extensions) -> bool {
        let route = extensions.get().map(MatchedPath::as_str);
        let nested = nested_path(extensions).unwrap_or_default();
        route.is_some_and(|route| route.trim_end_matches('/') != nested.trim_end_matches('/'))
    }
}

#[cfg(not(feature = "axum"))]
mod axum {
    use http::Extensions;

    pub(super) const fn original_path(_: &Extensions) -> Option<&str> {
        None
    }

    pub(super) const fn nested_path(_: &Extensions) -> Option<&str> {
        None
    }

    pub(super) const fn is_route(_: &Extensions) -> bool {
        false
    }
}
