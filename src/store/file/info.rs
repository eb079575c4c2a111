//! The document `.info` as a file.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tower_tus_layers::protocol::Upload;

use super::counted::Tail;
use super::layout::Layout;
use super::sys;

pub(super) use crate::store::document::{Document, SEAL};

impl Document {
    /// Builds the document of a new upload in files.
    pub(super) fn of_files(upload: &Upload, layout: &Layout) -> Self {
        let storage = [
            ("InfoPath", layout.info.to_string_lossy().into()),
            ("Path", layout.data.to_string_lossy().into()),
            ("Type", "filestore".into()),
        ];
        Self::new(upload, storage)
    }

    /// Whether a power cut may have lost the last bytes.
    pub(super) const fn tail(&self) -> Tail {
        match self.is_synced() {
            true => Tail::Synced,
            false => Tail::Unsynced,
        }
    }

    /// Reads `.info`, if it exists and was written to its end.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        let read = Self::load(path)?;
        read.map(|document| sys::named(path, document.map_err(io::Error::from)))
            .transpose()
    }

    /// Returns whether there is an `.info` that [`read`](Self::read) would not
    /// ignore, whether it is valid or not.
    pub(super) fn counts(path: &Path) -> io::Result<bool> {
        Self::load(path).map(|read| read.is_some())
    }

    /// Reads `.info` as far as the document reaches. Most are whole after one
    /// read.
    pub(super) fn load(path: &Path) -> io::Result<Option<serde_json::Result<Self>>> {
        let Some(file) = sys::File::open_if_there(path)? else {
            return Ok(None);
        };
        let mut json = Vec::new();
        while file.read_more(&mut json)? > 0 {
            match Self::parse(&json) {
                Err(error) if error.is_eof() => {}
                document => return Ok(Some(document)),
            }
        }
        // tusd is writing it, or a crash has come first.
        Ok(None)
    }

    /// Returns the paths as recorded, corrected where files have moved. Hooks
    /// use them to find the files.
    pub(super) fn storage_at(&self, layout: &Layout) -> Option<Arc<BTreeMap<String, String>>> {
        let mut storage = self.storage()?;
        for (key, path) in [("Path", &layout.data), ("InfoPath", &layout.info)] {
            let recorded = storage.get(key).map(Path::new);
            if recorded.is_some_and(|recorded| recorded != path) {
                let path = path.to_string_lossy().into();
                Arc::make_mut(&mut storage).insert(key.to_owned(), path);
            }
        }
        Some(storage)
    }

    /// Returns the recorded path of the bytes.
    pub(super) fn data(&self) -> Option<&Path> {
        self.stored("Path").map(Path::new)
    }

    /// Returns the path where `.info` was written, as recorded.
    pub(super) fn info_path(&self) -> Option<&str> {
        self.stored("InfoPath")
    }
}
