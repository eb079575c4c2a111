//! The description of an upload, in tusd's format.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Follows the description of an upload that is finished, with everything synced.
pub(super) const SEAL: &[u8] = b" ";

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Info {
    #[serde(rename = "ID")]
    id: String,
    pub(super) size: u64,
    size_is_deferred: bool,
    offset: u64,
    meta_data: BTreeMap<String, String>,
    is_partial: bool,
    is_final: bool,
    partial_uploads: Option<Vec<String>>,
    storage: Storage,
    /// Whether a [`SEAL`] follows.
    #[serde(skip)]
    pub(super) is_sealed: bool,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Storage {
    info_path: String,
    path: String,
    r#type: String,
}

impl Info {
    pub(crate) fn new(id: &str, size: u64, data: &Path, info: &Path) -> Self {
        Self {
            id: id.to_owned(),
            size,
            size_is_deferred: false,
            offset: 0,
            meta_data: BTreeMap::new(),
            is_partial: false,
            is_final: false,
            partial_uploads: None,
            storage: Storage {
                info_path: info.to_string_lossy().into_owned(),
                path: data.to_string_lossy().into_owned(),
                r#type: "filestore".to_owned(),
            },
            is_sealed: false,
        }
    }

    pub(super) fn parse(json: &[u8]) -> serde_json::Result<Self> {
        let mut info: Self = serde_json::from_slice(json)?;
        info.is_sealed = json.ends_with(SEAL);
        Ok(info)
    }
}
