use std::time::SystemTime;

use super::{MultipartId, PartNumber, Tag};

/// A page of objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub(crate) objects: Vec<Listed>,
    /// Whether there are more.
    pub(crate) is_truncated: bool,
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
}

/// A page of the parts of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    pub(crate) parts: Vec<Part>,
    /// Whether there are more.
    pub(crate) is_truncated: bool,
}

/// A part that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: PartNumber,
    pub(crate) size: u64,
    pub(crate) tag: Tag,
    pub(crate) modified: Option<SystemTime>,
}

/// A page of multipart uploads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Multiparts {
    pub(crate) multiparts: Vec<Multipart>,
    /// Whether there are more.
    pub(crate) is_truncated: bool,
}

/// An object that is being made of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Multipart {
    pub(crate) key: String,
    pub(crate) id: MultipartId,
    pub(crate) begun: Option<SystemTime>,
}
