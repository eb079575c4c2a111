use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Unsigned;
use crate::store::object::objects::{ObjectError, Result};

/// What signatures leave as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const IN_PATHS: &AsciiSet = &PLAIN.remove(b'/');

/// Escapes a key, except for its slashes.
pub(super) fn in_path(key: &str) -> String {
    utf8_percent_encode(key, IN_PATHS).to_string()
}

/// Returns the URL of a request for a bucket, or for an object in it.
pub(in crate::store::object::cloud) fn url(bucket: &str, request: &Unsigned<'_>) -> Result<Uri> {
    let mut url = bucket.to_owned();
    if !request.key.is_empty() {
        url += "/";
        url += &in_path(request.key);
    }
    let mut before = '?';
    for (name, value) in &request.query {
        let value = utf8_percent_encode(value, PLAIN);
        url += &format!("{before}{name}={value}");
        before = '&';
    }
    url.parse()
        .map_err(|error| ObjectError::Invalid(Box::<http::uri::InvalidUri>::new(error)))
}
