//! Sends clients to the place where the bytes are.

use headers::{CacheControl, HeaderMapExt};
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::disposition::describe;
use crate::protocol::{Body, Error};
use crate::store::Content;

/// Returns a redirect, if the content has a URL of its own. It is good for this client,
/// and for a while, so nobody keeps it.
pub(super) async fn redirect(content: &dyn Content) -> Result<Option<Response<Body>>, Error> {
    let mut headers = HeaderMap::new();
    describe(&mut headers, &content.upload().metadata, &content.headers());
    let Some(url) = content.redirect(&headers).await? else {
        return Ok(None);
    };
    let location = HeaderValue::try_from(url.to_string()).map_err(Error::internal)?;
    let mut response = Response::default();
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    headers.typed_insert(CacheControl::new().with_no_store());
    Ok(Some(response))
}
