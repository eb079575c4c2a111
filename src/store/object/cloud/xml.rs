//! The XML of answers, and of one request.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use tower_tus_layers::protocol::BoxError;

/// Parses a document, whatever the name of its root is.
pub(super) fn parse<T: DeserializeOwned>(document: &[u8]) -> Result<T, BoxError> {
    // Azure's documents begin with a byte order mark.
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    Ok(quick_xml::de::from_reader(document)?)
}

/// Escapes a text for the content of an element.
pub(super) fn escape(text: &str) -> String {
    quick_xml::escape::partial_escape(text).into_owned()
}

/// Parses a time such as `2026-11-27T12:00:00.000Z`. Some servers have none.
pub(super) fn time<'de, D: Deserializer<'de>>(text: D) -> Result<Option<SystemTime>, D::Error> {
    let text = String::deserialize(text)?;
    let time: Option<DateTime<Utc>> = text.parse().ok();
    Ok(time.map(SystemTime::from))
}

/// Parses a time such as `Fri, 27 Nov 2026 12:00:00 GMT`.
pub(super) fn time_of_mail<'de, D: Deserializer<'de>>(
    text: D,
) -> Result<Option<SystemTime>, D::Error> {
    let text = String::deserialize(text)?;
    let time = DateTime::parse_from_rfc2822(&text).ok();
    Ok(time.map(SystemTime::from))
}
