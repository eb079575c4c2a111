use std::collections::BTreeSet;
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
    /// The `.info` of an upload that is being created or removed.
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
        let path = |suffix| sys::path_of(dir, id, suffix);
        Self {
            data: path(""),
            info: path(".info"),
            chunk: path(".chunk"),
            new: path(".new"),
        }
    }

    /// Returns the path of the `.info` that belongs to bytes at `data`, if
    /// these are at their default place.
    pub(super) fn info_beside(data: &Path) -> PathBuf {
        let mut info = data.as_os_str().to_owned();
        info.push(".info");
        info.into()
    }

    /// Returns a name for the next `.info` while it is written. No id ends like
    /// this.
    pub(super) fn draft(&self) -> PathBuf {
        let name = format!(".{}.new", UploadId::random());
        self.info.with_file_name(name)
    }

    /// Returns the same paths, with the bytes at `data`.
    pub(super) fn with_data(self, data: PathBuf) -> Self {
        Self { data, ..self }
    }

    /// Returns the directories that lead to the files, up to and including
    /// `root`, the directory of the store. Of the directories outside it, only
    /// the one with the data file.
    pub(super) fn dirs<'a>(&'a self, root: &Path) -> BTreeSet<&'a Path> {
        let files = [&self.data, &self.info];
        let parents = files.into_iter().filter_map(|file| file.parent());
        let above = files.into_iter().flat_map(|file| {
            let above = file.ancestors().skip(2);
            above.take_while(|dir| dir.starts_with(root))
        });
        parents.chain(above).collect()
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

    #[test]
    fn the_directories_of_an_upload_are_those_up_to_the_store() {
        let dirs = |id: &str, data: Option<&str>| {
            let mut layout = Layout::new(Path::new("/srv/up"), &id.parse().unwrap());
            if let Some(data) = data {
                layout = layout.with_data(data.into());
            }
            let dirs = layout.dirs(Path::new("/srv/up"));
            let dirs: Vec<_> = dirs.iter().map(|dir| dir.to_str().unwrap()).collect();
            dirs.join(" ")
        };
        assert_eq!(dirs("a", None), "/srv/up");
        assert_eq!(dirs("a/b/c", None), "/srv/up /srv/up/a /srv/up/a/b");
        assert_eq!(dirs("a", Some("/srv/up/x/y")), "/srv/up /srv/up/x");
        assert_eq!(dirs("a/b", Some("/far/x/y")), "/far/x /srv/up /srv/up/a");
    }
}
