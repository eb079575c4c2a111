//! Errors that a program defines itself.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::{Error, Source};
use crate::protocol::response_override::{ResponseOverride, TEXT_PLAIN, replace};
use crate::protocol::{Body, BoxError, header};

/// An error of your own: a gate, a hook or any layer inside
/// [`Version`](crate::version) answers with it instead of serving the request.
///
/// The default code is `ERR_UPLOAD_REJECTED`, with a text to match. The client
/// reads `CODE: text`, or the body if one is set. Clients retry after a 5xx,
/// and after 409 and 423 but no other 4xx: choose another 4xx if a retry is
/// useless.
///
/// ```
/// use http::header::WWW_AUTHENTICATE;
/// use http::{HeaderValue, StatusCode};
/// use tower_tus_layers::protocol::{Error, Rejection};
///
/// let unknown: Error = Rejection::new(StatusCode::UNAUTHORIZED)
///     .with_code("ERR_UNAUTHORIZED")
///     .with_text("sign in first")
///     .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
///     .into();
/// assert_eq!(unknown.text(), "ERR_UNAUTHORIZED: sign in first\n");
///
/// let json = HeaderValue::from_static("application/json");
/// let broke = Rejection::new(StatusCode::PAYMENT_REQUIRED)
///     .with_body(json, r#"{"price": 2, "currency": "EUR"}"#);
/// assert_eq!(broke.code(), "ERR_UPLOAD_REJECTED");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a rejection does nothing unless it is returned"]
pub struct Rejection(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    text: Cow<'static, str>,
    headers: HeaderMap,
    body: Option<Bytes>,
    source: Option<Source>,
}

impl Rejection {
    /// Creates a rejection with this status.
    ///
    /// # Panics
    ///
    /// If the status is not a 4xx or 5xx: clients would take the rejection for
    /// a success. To replace the response by a success of your own, reject the
    /// request in a hook whose reply has a
    /// [`ResponseOverride`](crate::protocol::ResponseOverride).
    #[track_caller]
    pub fn new(status: StatusCode) -> Self {
        assert!(
            is_error(status),
            "a rejection has a 4xx or 5xx status, not {status}"
        );
        let (_, code, text) = Error::Rejected.row();
        Self(Box::new(Inner {
            status,
            code,
            text: text.to_owned().into(),
            headers: HeaderMap::new(),
            body: None,
            source: None,
        }))
    }

    /// Sets the code, such as `ERR_QUOTA_EXCEEDED`. Metrics count errors by status
    /// and code.
    ///
    /// # Panics
    ///
    /// If the code is empty or contains characters other than ASCII letters,
    /// digits, `_`, `-` and `.`.
    #[track_caller]
    pub fn with_code(mut self, code: &'static str) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        assert!(
            !code.is_empty() && code.bytes().all(is_plain),
            "a code consists of ASCII letters, digits, '_', '-' and '.', not {code:?}"
        );
        self.0.code = code;
        self
    }

    /// Sets the text that follows the code.
    pub fn with_text(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.0.text = text.into();
        self
    }

    /// Adds a header, even if one with this name is set. `Content-Length`,
    /// `Transfer-Encoding` and `Tus-Resumable` are set by the server and
    /// ignored here.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.append(name, value);
        self
    }

    /// Sets a body, which replaces code and text, and which
    /// [`Render`](crate::render) does not change. The response to HEAD has no
    /// body in any case.
    pub fn with_body(mut self, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        self.0.headers.insert(CONTENT_TYPE, content_type);
        self.0.body = Some(body.into());
        self
    }

    /// Sets the underlying error, which is logged but not sent to the client.
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns the code, such as `ERR_UPLOAD_REJECTED`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// Returns the text that follows the code.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns the headers of the response, including the body's
    /// `Content-Type`.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Returns the body, if one is set.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_ref()
    }

    /// Converts an error to a rejection with the response that `change`
    /// describes. The error itself becomes the source, so that its kind is not
    /// lost.
    ///
    /// If the change has a status, it must be a 4xx or 5xx.
    pub(crate) fn changed(error: Error, change: ResponseOverride) -> Self {
        let (number, code, text) = error.row();
        let mut inner = Inner {
            status: change.status.unwrap_or(super::table::status(number)),
            code,
            text: text.to_owned().into(),
            headers: error.headers(),
            body: None,
            source: None,
        };
        if let Error::Custom(rejection) = &error {
            inner.body.clone_from(&rejection.0.body);
        }
        if let Some(body) = change.body {
            inner.headers.insert(CONTENT_TYPE, TEXT_PLAIN);
            inner.body = Some(body);
        }
        replace(&mut inner.headers, change.headers);
        inner.source = Some(std::sync::Arc::new(error));
        Self(Box::new(inner))
    }

    /// Replaces the response's status, headers and error by those of this
    /// rejection.
    pub(crate) fn replace(self, response: &mut Response<Body>) {
        *response.status_mut() = self.status();
        replace(response.headers_mut(), self.response_headers());
        response.extensions_mut().insert(Error::from(self));
    }

    /// Status, code and message, like those of other errors.
    pub(super) fn row(&self) -> (u16, &'static str, &str) {
        (self.0.status.as_u16(), self.0.code, &self.0.text)
    }

    pub(super) fn response_headers(&self) -> HeaderMap {
        let mut headers = self.0.headers.clone();
        for name in &header::OF_THE_SERVER {
            headers.remove(name);
        }
        headers
    }

    pub(super) fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

