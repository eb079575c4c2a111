use std::ops::Range;

use http::{HeaderName, Method};
use serde::Deserialize;

use super::Own;
use super::request::Unsigned;
use super::url::in_path;
use crate::store::object::objects::{MultipartId, PartNumber, Result, Tag};

const SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");
const RANGE: HeaderName = HeaderName::from_static("x-amz-copy-source-range");

#[derive(Deserialize)]
struct Copied {
    #[serde(rename = "ETag")]
    etag: String,
}

impl Own {
    /// Makes a part of bytes of another object.
    pub(in crate::store::object::cloud) async fn copy_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        source: &str,
        range: Range<u64>,
    ) -> Result<Tag> {
        let source = format!("{}/{}", self.bucket, in_path(source));
        let bytes = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let request = Unsigned::new(Method::PUT, key)
            .query("partNumber", &number)
            .query("uploadId", &multipart.0)
            .header(SOURCE, &source)?
            .header(RANGE, &bytes)?
            .moves(range.end.saturating_sub(range.start));
        let copied: Copied = self.ask(request).await?;
        Ok(Tag(copied.etag))
    }
}
