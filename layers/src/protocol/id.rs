use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Side files of a store; an id that ends in one could take an upload's place.
const RESERVED: [&str; 6] = [".info", ".lock", ".stop", ".chunk", ".new", ".part"];
const MAX_SEGMENT: usize = 240;
const MAX_ID: usize = 1024;

/// The name of an upload: one or more segments with `/` between them.
///
/// A segment has 1 to 240 bytes of `A-Z a-z 0-9 - . _ ~ % ! $ ' ( ) * + , ; = / : @`,
/// is neither `.` nor `..`, and does not end in `.info`, `.lock`, `.stop`,
/// `.chunk`, `.new` or `.part`; an id has at most 1,024 bytes. So an id can be
/// the path of a file below any directory, and never leads out of it.
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
    /// A fresh id that nobody can guess: 16 random bytes in hex. RES-01
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system has random numbers");
        Self(format!("{:032x}", u128::from_be_bytes(bytes)).into())
    }

    /// The id as it stands in a URL before percent-encoding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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

/// The text is not an [`UploadId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUploadId(());

impl fmt::Display for InvalidUploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an upload id")
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
    fn fresh_ids_are_32_hex_digits_and_differ() {
        let (a, b) = (UploadId::random(), UploadId::random());
        assert_eq!(a.as_str().len(), 32);
        assert!(a.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(a, b);
    }
}