pub(crate) fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Custom(rejection)
    }
}

/// Two rejections are equal if their responses are; sources are not compared.
impl PartialEq for Rejection {
    fn eq(&self, other: &Self) -> bool {
        let seen = |it: &Self| (it.0.status, it.0.code, it.0.text.clone());
        seen(self) == seen(other)
            && self.0.headers == other.0.headers
            && self.0.body == other.0.body
    }
}

impl Eq for Rejection {}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_LENGTH, LOCATION, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};

    use super::*;

    fn value(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }

    #[test]
    fn a_rejection_is_a_response_with_its_status_and_headers() {
        let error: Error = Rejection::new(StatusCode::UNAUTHORIZED)
            .with_code("ERR_UNAUTHORIZED")
            .with_text("sign in first")
            .with_header(WWW_AUTHENTICATE, value("Bearer"))
            .with_header(SET_COOKIE, value("a=1"))
            .with_header(SET_COOKIE, value("b=2"))
            .into();
        assert_eq!(error.code(), "ERR_UNAUTHORIZED");
        assert_eq!(error.to_string(), "sign in first");
        let response: Response<()> = error.into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let cookies = response.headers().get_all(SET_COOKIE).iter();
        assert_eq!(cookies.collect::<Vec<_>>(), ["a=1", "b=2"]);
    }

    #[test]
    fn a_rejection_without_a_code_has_that_of_a_rejected_upload() {
        let error = Error::from(Rejection::new(StatusCode::FORBIDDEN));
        assert_eq!(error.status(), StatusCode::FORBIDDEN);
        assert_eq!(error.text(), Error::Rejected.text());
    }

    #[test]
    fn headers_of_the_message_cannot_be_set() {
        let error: Error = Rejection::new(StatusCode::FORBIDDEN)
            .with_header(CONTENT_LENGTH, value("7"))
            .with_header(header::TUS_RESUMABLE.clone(), value("0.2.2"))
            .into();
        let response: Response<()> = error.into_response();
        assert!(response.headers().is_empty());
    }

    #[test]
    fn the_source_of_a_rejection_is_kept_from_the_client() {
        let error: Error = Rejection::new(StatusCode::BAD_GATEWAY)
            .with_source("db.internal:5432 refused the connection")
            .into();
        assert!(error.source().unwrap().to_string().contains("5432"));
        assert!(!error.text().contains("5432"));
    }

    #[test]
    #[should_panic(expected = "a rejection has a 4xx or 5xx status, not 200 OK")]
    fn a_success_is_no_rejection() {
        let _ = Rejection::new(StatusCode::OK);
    }

    #[test]
    #[should_panic(expected = "a code consists of ASCII letters")]
    fn a_code_of_two_lines_cannot_be_built() {
        let _ = Rejection::new(StatusCode::FORBIDDEN).with_code("ERR\nX");
    }

    #[test]
    fn a_changed_error_says_what_it_is_answered_by_and_keeps_its_kind() {
        let change = ResponseOverride::default()
            .with_status(StatusCode::PAYMENT_REQUIRED)
            .with_header(RETRY_AFTER, value("60"))
            .with_header(LOCATION, value("/pay"))
            .with_body("2 EUR, please\n");
        let rejection = Rejection::changed(Error::LockTimeout, change);
        assert_eq!(rejection.status(), StatusCode::PAYMENT_REQUIRED);
        assert_eq!(rejection.code(), "ERR_LOCK_TIMEOUT");
        assert_eq!(rejection.headers()["retry-after"], "60");
        assert_eq!(rejection.headers()["location"], "/pay");
        assert_eq!(
            rejection.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
        assert_eq!(rejection.body().unwrap(), "2 EUR, please\n");
        let kind = rejection.source().unwrap().downcast_ref();
        assert!(matches!(kind, Some(Error::LockTimeout)));
    }

    #[test]
    fn a_changed_rejection_keeps_what_is_not_changed() {
        let json = value("application/json");
        let first = Rejection::new(StatusCode::FORBIDDEN).with_body(json.clone(), "{}");
        let change = ResponseOverride::default().with_status(StatusCode::NOT_FOUND);
        let changed = Rejection::changed(first.into(), change);
        let expected = Rejection::new(StatusCode::NOT_FOUND).with_body(json, "{}");
        assert_eq!(changed, expected);
    }
}
