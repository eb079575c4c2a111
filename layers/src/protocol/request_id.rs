use http::{HeaderName, HeaderValue, Request};

/// The header of request ids.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that the log shows for a request whose client sent no `X-Request-ID`.
///
/// A request extension that the program sets. It is no header, so that hooks
/// report the request as the client sent it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// An id, which may be any header value.
    #[must_use]
    pub fn new(id: HeaderValue) -> Self {
        Self(id)
    }

    /// Returns the id of a request: its `X-Request-ID` unless that is empty, else
    /// this extension.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Option<&HeaderValue> {
        let sent = request.headers().get(X_REQUEST_ID);
        let set = || request.extensions().get::<Self>().map(|id| &id.0);
        sent.filter(|id| !id.is_empty()).or_else(set)
    }
}
