use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use super::error::rejection::{Rejection, is_error};
use super::{Body, Error, header};

pub(crate) const TEXT_PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Changes a response: a response extension that an inner layer sets and
/// [`Render`](crate::render) applies.
///
/// The layers in between still see the original response, so that they
/// recognize a creation, for example. To answer with an error, use a
/// [`Rejection`]. `Content-Length`, `Transfer-Encoding` and `Tus-Resumable` are
/// set by the server and ignored here.
///
/// ```
/// use http::{HeaderValue, StatusCode};
/// use tower_tus_layers::protocol::ResponseOverride;
///
/// let accepted = ResponseOverride::default()
///     .with_status(StatusCode::ACCEPTED)
///     .with_header("x-virus-scan".parse()?, HeaderValue::from_static("pending"))
///     .with_body("thank you\n");
/// assert!(!accepted.is_empty());
/// # Ok::<_, http::header::InvalidHeaderName>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseOverride {
    /// The new status. `None` keeps the status, but a 204 with a new body
    /// becomes a 200.
    pub status: Option<StatusCode>,
    /// Headers, which replace those with the same name.
    pub headers: HeaderMap,
    /// The new body, of type `text/plain` unless the headers set another.
    /// Responses to HEAD, and those with status 204 or 304, have no body in any
    /// case.
    pub body: Option<Bytes>,
}

impl ResponseOverride {
    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds a header, even if one with this name is set.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Returns whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.status.is_none() && self.headers.is_empty() && self.body.is_none()
    }

    /// Returns the number of bytes in the body, and in the names and values of the
    /// headers.
    pub(crate) fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
        headers.sum::<usize>() + self.body.as_ref().map_or(0, Bytes::len)
    }

    /// Returns the headers that HEAD can repeat: neither those of the server and the
    /// protocol, which say what is true now, nor those that describe the body.
    pub(crate) fn into_head(self) -> HeaderMap {
        let mut headers = self.headers;
        let names: Vec<_> = headers.keys().cloned().collect();
        for name in names.iter().filter(|name| !is_of_the_finish(name)) {
            headers.remove(name);
        }
        headers
    }

    /// Merges a later override, which takes precedence.
    pub fn merge(&mut self, later: Self) {
        self.status = later.status.or(self.status);
        self.body = later.body.or(self.body.take());
        replace(&mut self.headers, later.headers);
    }

    /// Applies the override here, or leaves it to an outer layer so that the
    /// layers in between see the original response. An error is always changed
    /// here, so that all layers see the same one.
    pub(crate) fn settle(self, response: &mut Response<Body>, method: &Method, place: CarryOut) {
        if self.is_empty() {
            return;
        }
        let stays_error = response.extensions().get::<Error>().is_some()
            && is_error(self.status.unwrap_or(response.status()));
        if stays_error || place == CarryOut::Here {
            return self.carry_out(response, method);
        }
        let extensions = response.extensions_mut();
        extensions.get_or_insert_default::<Self>().merge(self);
    }

    /// Applies the override to the response to a request with this method.
    ///
    /// If an [`Error`] remains an error, it becomes a [`Rejection`], so that it
    /// has the status and headers that the client gets. If it becomes a
    /// success, it is removed.
    pub(crate) fn carry_out(self, response: &mut Response<Body>, method: &Method) {
        if self.is_empty() {
            return;
        }
        let status = self.status.unwrap_or(match response.status() {
            // A 204 cannot have a body.
            StatusCode::NO_CONTENT if self.body.is_some() => StatusCode::OK,
            status => status,
        });
        match response.extensions_mut().remove::<Error>() {
            Some(error) if is_error(status) => {
                let rejection = Rejection::changed(error, self);
                rejection.replace(response);
                write_own_body(response, method);
                return;
            }
            Some(_) => {
                *response.body_mut() = Body::default();
                response.headers_mut().remove(CONTENT_TYPE);
            }
            None => {}
        }
        *response.status_mut() = status;
        if [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status) {
            *response.body_mut() = Body::default();
        } else if let Some(body) = self.body {
            write(response, body, method);
            response.headers_mut().insert(CONTENT_TYPE, TEXT_PLAIN);
        }
        let mut headers = self.headers;
        for name in &header::OF_THE_SERVER {
            headers.remove(name);
        }
        replace(response.headers_mut(), headers);
    }
}

/// Whether a header of the response to the request that has finished an upload also
/// applies to the upload.
fn is_of_the_finish(name: &HeaderName) -> bool {
    const OF_ANOTHER: [&str; 3] = ["content-", "tus-", "upload-"];
    let is_of_another = |prefix| name.as_str().starts_with(prefix);
    !OF_ANOTHER.into_iter().any(is_of_another)
        && !header::OF_THE_SERVER.contains(name)
        && ![ACCEPT_RANGES, CACHE_CONTROL, ETAG, LAST_MODIFIED].contains(name)
}

