//! What stores accept. It is checked when an upload is created: at its end it would be
//! too late.

use std::collections::BTreeMap;
use std::fmt;

use http::HeaderName;

use super::MARK;
use super::encoded::is_plain;
use crate::store::object::objects::{Properties, Rules};

/// The most bytes of one header.
const HEADER: usize = 1_024;
/// The most characters of the key and of the value of a tag.
const TAG_KEY: usize = 128;
const TAG_VALUE: usize = 256;
/// The most bytes of the mark that each object of ours carries, with its name.
const MARK_LEN: usize = MARK.len() + 65;

/// A property that no object can have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    Header(&'static str, String),
    MetadataName(String),
    TooMuchMetadata(usize),
    Tag(String, String),
    TooManyTags(usize),
}

/// Checks all but how much metadata there is.
pub(super) fn check(properties: &Properties, rules: &Rules) -> Result<(), Invalid> {
    for (name, value) in [
        ("Content-Type", &properties.content_type),
        ("Content-Disposition", &properties.content_disposition),
        ("Cache-Control", &properties.cache_control),
        ("storage class", &properties.storage_class),
    ] {
        if let Some(value) = value.as_ref().filter(|value| !is_header(value)) {
            return Err(Invalid::Header(name, value.clone()));
        }
    }
    for name in properties.metadata.keys() {
        check_name(name)?;
    }
    check_tags(&properties.tags, rules)
}

/// Whether every header can have this value.
pub(super) fn is_header(value: &str) -> bool {
    is_plain(value) && !value.is_empty() && value.len() <= HEADER
}

/// Checks the name of a pair of metadata, which is in lower case.
pub(super) fn check_name(name: &str) -> Result<(), Invalid> {
    match name.parse::<HeaderName>() {
        Ok(_) if name != MARK => Ok(()),
        _ => Err(Invalid::MetadataName(name.to_owned())),
    }
}

/// Checks how much metadata there is.
pub(super) fn check_size(properties: &Properties, rules: &Rules) -> Result<(), Invalid> {
    let pairs = properties.metadata.iter();
    let bytes: usize = pairs.map(|(name, value)| name.len() + value.len()).sum();
    let most = rules.max_metadata - MARK_LEN;
    match bytes <= most {
        true => Ok(()),
        false => Err(Invalid::TooMuchMetadata(most)),
    }
}

fn check_tags(tags: &BTreeMap<String, String>, rules: &Rules) -> Result<(), Invalid> {
    if tags.len() > rules.max_tags {
        return Err(Invalid::TooManyTags(rules.max_tags));
    }
    let allowed = |char: char| char.is_alphanumeric() || " +-=._:/@".contains(char);
    let fits = |text: &str, most| text.chars().count() <= most && text.chars().all(allowed);
    let is_tag = |(key, value): &(&String, &String)| {
        !key.is_empty() && fits(key, TAG_KEY) && fits(value, TAG_VALUE)
    };
    match tags.iter().find(|tag| !is_tag(tag)) {
        None => Ok(()),
        Some((key, value)) => Err(Invalid::Tag(key.clone(), value.clone())),
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name, value) => write!(
                f,
                "the {name} of an object cannot be {value:?}: it has 1 to {HEADER} ASCII \
                 characters, without control characters, spaces at an end or several \
                 spaces in a row"
            ),
            Self::MetadataName(name) => write!(
                f,
                "the metadata of an object cannot have the name {name:?}: it is no name of \
                 a header, or it is {MARK:?}, which is reserved"
            ),
            Self::TooMuchMetadata(most) => {
                write!(f, "the metadata of an object have more than {most} bytes")
            }
            Self::Tag(key, value) => write!(
                f,
                "an object cannot have the tag {key:?} with the value {value:?}: they have \
                 at most {TAG_KEY} and {TAG_VALUE} letters, digits, spaces and \
                 + - = . _ : / @"
            ),
            Self::TooManyTags(0) => f.write_str("objects of this store cannot have tags"),
            Self::TooManyTags(most) => {
                write!(f, "an object of this store has at most {most} tags")
            }
        }
    }
}

impl std::error::Error for Invalid {}
