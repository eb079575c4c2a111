use std::time::SystemTime;

use http::Method;
use serde::Deserialize;

use super::Own;
use super::request::Unsigned;
use crate::store::object::cloud::xml;
use crate::store::object::objects::{MultipartId, Part, PartNumber, Parts, Result, Tag};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    // Required, so that nothing else is taken for an empty list.
    is_truncated: bool,
    #[serde(default, rename = "Part")]
    parts: Vec<Sent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    part_number: PartNumber,
    size: u64,
    #[serde(rename = "ETag")]
    etag: String,
    #[serde(default, deserialize_with = "xml::time")]
    last_modified: Option<SystemTime>,
}

impl Own {
    /// Lists the parts of an object that is not complete.
    pub(in crate::store::object::cloud) async fn parts(
        &self,
        key: &str,
        multipart: &MultipartId,
        after: PartNumber,
    ) -> Result<Parts> {
        let request = Unsigned::new(Method::GET, key)
            .query("max-parts", "1000")
            .query("part-number-marker", &after)
            .query("uploadId", &multipart.0);
        let page: Page = self.ask(request).await?;
        let parts = page.parts.into_iter().map(|sent| Part {
            number: sent.part_number,
            size: sent.size,
            tag: Tag(sent.etag),
            modified: sent.last_modified,
        });
        Ok(Parts {
            parts: parts.collect(),
            is_truncated: page.is_truncated,
        })
    }
}
