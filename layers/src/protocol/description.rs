//! The headers with which HEAD and GET describe an upload.

use headers::HeaderMapExt;
use http::HeaderMap;

use super::header::{UPLOAD_CONCAT, UploadDeferLength};
use super::{BaseUrl, Upload};

impl Upload {
    /// Writes the headers that describe the upload into a response: its offset,
    /// length, metadata and relation to others.
    pub(crate) fn describe(&self, base_url: impl FnOnce() -> BaseUrl, headers: &mut HeaderMap) {
        // CAT-12. The offset of a complete upload would tell clients that it
        // succeeded, and a failed one has none.
        let has_offset = self.is_finished() || !self.is_complete();
        if has_offset && !self.is_pending() && !self.is_failed() {
            // CORE-17, CAT-13, CAT-14
            headers.typed_insert(self.offset);
        }
        match self.length {
            // CORE-18, CAT-15
            Some(length) => headers.typed_insert(length),
            // CUF-02: no client will tell.
            None if self.is_pending() => {}
            // DEF-02
            None => headers.typed_insert(UploadDeferLength),
        }
        if let Some(concat) = &self.concat {
            headers.insert(&UPLOAD_CONCAT, concat.header(base_url)); // CAT-16
        }
        // CRE-12
        headers.typed_insert(self.metadata.clone());
    }
}
