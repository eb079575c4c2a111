use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN,
    VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::protocol::Error;

/// The methods of tusd, and PUT, with which some IETF drafts create uploads.
const METHODS: HeaderValue =
    HeaderValue::from_static("POST, GET, HEAD, PATCH, PUT, DELETE, OPTIONS");

/// The headers that clients of tusd, @tus/server and the IETF drafts send.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Origin, X-Requested-With, X-Request-ID, X-HTTP-Method-Override, \
     Content-Type, Content-Disposition, Upload-Length, Upload-Offset, Tus-Resumable, \
     Upload-Metadata, Upload-Defer-Length, Upload-Concat, Upload-Checksum, Upload-Complete, \
     Upload-Incomplete, Upload-Draft-Interop-Version",
);

/// The headers that these clients read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Upload-Offset, Location, Upload-Length, Tus-Version, Tus-Resumable, Tus-Max-Size, \
     Tus-Extension, Tus-Checksum-Algorithm, Upload-Metadata, Upload-Defer-Length, \
     Upload-Concat, Upload-Expires, Upload-Complete, Upload-Incomplete, Upload-Limit, \
     Upload-Draft-Interop-Version, Retry-After",
);

const DAY: Duration = Duration::from_secs(86_400);

/// Which origins may do what, and the header values for it, which are built once.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) origins: Origins,
    pub(super) credentials: bool,
    pub(super) methods: HeaderValue,
    pub(super) headers: HeaderValue,
    pub(super) exposed: HeaderValue,
    max_age: HeaderValue,
}

impl Policy {
    pub(super) fn max_age(&mut self, age: Duration) {
        self.max_age = HeaderValue::from(age.as_secs());
    }

    /// Returns the origin of the page that sends this request, or an error if it is
    /// not allowed. Clients other than web pages send none.
    pub(super) fn admit(&self, parts: &Parts) -> Result<Option<HeaderValue>, Error> {
        match parts.headers.get(ORIGIN) {
            Some(origin) if !self.origins.contain(origin, parts) => Err(Error::OriginNotAllowed),
            origin => Ok(origin.cloned()),
        }
    }

    /// Adds the headers that tell the page at `origin` what it may do.
    pub(super) fn grant(&self, origin: HeaderValue, is_preflight: bool, headers: &mut HeaderMap) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        // Appended, since inner services may have added lists of their own.
        if is_preflight {
            headers.append(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
            headers.append(ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
            headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        } else {
            headers.append(ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed.clone());
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            origins: Origins::Any,
            credentials: false,
            methods: METHODS,
            headers: HEADERS,
            exposed: EXPOSED,
            max_age: HeaderValue::from(DAY.as_secs()),
        }
    }
}

/// Tells caches that the response depends on the origin.
pub(super) fn vary(headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

/// Appends methods or header names to `list`.
pub(super) fn extend(list: &mut HeaderValue, items: impl IntoIterator<Item = impl AsRef<str>>) {
    let mut value = list.as_bytes().to_vec();
    for item in items {
        value.extend_from_slice(b", ");
        value.extend_from_slice(item.as_ref().as_bytes());
    }
    *list = HeaderValue::from_bytes(&value).expect("tokens and commas make a value");
}

/// The allowed origins.
#[derive(Clone)]
pub(super) enum Origins {
    Any,
    Listed(Vec<String>),
    Chosen(Arc<dyn Fn(&HeaderValue, &Parts) -> bool + Send + Sync>),
}

impl Origins {
    fn contain(&self, origin: &HeaderValue, parts: &Parts) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(origins) => origins.iter().any(|listed| origin == listed),
            Self::Chosen(choose) => choose(origin, parts),
        }
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("Any"),
            Self::Listed(origins) => f.debug_tuple("Listed").field(origins).finish(),
            Self::Chosen(_) => f.write_str("Chosen"),
        }
    }
}
