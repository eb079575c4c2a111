//! The headers of tus 1.0, typed if their value is more than text.
//!
//! Each type implements [`headers::Header`], so `HeaderMapExt::typed_try_get`
//! distinguishes an absent header (`Ok(None)`) from a malformed one (`Err`).
//! [`Offset`], [`Length`] and [`Metadata`](super::Metadata) are the types of
//! `Upload-Offset`, `Upload-Length` and `Upload-Metadata`.

use std::time::{Duration, SystemTime};

use headers::{Expires, Header, HeaderMapExt};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Length, Offset};

/// `Tus-Resumable`
pub static TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
/// Headers that only the server sets: those that frame the message, and those
/// that Version adds.
pub(crate) static OF_THE_SERVER: [HeaderName; 4] = [
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    X_CONTENT_TYPE_OPTIONS,
    HeaderName::from_static("tus-resumable"),
];

/// `Tus-Version`
pub static TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
/// `Tus-Extension`
pub static TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
/// `Tus-Max-Size`
pub static TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
/// `Upload-Offset`
pub static UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// `Upload-Length`
pub static UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
/// `Upload-Defer-Length`
pub static UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
/// `Upload-Metadata`
pub static UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
/// `Upload-Concat`
pub static UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");
/// `Upload-Checksum`
pub static UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
/// `Tus-Checksum-Algorithm`
pub static TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
/// `Upload-Expires`
pub static UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
/// `X-HTTP-Method-Override`
pub static X_HTTP_METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The only supported version of the protocol.
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

/// Returns whether the body is part of an upload: the only `Content-Type` is
/// `application/offset+octet-stream`, in any case and with any parameters.
#[must_use]
pub fn is_offset_octet_stream(headers: &HeaderMap) -> bool {
    let Ok(value) = one(&mut headers.get_all(CONTENT_TYPE).iter()) else {
        return false;
    };
    let essence = value.as_bytes().split(|&byte| byte == b';').next();
    essence.is_some_and(|essence| {
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(b"application/offset+octet-stream")
    })
}

/// Returns whether the body arrives unencoded: without a `Transfer-Encoding`,
/// or with `chunked` alone.
///
/// Servers such as hyper decode `chunked` but no encoding below it, so a body
/// sent as `gzip, chunked` would be stored compressed.
#[must_use]
pub fn is_plain_or_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter().peekable();
    codings.peek().is_none()
        || one(&mut codings).is_ok_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

/// Appends `token` to `Tus-Extension`, as a line of its own.
///
/// Each layer that implements an extension calls this on the response to
/// OPTIONS; Discovery folds the lines into one.
// CORE-11
pub fn announce(headers: &mut HeaderMap, token: &'static str) {
    headers.append(&TUS_EXTENSION, HeaderValue::from_static(token));
}

/// `Tus-Resumable`: the sender's version of the protocol, `1.0.0`.
///
/// Proxies and clients may add the header twice, on two lines or on one;
/// repeated values count once. Two different versions are invalid.
// CORE-07
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TusResumable;

impl Header for TusResumable {
    fn name() -> &'static HeaderName {
        &TUS_RESUMABLE
    }

    fn decode<'i, I>(values: &mut I) -> Result<Self, headers::Error>
    where
        I: Iterator<Item = &'i HeaderValue>,
    {
        let mut versions = values
            .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii)
            .peekable();
        if versions.peek().is_some() && versions.all(|version| version == VERSION.as_bytes()) {
            Ok(Self)
        } else {
            Err(headers::Error::invalid())
        }
    }

    fn encode<E: Extend<HeaderValue>>(&self, values: &mut E) {
        values.extend([VERSION]);
    }
}

/// `Tus-Version`: the versions that the server supports, in order of
/// preference.
// CORE-04, CORE-05
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TusVersion;

impl Header for TusVersion {
    fn name() -> &'static HeaderName {
        &TUS_VERSION
    }

    fn decode<'i, I>(values: &mut I) -> Result<Self, headers::Error>
    where
        I: Iterator<Item = &'i HeaderValue>,
    {
        let value = one(values)?;
        let mut versions = value.as_bytes().split(|&byte| byte == b',');
        if versions.any(|version| version.trim_ascii() == VERSION.as_bytes()) {
            Ok(Self)
        } else {
            Err(headers::Error::invalid())
        }
    }

    fn encode<E: Extend<HeaderValue>>(&self, values: &mut E) {
        values.extend([VERSION]);
    }
}

