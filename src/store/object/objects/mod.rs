//! The calls to an object store: the seam between the store and a cloud, of which tests
//! have one in memory.
//!
//! A key is the name of an object in one bucket. No call is retried for long by the
//! implementation: [`ObjectError`] tells what a failure says about the call, and the
//! store decides.

mod error;
#[cfg(test)]
pub(crate) mod faulty;
mod kind;
mod listing;
#[cfg(test)]
pub(crate) mod memory;
mod payload;
mod properties;
mod retries;
mod rules;
mod storage;
mod watched;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

pub(crate) use self::error::ObjectError;
#[cfg(feature = "metrics")]
pub(crate) use self::kind::Kind;
pub(crate) use self::listing::{Listed, Listing, Multipart, Multiparts, Part, Parts};
pub(crate) use self::payload::Payload;
pub(crate) use self::properties::Properties;
pub(crate) use self::retries::note as note_retries;
pub(crate) use self::rules::Rules;
pub(crate) use self::storage::Storage;
pub(crate) use self::watched::{Call, Watch, Watched};

pub(crate) type Result<T, E = ObjectError> = std::result::Result<T, E>;

/// The number of a part, from 1 on. Parts are joined in the order of their numbers.
pub(crate) type PartNumber = u32;

/// A bucket of an object store.
///
/// No future is cancel safe: a call whose future is dropped may still be done, at any
/// later time.
#[async_trait]
pub(crate) trait Objects: fmt::Debug + Send + Sync + 'static {
    /// Returns what this kind of store can do.
    fn rules(&self) -> &Rules;

    /// Returns where the bucket is.
    fn storage(&self) -> &Storage;

    /// Returns an object, or a range of its bytes, which is not empty and within it.
    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Object>;

    /// Returns an object without its bytes.
    async fn head(&self, key: &str) -> Result<Found>;

    /// Writes an object as a whole, if it is in the state that `when` asks for.
    async fn put(
        &self,
        key: &str,
        payload: Payload,
        when: When<'_>,
        properties: &Properties,
    ) -> Result<Tag>;

    /// Removes an object, if it exists.
    async fn delete(&self, key: &str) -> Result<()>;

    /// Returns the objects whose keys begin with `prefix` and are greater than `after`,
    /// in the order of their keys, at most 1,000.
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing>;

    /// Begins an object of several parts.
    async fn begin(&self, key: &str, properties: &Properties) -> Result<MultipartId>;

    /// Sends a part. It replaces one with the same number, whoever has sent it.
    async fn put_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        payload: Payload,
    ) -> Result<Tag>;

    /// Makes a part of bytes of another object in the bucket, which is larger than the
    /// [smallest part](Rules::min_part). Only where the [rules](Rules::copies_parts) allow.
    async fn copy_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        source: &str,
        range: Range<u64>,
    ) -> Result<Tag>;

    /// Makes an object of these parts, in their order. `when` is not checked where the
    /// [rules](Rules::conditional_complete) say so.
    ///
    /// [`ObjectError::NotFound`] says that the multipart upload does not exist, which
    /// may be because it was completed before.
    async fn complete(
        &self,
        key: &str,
        multipart: &MultipartId,
        parts: &[(PartNumber, Tag)],
        when: When<'_>,
    ) -> Result<Tag>;

    /// Removes a multipart upload and its parts, if it exists.
    async fn abort(&self, key: &str, multipart: &MultipartId) -> Result<()>;

    /// Returns the parts with numbers greater than `after`, in their order, at most
    /// 1,000.
    async fn parts(&self, key: &str, multipart: &MultipartId, after: PartNumber) -> Result<Parts>;

    /// Returns the multipart uploads whose keys begin with `prefix`, in the order of
    /// their keys, beginning behind `after`, at most 1,000. If its id is empty, they begin
    /// behind all that have its key. Nothing where the store removes abandoned parts by
    /// itself.
    async fn multiparts(&self, prefix: &str, after: Option<&Multipart>) -> Result<Multiparts>;

    /// Returns a URL from which anybody can download the object for a while, if the
    /// store has such URLs. `content` replaces headers of the download.
    async fn presign(
        &self,
        key: &str,
        content: &Properties,
        valid: Duration,
    ) -> Result<Option<String>>;
}

/// The state in which an object has to be for it to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When<'a> {
    /// Any.
    Always,
    /// It does not exist.
    Absent,
    /// It is the one with this tag.
    Match(&'a Tag),
}

/// Tells one state of an object, or of a part, from others with other bytes: an `ETag`
/// or a generation. The same bytes may have the same tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tag(pub(crate) String);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of an object that is being made of parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MultipartId(pub(crate) String);

/// An object with bytes.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) found: Found,
    /// The bytes, or those of the range.
    pub(crate) bytes: Bytes,
}

/// An object without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) tag: Tag,
    /// The size of the whole object in bytes.
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
    /// The [metadata](Properties::metadata) with which it was written.
    pub(crate) metadata: BTreeMap<String, String>,
}