/// Which layer applies the overrides of a request's response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CarryOut {
    /// The layer that makes the override, because no outer layer applies it.
    #[default]
    Here,
    /// An outer layer, such as Render.
    Outside,
}

/// Writes the body of the response's [`Rejection`], and returns whether it has
/// one.
pub(crate) fn write_own_body(response: &mut Response<Body>, method: &Method) -> bool {
    let Some(Error::Custom(rejection)) = response.extensions().get() else {
        return false;
    };
    let Some(body) = rejection.body().cloned() else {
        return false;
    };
    write(response, body, method);
    true
}

/// Writes a body except for HEAD, where a body would be an HTTP/2 protocol
/// error.
fn write(response: &mut Response<Body>, body: Bytes, method: &Method) {
    if *method != Method::HEAD {
        *response.body_mut() = body.into();
    }
}

/// Replaces the headers with the same names.
pub(super) fn replace(headers: &mut HeaderMap, others: HeaderMap) {
    for name in others.keys() {
        headers.remove(name);
    }
    headers.extend(others);
}

#[cfg(test)]
mod tests {
    use http::header::{LOCATION, SET_COOKIE};

    use super::*;

    #[test]
    fn what_comes_later_wins_and_the_rest_stays() {
        let value = HeaderValue::from_static;
        let mut first = ResponseOverride::default()
            .with_status(StatusCode::ACCEPTED)
            .with_header(LOCATION, value("/a"))
            .with_body("first");
        let later = ResponseOverride::default()
            .with_header(SET_COOKIE, value("a=1"))
            .with_header(SET_COOKIE, value("b=2"))
            .with_header(LOCATION, value("/b"))
            .with_body("later");
        first.merge(later);

        assert_eq!(first.status, Some(StatusCode::ACCEPTED));
        assert_eq!(first.body.unwrap(), "later");
        let all = |name| first.headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(all(LOCATION), ["/b"]);
        assert_eq!(all(SET_COOKIE), ["a=1", "b=2"]);
    }

    fn refused() -> Response<Body> {
        Error::LockTimeout.into_response()
    }

    #[test]
    fn an_error_that_stays_one_says_what_the_client_gets() {
        let mut response = refused();
        let change = ResponseOverride::default()
            .with_status(StatusCode::SERVICE_UNAVAILABLE)
            .with_body("later\n");
        change.carry_out(&mut response, &Method::PATCH);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "1");
        let error = response.extensions().get::<Error>().unwrap();
        assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(error.code(), "ERR_LOCK_TIMEOUT");
    }

    #[test]
    fn an_error_that_becomes_a_success_is_one_no_more() {
        let mut response = refused();
        let change = ResponseOverride::default().with_status(StatusCode::CREATED);
        change.carry_out(&mut response, &Method::POST);
        assert_eq!(response.status(), StatusCode::CREATED);
        assert!(response.extensions().get::<Error>().is_none());
    }

    #[test]
    fn a_body_without_a_status_keeps_it_unless_it_has_no_body() {
        for (before, status, after) in [
            (StatusCode::CREATED, None, StatusCode::CREATED),
            (StatusCode::NO_CONTENT, None, StatusCode::OK),
            (StatusCode::CREATED, Some(StatusCode::OK), StatusCode::OK),
            (
                StatusCode::OK,
                Some(StatusCode::NO_CONTENT),
                StatusCode::NO_CONTENT,
            ),
        ] {
            let mut response = Response::default();
            *response.status_mut() = before;
            let mut change = ResponseOverride::default().with_body("{}");
            change.status = status;
            change.carry_out(&mut response, &Method::PATCH);
            assert_eq!(response.status(), after);
            let has_body = !http_body::Body::is_end_stream(response.body());
            assert_eq!(has_body, after != StatusCode::NO_CONTENT);
        }
    }

    #[test]
    fn an_override_without_a_body_leaves_a_204_as_it_is() {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        let value = HeaderValue::from_static("/a");
        let change = ResponseOverride::default().with_header(LOCATION, value);
        change.carry_out(&mut response, &Method::PATCH);
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }

    #[test]
    fn an_override_that_changes_nothing_leaves_an_error_as_it_is() {
        let mut response = refused();
        ResponseOverride::default().carry_out(&mut response, &Method::POST);
        let error = response.extensions().get();
        assert!(matches!(error, Some(Error::LockTimeout)));
    }
}