/// `Upload-Defer-Length: 1`, the only valid value.
// CRE-03
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadDeferLength;

impl Header for UploadDeferLength {
    fn name() -> &'static HeaderName {
        &UPLOAD_DEFER_LENGTH
    }

    fn decode<'i, I>(values: &mut I) -> Result<Self, headers::Error>
    where
        I: Iterator<Item = &'i HeaderValue>,
    {
        match one(values)?.as_bytes() {
            b"1" => Ok(Self),
            _ => Err(headers::Error::invalid()),
        }
    }

    fn encode<E: Extend<HeaderValue>>(&self, values: &mut E) {
        values.extend([HeaderValue::from_static("1")]);
    }
}

macro_rules! byte_count {
    ($type:ty, $name:ident) => {
        /// Digits only, without a sign.
        impl Header for $type {
            fn name() -> &'static HeaderName {
                &$name
            }

            fn decode<'i, I>(values: &mut I) -> Result<Self, headers::Error>
            where
                I: Iterator<Item = &'i HeaderValue>,
            {
                let digits = one(values)?.to_str().ok();
                let count = digits.and_then(|digits| digits.parse().ok());
                count.ok_or_else(headers::Error::invalid)
            }

            fn encode<E: Extend<HeaderValue>>(&self, values: &mut E) {
                values.extend([HeaderValue::from(self.get())]);
            }
        }
    };
}

// `Upload-Offset`: CORE-02
byte_count!(Offset, UPLOAD_OFFSET);
// `Upload-Length`: CORE-03
byte_count!(Length, UPLOAD_LENGTH);

/// `Upload-Expires`: when the upload expires, in whole seconds.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use headers::HeaderMapExt;
/// use http::HeaderMap;
/// use tower_tus_layers::protocol::header::UploadExpires;
///
/// let time = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_900);
/// let mut headers = HeaderMap::new();
/// headers.typed_insert(UploadExpires::at(time).unwrap());
/// assert_eq!(headers["Upload-Expires"], "Sun, 06 Nov 1994 08:49:37 GMT");
/// ```
// EXP-08
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadExpires(Expires);

impl UploadExpires {
    /// Returns the header for a time, rounded down, or `None` if no header can tell
    /// it: before 1970, or after 9999.
    #[must_use]
    pub fn at(time: SystemTime) -> Option<Self> {
        const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);
        let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        (since < YEAR_10000).then(|| Self(time.into()))
    }

    /// Returns the time.
    #[must_use]
    pub fn time(self) -> SystemTime {
        self.0.into()
    }
}

impl Header for UploadExpires {
    fn name() -> &'static HeaderName {
        &UPLOAD_EXPIRES
    }

    fn decode<'i, I>(values: &mut I) -> Result<Self, headers::Error>
    where
        I: Iterator<Item = &'i HeaderValue>,
    {
        Expires::decode(&mut [one(values)?].into_iter()).map(Self)
    }

    fn encode<E: Extend<HeaderValue>>(&self, values: &mut E) {
        self.0.encode(values);
    }
}

/// Returns the request's `Content-Length`, if it is valid and not overridden by
/// a `Transfer-Encoding`. RFC 9112, section 6.3
#[must_use]
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    headers.typed_get::<headers::ContentLength>().map(|it| it.0)
}

