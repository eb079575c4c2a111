//! The metadata of a creation.

use http::HeaderMap;

use super::Core;
use crate::protocol::header::UPLOAD_METADATA;
use crate::protocol::{Error, Metadata};

/// Limits the metadata of a creation, which every hook and every HEAD response carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetadataLimit {
    pub(super) bytes: usize,
    pub(super) pairs: usize,
}

impl Default for MetadataLimit {
    fn default() -> Self {
        Self {
            bytes: 64 << 10,
            pairs: 1_000,
        }
    }
}

impl MetadataLimit {
    /// Refuses metadata over the limits before it is parsed.
    fn check(self, raw: &[u8]) -> Result<(), Error> {
        let elements = raw.split(|&byte| byte == b',');
        let pairs = elements.filter(|element| !element.trim_ascii().is_empty());
        if raw.len() > self.bytes || pairs.count() > self.pairs {
            return Err(Error::MetadataTooLarge);
        }
        Ok(())
    }
}

impl Core {
    pub(super) fn metadata(&self, headers: &HeaderMap) -> Result<Metadata, Error> {
        let raw = Metadata::joined(headers.get_all(&UPLOAD_METADATA));
        self.metadata_limit.check(&raw)?;
        match Metadata::parse(&raw) {
            Err(_) if self.strictness.forgives("malformed Upload-Metadata") => {
                Ok(Metadata::parse_lenient(&raw))
            }
            metadata => metadata.map_err(|_| Error::InvalidMetadata),
        }
    }
}
