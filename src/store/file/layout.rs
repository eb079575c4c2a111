use std::io;
use std::path::{Path, PathBuf};

use tower_tus_layers::protocol::UploadId;

use super::sys;

/// The paths of the files of one upload.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The bytes: at `<dir>/<id>`, unless the upload was created elsewhere.
    pub(super) data: PathBuf,
    /// The state of the upload. Without this file the upload does not exist.
    pub(super) info: PathBuf,
    /// The offset where a chunk began that may still be rolled back.
    pub(super) chunk: PathBuf,
    /// The next `.info` while it is written.
    pub(super) new: PathBuf,
}

impl Layout {
    /// Returns the paths of `id`, with its bytes at the default place.
    pub(super) fn new(dir: &Path, id: &UploadId) -> Self {
        Self::of(dir, id.as_str())
    }

    /// Returns the paths of all uploads whose id is a prefix of `id`. None of
    /// them may exist: a path cannot be both a file and a directory.
    pub(super) fn above(dir: &Path, id: &UploadId) -> impl Iterator<Item = Self> {
        let ends = id.as_str().match_indices('/');
        ends.map(|(end, _)| Self::of(dir, &id.as_str()[..end]))
    }

    fn of(dir: &Path, id: &str) -> Self {
        let side = |suffix| dir.join(format!("{id}{suffix}"));
        Self {
            data: dir.join(id),
            info: side(".info"),
            chunk: side(".chunk"),
            new: side(".new"),
        }
    }

    /// Returns the path of the `.info` that belongs to bytes at `data`, if
    /// these are at their default place.
    pub(super) fn info_beside(data: &Path) -> PathBuf {
        let mut info = data.as_os_str().to_owned();
        info.push(".info");
        info.into()
    }

    /// Returns the same paths, with the bytes at `data`.
    pub(super) fn with_data(self, data: PathBuf) -> Self {
        Self { data, ..self }
    }

    /// Makes the names of the data file and of `.info` durable.
    pub(super) fn sync_dirs(&self) -> io::Result<()> {
        if self.data.parent() != self.info.parent() {
            sys::sync_dir_of(&self.data)?;
        }
        sys::sync_dir_of(&self.info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_with_segments_lies_below_each_of_its_prefixes() {
        let id = "a/b.c/d".parse().unwrap();
        let layout = Layout::new(Path::new("/up"), &id);
        assert_eq!(layout.data, Path::new("/up/a/b.c/d"));
        assert_eq!(layout.info, Path::new("/up/a/b.c/d.info"));

        let above: Vec<_> = Layout::above(Path::new("/up"), &id).collect();
        let infos: Vec<_> = above.iter().map(|above| above.info.as_path()).collect();
        assert_eq!(
            infos,
            [Path::new("/up/a.info"), Path::new("/up/a/b.c.info")]
        );
    }
}
