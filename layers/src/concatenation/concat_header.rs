//! Parses `Upload-Concat`.

use http::HeaderValue;
use http::request::Parts;

use crate::protocol::Error;
use crate::protocol::header::{UPLOAD_CONCAT, UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH};

/// What a creation with `Upload-Concat` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ConcatHeader {
    /// A partial upload, to become part of a final.
    // CAT-02
    Partial,
    /// A final of the uploads at these URLs, in this order.
    // CAT-05
    Final(Vec<String>),
}

impl ConcatHeader {
    /// Parses the header, and returns its raw value along with its meaning.
    ///
    /// Like tusd, accepts several spaces between URLs, and spaces before the first
    /// one. A list of more than `max_parts` is refused before any lookup.
    pub(super) fn read(request: &Parts, max_parts: usize) -> Result<(HeaderValue, Self), Error> {
        let mut lines = request.headers.get_all(&UPLOAD_CONCAT).iter();
        let (Some(raw), None) = (lines.next(), lines.next()) else {
            return Err(Error::InvalidConcat);
        };
        let text = raw.to_str().map_err(|_| Error::InvalidConcat)?;
        if text == "partial" {
            return Ok((raw.clone(), Self::Partial));
        }
        let urls = text.strip_prefix("final;").ok_or(Error::InvalidConcat)?;
        // CAT-06
        let lengths = [&UPLOAD_LENGTH, &UPLOAD_DEFER_LENGTH];
        if lengths.iter().any(|it| request.headers.contains_key(*it)) {
            return Err(Error::InvalidUploadLength);
        }
        let urls = urls.split(' ').filter(|url| !url.is_empty());
        // CAT-09: repeated URLs count each time.
        let urls: Vec<_> = urls.take(max_parts.saturating_add(1)).collect();
        match urls.len() {
            0 => Err(Error::InvalidConcat),
            count if count > max_parts => Err(Error::TooManyParts),
            _ => {
                let urls = urls.into_iter().map(str::to_owned);
                Ok((raw.clone(), Self::Final(urls.collect())))
            }
        }
    }
}
