use std::io;
use std::path::{Path, PathBuf};

use tower_tus_layers::protocol::UploadId;

use super::sys;

/// The files of one upload.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Its bytes: `<dir>/<id>`, unless it was created elsewhere.
    pub(super) data: PathBuf,
    /// What is known of it. An upload without it does not exist.
    pub(super) info: PathBuf,
    /// Where the chunk began that may still be taken back.
    pub(super) chunk: PathBuf,
    /// The next `.info` while it is written.
    pub(super) new: PathBuf,
}

impl Layout {
    /// The files of `id` where its bytes lie at their own place.
    pub(super) fn new(dir: &Path, id: &UploadId) -> Self {
        Self::of(dir, id.as_str())
    }

    /// The places of the uploads that `id` would lie below: one of these cannot
    /// be a file and a directory at once.
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

    /// The `.info` of an upload that has its bytes at `data`, where it is their
    /// own place.
    pub(super) fn info_beside(data: &Path) -> PathBuf {
        let mut info = data.as_os_str().to_owned();
        info.push(".info");
        info.into()
    }

    /// The same upload with its bytes at `data`.
    pub(super) fn with_data(self, data: PathBuf) -> Self {
        Self { data, ..self }
    }

    /// Makes the names of the data file and of `.info` last.
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
