use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// Suffixes of a store's side files: an id with one of them could collide with
/// another upload's side file.
const RESERVED: [&str; 6] = [".info", ".lock", ".stop", ".chunk", ".new", ".part"];
const MAX_SEGMENT: usize = 240;
const MAX_ID: usize = 1024;

/// The id of an upload: one or more segments separated by `/`.
///
/// A segment has 1 to 240 bytes of `A-Z a-z 0-9 - . _ ~ % ! $ ' ( ) * + , ; = /
/// : @`, is neither `.` nor `..`, and does not end in `.info`, `.lock`,
/// `.stop`, `.chunk`, `.new` or `.part`; an id has at most 1,024 bytes.
/// Therefore an id can be the path of a file below any directory, and never
/// leads out of it.
///
/// ```
/// use tower_tus_layers::protocol::UploadId;
///
/// assert!("2026/summer/4af3".parse::<UploadId>().is_ok());
/// assert!("../etc/passwd".parse::<UploadId>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(Arc<str>);

impl UploadId {
    /// Creates an unguessable id: 16 random bytes in hex.
    // RES-01
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system has random numbers");
        Self(format!("{:032x}", u128::from_be_bytes(bytes)).into())
    }

    /// Returns the id as in a URL before percent-encoding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a store cannot hold both: they are equal, or one lies
    /// below the other, like `a/b` below `a`.
    ///
    /// ```
    /// use tower_tus_layers::protocol::UploadId;
    ///
    /// let id: UploadId = "a/b".parse()?;
    /// assert!(id.conflicts_with(&"a".parse()?));
    /// assert!(!id.conflicts_with(&"a/bc".parse()?));
    /// # Ok::<_, tower_tus_layers::protocol::InvalidUploadId>(())
    /// ```
    #[must_use]
    pub fn conflicts_with(&self, other: &Self) -> bool {
        let reaches = |outer: &Self, inner: &Self| {
            let rest = inner.as_str().strip_prefix(outer.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        reaches(self, other) || reaches(other, self)
    }
}

impl FromStr for UploadId {
    type Err = InvalidUploadId;

    fn from_str(id: &str) -> Result<Self, InvalidUploadId> {
        if id.len() <= MAX_ID && id.split('/').all(is_segment) {
            Ok(Self(id.into()))
        } else {
            Err(InvalidUploadId(()))
        }
    }
}

fn is_segment(segment: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$'()*+,;=:@".contains(&byte);
    (1..=MAX_SEGMENT).contains(&segment.len())
        && segment.bytes().all(allowed)
        && !matches!(segment, "." | "..")
        && !RESERVED.iter().any(|suffix| segment.ends_with(suffix))
}

/// Returns whether a path for an upload's bytes could be a side file of another
/// upload, or names no file.
///
/// A path relative to the store must not lead below such a name either: the
/// directory would take the side file's place. Some file systems ignore case
/// and trailing dots in names.
pub(crate) fn is_side_file(path: &str) -> bool {
    let path = Path::new(path);
    let Some(last) = path.file_name() else {
        return true;
    };
    let mut above = path.parent().into_iter().flat_map(Path::components);
    is_reserved(last) || path.is_relative() && above.any(|name| is_reserved(name.as_os_str()))
}

fn is_reserved(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    let name = name.trim_end_matches(['.', ' ']);
    RESERVED.iter().any(|suffix| name.ends_with(suffix))
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Error for a text that is not an [`UploadId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUploadId(());

impl InvalidUploadId {
    pub(crate) const fn new() -> Self {
        Self(())
    }

    /// The rule for ids, for an error that names the text itself.
    pub const RULE: &str = "not an upload id, which is segments of 1 to 240 of \
        A-Z a-z 0-9 - . _ ~ % ! $ ' ( ) * + , ; = : @ with / between them, none of which is \
        . or .. or ends in .info, .lock, .stop, .chunk, .new or .part";
}

impl fmt::Display for InvalidUploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::RULE)
    }
}

impl std::error::Error for InvalidUploadId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_characters_of_a_path() {
        for id in [
            "a",
            "a/b",
            "24e533e02ec3bc40c387f1a0e460e216",
            "a+b",
            "~%!$'()*+,;=:@",
            "...",
        ] {
            assert_eq!(id.parse::<UploadId>().unwrap().as_str(), id);
        }
    }

    #[test]
    fn nothing_leads_out_of_the_directory_or_onto_a_side_file() {
        let long = "a".repeat(241);
        let deep = "ab/".repeat(400);
        let bad = [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\\b", "a b", "a\0", "a\n",
            "\u{fc}", "x.info", "x.lock", "x.stop", "x.chunk", "x.new", "x.part", "x.info/y",
            ".info", &long, &deep,
        ];
        for id in bad {
            assert!(id.parse::<UploadId>().is_err(), "{id:?} was taken");
        }
    }

    #[test]
    fn bytes_do_not_lie_in_the_side_file_of_another_upload() {
        for path in [
            "x.chunk",
            "a/x.info",
            "/srv/x.lock",
            "x.stop/",
            "x.new//",
            "x.part/.",
            "../x.chunk",
            "x.CHUNK",
            "x.info.",
            "x.chunk/y",
            ".info",
            "",
            "/",
            "..",
            "x/..",
        ] {
            assert!(is_side_file(path), "{path:?} was taken");
        }
        for path in [
            "x",
            "x.bin",
            "a b/\u{fc}.txt",
            "/srv/my.new/x",
            "../x",
            "x.chunks",
            "info",
            "./x",
        ] {
            assert!(!is_side_file(path), "{path:?} was refused");
        }
    }

    #[test]
    fn fresh_ids_are_32_hex_digits_and_differ() {
        let (a, b) = (UploadId::random(), UploadId::random());
        assert_eq!(a.as_str().len(), 32);
        assert!(a.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(a, b);
    }
}
