use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// What somebody wants changed in the response to a request: a response
/// extension that Version carries out when it writes the response.
///
/// Layers inside go on seeing the response as it was.
///
/// ```
/// use http::{HeaderValue, StatusCode};
/// use tower_tus_layers::protocol::ResponseOverride;
///
/// let no = ResponseOverride::default()
///     .with_status(StatusCode::PAYMENT_REQUIRED)
///     .with_header("x-price".parse()?, HeaderValue::from_static("2 EUR"))
///     .with_body("this would cost 2 EUR\n");
/// assert!(!no.is_empty());
/// # Ok::<_, http::header::InvalidHeaderName>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseOverride {
    /// The status in place of the one there is.
    pub status: Option<StatusCode>,
    /// Headers that replace those of the same name.
    pub headers: HeaderMap,
    /// The body in place of the one there is. HEAD, 204 and 304 have none all the same.
    pub body: Option<Bytes>,
}

impl ResponseOverride {
    /// The same with this status.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// The same with one more header, also where one of its name is there.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Whether nothing is to be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.status.is_none() && self.headers.is_empty() && self.body.is_none()
    }

    /// Has `later` carried out after this one.
    pub fn amend(&mut self, later: Self) {
        self.status = later.status.or(self.status);
        self.body = later.body.or(self.body.take());
        for name in later.headers.keys() {
            self.headers.remove(name);
        }
        self.headers.extend(later.headers);
    }
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
        first.amend(later);

        assert_eq!(first.status, Some(StatusCode::ACCEPTED));
        assert_eq!(first.body.unwrap(), "later");
        let all = |name| first.headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(all(LOCATION), ["/b"]);
        assert_eq!(all(SET_COOKIE), ["a=1", "b=2"]);
    }
}