/// Returns the only value of a header; a repeated header is malformed.
fn one<'i>(
    values: &mut impl Iterator<Item = &'i HeaderValue>,
) -> Result<&'i HeaderValue, headers::Error> {
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(headers::Error::invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_that_is_not_a_count_of_bytes_is_malformed() {
        let offset = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(&UPLOAD_OFFSET, HeaderValue::from_bytes(value).unwrap());
            headers.typed_try_get::<Offset>()
        };
        assert_eq!(offset(b"007").unwrap(), Some(Offset::from(7)));
        for bad in [
            &b""[..],
            b"+1",
            b" 1",
            b"1,2",
            b"9223372036854775808",
            b"\xff",
        ] {
            assert!(offset(bad).is_err(), "{} was read", bad.escape_ascii());
        }
    }

    #[test]
    fn a_header_sent_twice_is_malformed() {
        let mut headers = HeaderMap::new();
        headers.append(&UPLOAD_OFFSET, HeaderValue::from_static("1"));
        headers.append(&UPLOAD_OFFSET, HeaderValue::from_static("1"));
        assert!(headers.typed_try_get::<Offset>().is_err());
    }

    #[test]
    fn exp_08_a_date_is_told_in_whole_seconds_or_not_at_all() {
        let told = |seconds: u64, millis: u64| {
            let since = Duration::from_secs(seconds) + Duration::from_millis(millis);
            let mut headers = HeaderMap::new();
            headers.typed_insert(UploadExpires::at(SystemTime::UNIX_EPOCH + since)?);
            let read = headers.typed_get::<UploadExpires>().unwrap().time();
            assert_eq!(read, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            Some(headers[&UPLOAD_EXPIRES].to_str().unwrap().to_owned())
        };
        for (seconds, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(told(seconds, 0).as_deref(), Some(date));
            assert_eq!(told(seconds, 999).as_deref(), Some(date));
        }
        assert_eq!(told(253_402_300_800, 0), None);
        let before = SystemTime::UNIX_EPOCH - Duration::from_nanos(1);
        assert_eq!(UploadExpires::at(before), None);
    }

    #[test]
    fn a_content_length_does_not_count_beside_a_transfer_encoding() {
        let mut headers = HeaderMap::new();
        assert_eq!(content_length(&headers), None);
        headers.typed_insert(headers::ContentLength(0));
        assert_eq!(content_length(&headers), Some(0));
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        assert_eq!(content_length(&headers), None);
    }

    #[test]
    fn the_media_type_is_compared_by_its_essence() {
        let mut headers = HeaderMap::new();
        assert!(!is_offset_octet_stream(&headers));
        for (value, good) in [
            ("application/offset+octet-stream", true),
            ("APPLICATION/Offset+Octet-Stream", true),
            ("application/offset+octet-stream; charset=x", true),
            ("application/offset+octet-stream2", false),
            ("text/plain", false),
            ("", false),
        ] {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(is_offset_octet_stream(&headers), good, "{value}");
        }
    }

    #[test]
    fn of_two_media_types_none_is_the_bodys() {
        let value = HeaderValue::from_static("application/offset+octet-stream");
        let mut headers = HeaderMap::new();
        headers.append(CONTENT_TYPE, value.clone());
        assert!(is_offset_octet_stream(&headers));
        headers.append(CONTENT_TYPE, value);
        assert!(!is_offset_octet_stream(&headers));
    }

    #[test]
    fn only_the_one_version_is_spoken() {
        let mut headers = HeaderMap::new();
        headers.typed_insert(TusResumable);
        assert!(headers.typed_get::<TusResumable>().is_some());
        headers.insert(&TUS_RESUMABLE, HeaderValue::from_static("0.2.2"));
        assert!(headers.typed_try_get::<TusResumable>().is_err());
    }

    #[test]
    fn a_version_that_is_sent_twice_is_one_and_two_versions_are_none() {
        let speaks = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(&TUS_RESUMABLE, HeaderValue::from_static(line));
            }
            headers.typed_try_get::<TusResumable>().ok().flatten()
        };
        for same in [
            &["1.0.0", "1.0.0"][..],
            &["1.0.0, 1.0.0"],
            &["1.0.0,1.0.0", "1.0.0"],
        ] {
            assert_eq!(speaks(same), Some(TusResumable), "{same:?}");
        }
        for other in [
            &[][..],
            &[""],
            &["1.0.0", "0.2.2"],
            &["0.2.2, 1.0.0"],
            &["1.0.0,"],
            &["1.0.0", ""],
            &["1.0.0 1.0.0"],
            &["1.0.0;1.0.0"],
        ] {
            assert_eq!(speaks(other), None, "{other:?}");
        }
    }
}
