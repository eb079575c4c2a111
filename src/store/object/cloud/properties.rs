//! Properties of objects, as the crate `object_store` takes them.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use object_store::{Attribute, Attributes, TagSet};

use crate::store::object::objects::Properties;

pub(super) fn attributes(properties: &Properties) -> Attributes {
    let headers = [
        (Attribute::ContentType, &properties.content_type),
        (
            Attribute::ContentDisposition,
            &properties.content_disposition,
        ),
        (Attribute::CacheControl, &properties.cache_control),
        (Attribute::StorageClass, &properties.storage_class),
    ];
    let headers = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)));
    let metadata = properties.metadata.iter();
    let metadata =
        metadata.map(|(name, value)| (Attribute::Metadata(name.clone().into()), value.clone()));
    headers.chain(metadata).collect()
}

pub(super) fn tags(properties: &Properties) -> TagSet {
    let mut tags = TagSet::default();
    for (name, value) in &properties.tags {
        tags.push(name, value);
    }
    tags
}

pub(super) fn metadata(attributes: &Attributes) -> BTreeMap<String, String> {
    let pairs = attributes.iter().filter_map(|(name, value)| match name {
        Attribute::Metadata(name) => Some((name.to_string(), value.to_string())),
        _ => None,
    });
    pairs.collect()
}

/// Returns the first text that cannot be in a header.
pub(super) fn unfit(properties: &Properties) -> Option<&String> {
    let headers = [
        &properties.content_type,
        &properties.content_disposition,
        &properties.cache_control,
        &properties.storage_class,
    ];
    let is_name = |text: &&String| text.parse::<HeaderName>().is_ok();
    let mut names = properties.metadata.keys();
    let mut values = headers
        .into_iter()
        .flatten()
        .chain(properties.metadata.values());
    names
        .find(|name| !is_name(name))
        .or_else(|| values.find(|value| !is_in_headers(value)))
}

/// Whether a text is a header that can be signed.
fn is_in_headers(text: &str) -> bool {
    text.is_ascii() && HeaderValue::from_str(text).is_ok()
}
