use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use super::error::rejection::{Rejection, is_error};
use super::{Body, Error, header};

pub(crate) const TEXT_PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Changes a response: a response extension of a layer inside, which
/// [`Render`](crate::render) carries out.
///
/// The layers in between go on seeing the response as it was, so that a creation
/// remains one for them. To answer with an error use a [`Rejection`].
/// `Content-Length`, `Transfer-Encoding` and `Tus-Resumable` are the server's: here
/// they have no effect.
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
    /// The new status. Without it the status stays, but a 204 with a new body is a 200.
    pub status: Option<StatusCode>,
    /// Headers, which replace those of the same name.
    pub headers: HeaderMap,
    /// The new body, of type `text/plain` unless the headers name another. HEAD, 204
    /// and 304 have none all the same.
    pub body: Option<Bytes>,
}

impl ResponseOverride {
    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds a header, also where one of its name is there.
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

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.status.is_none() && self.headers.is_empty() && self.body.is_none()
    }

    /// Adds what `later` changes, which wins where both change the same.
    pub fn merge(&mut self, later: Self) {
        self.status = later.status.or(self.status);
        self.body = later.body.or(self.body.take());
        replace(&mut self.headers, later.headers);
    }

    /// Has the response changed: by this layer, or by one outside that sees what layers
    /// in between do. An error is changed at once, so that it is the same for all.
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

    /// Changes the response to a request with this method.
    ///
    /// An [`Error`] that stays one becomes a [`Rejection`], so that its status and its
    /// headers are those that the client gets; one that becomes a success is gone.
    pub(crate) fn carry_out(self, response: &mut Response<Body>, method: &Method) {
        if self.is_empty() {
            return;
        }
        let status = self.status.unwrap_or(match response.status() {
            // A response with a body cannot be this one.
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

/// Which layer carries out the overrides of a request's response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CarryOut {
    /// The one that makes an override, since none outside has promised to.
    #[default]
    Here,
    /// One outside, such as Render.
    Outside,
}

/// Gives the response the body that its [`Rejection`] brings, and tells whether it
/// brings one.
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

/// Over HTTP/2 a body in the answer to HEAD would be an error of the protocol.
fn write(response: &mut Response<Body>, body: Bytes, method: &Method) {
    if *method != Method::HEAD {
        *response.body_mut() = body.into();
    }
}

/// Puts headers in the place of those of the same name.
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
