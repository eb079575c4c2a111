//! What HEAD and GET tell of an upload.

use headers::HeaderMapExt;
use http::HeaderMap;

use super::header::{UPLOAD_CONCAT, UploadDeferLength};
use super::{BaseUrl, Upload};

impl Upload {
    /// Writes the headers of an upload into a response: how
    /// far it has come, how long it will be, and what its client said about it.
    pub(crate) fn describe(&self, base_url: impl FnOnce() -> BaseUrl, headers: &mut HeaderMap) {
        // CAT-12. Clients would take the offset of a complete upload for its success.
        if !self.is_pending() && (self.is_finished() || !self.is_complete()) {
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
