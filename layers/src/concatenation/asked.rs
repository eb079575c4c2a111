//! What `Upload-Concat` asks for.

use http::HeaderValue;
use http::request::Parts;

use crate::protocol::header::{UPLOAD_CONCAT, UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH};
use crate::protocol::{BaseUrl, Error, UploadId};

/// What a creation with `Upload-Concat` is to make.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A piece of finals to come. CAT-02
    Partial,
    /// An upload of these, in this order. CAT-05
    Final(Vec<UploadId>),
}

impl Asked {
    /// Reads the header, and gives its text beside its meaning.
    ///
    /// As tusd does it takes more than one space between URLs, and before the
    /// first one.
    pub(super) fn read(request: &Parts) -> Result<(HeaderValue, Self), Error> {
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
        let base = BaseUrl::of(request);
        let urls = urls.split(' ').filter(|url| !url.is_empty());
        // CAT-18, AMB-14: what is no upload's URL here is no upload.
        let parts = urls.map(|url| base.upload(url).ok_or(Error::NotFound));
        let parts: Vec<_> = parts.collect::<Result<_, _>>()?;
        if parts.is_empty() {
            return Err(Error::InvalidConcat);
        }
        Ok((raw.clone(), Self::Final(parts)))
    }
}
