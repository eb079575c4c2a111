use std::time::SystemTime;

use http::Method;
use serde::Deserialize;

use super::Own;
use super::request::Unsigned;
use crate::store::object::cloud::xml;
use crate::store::object::objects::{Listed, Listing, Result};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    // Required, so that nothing else is taken for an empty list.
    is_truncated: bool,
    #[serde(default, rename = "Contents")]
    objects: Vec<Content>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    key: String,
    size: u64,
    #[serde(default, deserialize_with = "xml::time")]
    last_modified: Option<SystemTime>,
}

impl Own {
    /// Lists objects. The crate would fail at a key that is not a path of its own, which
    /// another program may have chosen.
    pub(in crate::store::object::cloud) async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Listing> {
        let mut request = Unsigned::new(Method::GET, "")
            .query("list-type", "2")
            .query("max-keys", "1000")
            .query("prefix", prefix);
        if let Some(after) = after {
            request = request.query("start-after", after);
        }
        let page: Page = self.ask(request).await?;
        let objects = page.objects.into_iter().map(|content| Listed {
            key: content.key,
            size: content.size,
            modified: content.last_modified,
        });
        Ok(Listing {
            objects: objects.collect(),
            is_truncated: page.is_truncated,
        })
    }
}
