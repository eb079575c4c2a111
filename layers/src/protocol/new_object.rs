use std::collections::BTreeMap;

/// What a gate or a `pre-create` hook asks of the object that an object store makes of
/// an upload.
///
/// Whatever is `None` or empty is left to the settings of the store. The file store
/// refuses to create an upload for which anything is set. Nothing of this ever comes
/// from the client.
///
/// ```
/// use tower_tus_layers::protocol::{Metadata, NewUpload};
///
/// let mut new = NewUpload::new(None, Metadata::EMPTY);
/// new.object.key = Some("alice/report.pdf".into());
/// new.object.cache_control = Some("private".into());
/// new.object.tags.insert("project".into(), "tus".into());
/// assert!(!new.object.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewObject {
    /// The key, exactly as it will be: the store adds no prefix. By default the key is
    /// made of the id.
    ///
    /// It has segments of any characters but control characters, none of them empty, `.`
    /// or `..`, and at most 1,024 bytes. Keys of side files such as `a.info` are
    /// refused, and an object that exists is never replaced.
    pub key: Option<String>,
    /// The bucket: one of those that the settings of the store allow.
    pub bucket: Option<String>,
    /// `Content-Type`, by default the `filetype` of the metadata if it is one.
    pub content_type: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// The storage class, or Azure's access tier.
    pub storage_class: Option<String>,
    /// Pairs that a download of the object returns as headers such as `x-amz-meta-*`, in
    /// addition to those that the settings take from the metadata of the upload.
    pub metadata: BTreeMap<String, String>,
    /// Tags, in addition to those of the settings.
    pub tags: BTreeMap<String, String>,
}

impl NewObject {
    /// Returns whether no member is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
