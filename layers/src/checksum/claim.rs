use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headers::Header;
use http::{HeaderName, HeaderValue};

use crate::protocol::header::UPLOAD_CHECKSUM;

/// `Upload-Checksum`: the digest that the client claims for its bytes.
#[derive(Debug)]
pub(super) struct Claim {
    /// Not yet looked up among the supported algorithms.
    pub(super) algorithm: String,
    pub(super) digest: Vec<u8>,
}

impl Header for Claim {
    fn name() -> &'static HeaderName {
        &UPLOAD_CHECKSUM
    }

    fn decode<'i, I>(values: &mut I) -> Result<Self, headers::Error>
    where
        I: Iterator<Item = &'i HeaderValue>,
    {
        // A repeated header is ambiguous.
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(headers::Error::invalid());
        };
        parse(value).ok_or_else(headers::Error::invalid)
    }

    fn encode<E: Extend<HeaderValue>>(&self, values: &mut E) {
        let value = format!("{} {}", self.algorithm, STANDARD.encode(&self.digest));
        values.extend(HeaderValue::try_from(value));
    }
}

// CHK-12
fn parse(value: &HeaderValue) -> Option<Claim> {
    let (algorithm, digest) = value.to_str().ok()?.split_once(' ')?;
    let digest = STANDARD.decode(digest).ok()?;
    (!digest.is_empty()).then(|| Claim {
        algorithm: algorithm.to_owned(),
        digest,
    })
}
