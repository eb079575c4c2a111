use std::time::SystemTime;

use http::Method;
use serde::Deserialize;

use crate::store::object::cloud::own::{Own, Unsigned};
use crate::store::object::cloud::xml;
use crate::store::object::objects::{Listed, Listing, Result};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    blobs: Blobs,
    next_marker: Option<String>,
}

#[derive(Deserialize)]
struct Blobs {
    #[serde(default, rename = "Blob")]
    blobs: Vec<Blob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Blob {
    name: String,
    properties: Values,
}

#[derive(Deserialize)]
struct Values {
    #[serde(rename = "Content-Length")]
    size: u64,
    #[serde(
        default,
        rename = "Last-Modified",
        deserialize_with = "xml::time_of_mail"
    )]
    modified: Option<SystemTime>,
    #[serde(rename = "ResourceType")]
    kind: Option<String>,
}

/// Lists objects. The crate would fail at a key that is not a path of its own.
pub(super) async fn list(own: &Own, prefix: &str, after: Option<&str>) -> Result<Listing> {
    let mut marker = None;
    loop {
        let page = page(own, prefix, after, marker).await?;
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        // The server begins with `after` itself, and an emulator at the first key.
        let blobs = page.blobs.blobs.into_iter();
        let objects: Vec<_> = blobs
            .filter(|blob| after.is_none_or(|after| blob.name.as_str() > after))
            .filter(|blob| blob.properties.kind.as_deref() != Some("directory"))
            .map(listed)
            .collect();
        if !objects.is_empty() || marker.is_none() {
            let is_truncated = marker.is_some();
            return Ok(Listing {
                objects,
                is_truncated,
            });
        }
    }
}

async fn page(
    own: &Own,
    prefix: &str,
    after: Option<&str>,
    marker: Option<String>,
) -> Result<Page> {
    let request = Unsigned::new(Method::GET, "")
        .query("comp", "list")
        .query("maxresults", "1000")
        .query("prefix", prefix)
        .query("restype", "container");
    let request = match (marker, after) {
        (Some(marker), _) => request.query("marker", &marker),
        (None, Some(after)) => request.query("startFrom", after),
        (None, None) => request,
    };
    own.ask(request).await
}

fn listed(blob: Blob) -> Listed {
    Listed {
        key: blob.name,
        size: blob.properties.size,
        modified: blob.properties.modified,
    }
}
