use std::time::SystemTime;

use http::Method;
use serde::Deserialize;

use super::Own;
use super::request::Unsigned;
use crate::store::object::cloud::xml;
use crate::store::object::objects::{Multipart, MultipartId, Multiparts, Result};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    // Required, so that nothing else is taken for an empty list.
    is_truncated: bool,
    #[serde(default, rename = "Upload")]
    uploads: Vec<Begun>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Begun {
    key: String,
    upload_id: String,
    #[serde(default, deserialize_with = "xml::time")]
    initiated: Option<SystemTime>,
}

impl Own {
    /// Lists objects that are not complete.
    pub(in crate::store::object::cloud) async fn multiparts(
        &self,
        prefix: &str,
        after: Option<&Multipart>,
    ) -> Result<Multiparts> {
        let mut request = Unsigned::new(Method::GET, "")
            .query("uploads", "")
            .query("max-uploads", "1000")
            .query("prefix", prefix);
        if let Some(after) = after {
            request = request.query("key-marker", &after.key);
            if !after.id.0.is_empty() {
                request = request.query("upload-id-marker", &after.id.0);
            }
        }
        let page: Page = self.ask(request).await?;
        let multiparts = page.uploads.into_iter().map(|begun| Multipart {
            key: begun.key,
            id: MultipartId(begun.upload_id),
            begun: begun.initiated,
        });
        Ok(Multiparts {
            multiparts: multiparts.collect(),
            is_truncated: page.is_truncated,
        })
    }
}
