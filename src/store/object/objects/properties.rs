use std::collections::BTreeMap;

/// What an object has besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Properties {
    pub(crate) content_type: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) storage_class: Option<String>,
    /// Pairs that come back as headers of a download, such as `x-amz-meta-*`.
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
}
