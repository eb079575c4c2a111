//! What a key tells.

use std::fmt;

use tower_tus_layers::protocol::UploadId;

use crate::store::object::keys::Keys;
use crate::store::object::objects::MultipartId;

/// Between the key and the id of a multipart upload. No id has a space, and all that an
/// id has comes behind it, so names are in the order of keys.
const UPLOAD_ID: &str = " uploadId=";
const PART: &str = ".part";
/// The length of random names.
const RANDOM: usize = 32;

/// A thing in the bucket whose key says that it may be ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) key: String,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Info(UploadId),
    Piece(Owners),
    /// The finished object of an upload.
    Data(UploadId),
    /// What will be the finished object of an upload.
    Multipart(UploadId, MultipartId),
}

/// Whose an object may be whose key ends with `.part`.
///
/// The tail that tusd keeps of an upload may have an id that looks like a piece of
/// another upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owners {
    pub(super) of_piece: Option<UploadId>,
    pub(super) of_tail: Option<UploadId>,
}

impl Name {
    /// Returns `None` if it is none of ours.
    pub(super) fn of(prefix: &str, name: &str) -> Option<Self> {
        if let Some((key, id)) = name.rsplit_once(UPLOAD_ID) {
            return Self::of_multipart(prefix, key, MultipartId(id.to_owned()));
        }
        Self::of_object(prefix, name)
    }

    pub(super) fn of_multipart(prefix: &str, key: &str, id: MultipartId) -> Option<Self> {
        let upload = key.strip_prefix(prefix)?.parse().ok()?;
        Some(Self {
            key: key.to_owned(),
            what: What::Multipart(upload, id),
        })
    }

    pub(super) fn of_object(prefix: &str, key: &str) -> Option<Self> {
        let path = key.strip_prefix(prefix)?;
        let what = if let Some(id) = Keys::id_of_info(prefix, key) {
            What::Info(id)
        } else if let Some(path) = path.strip_suffix(PART) {
            What::Piece(Owners::of(path)?)
        } else {
            What::Data(path.parse().ok()?)
        };
        let key = key.to_owned();
        Some(Self { key, what })
    }

    /// Where this is in the order of names.
    pub(super) fn order(&self) -> (&str, Option<&str>) {
        match &self.what {
            What::Multipart(_, id) => (&self.key, Some(&id.0)),
            _ => (&self.key, None),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Multipart(_, id) => write!(f, "{}{UPLOAD_ID}{}", self.key, id.0),
            _ => f.write_str(&self.key),
        }
    }
}

impl Owners {
    fn of(path: &str) -> Option<Self> {
        let piece = path.rsplit_once('.').filter(|(_, name)| is_piece(name));
        let owners = Self {
            of_piece: piece.and_then(|(id, _)| id.parse().ok()),
            of_tail: path.parse().ok(),
        };
        let is_any = owners.of_piece.is_some() || owners.of_tail.is_some();
        is_any.then_some(owners)
    }
}

/// Whether this may be the name of a piece: a random text and a number.
fn is_piece(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let parts = name.split_once('-');
    parts.is_some_and(|(random, number)| is_random_text(random) && is_number(number))
}

/// Whether an id may be one that was made by [`UploadId::random`].
pub(super) fn is_random(id: &UploadId) -> bool {
    is_random_text(id.as_str())
}

fn is_random_text(text: &str) -> bool {
    let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == RANDOM && text.bytes().all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::object::state::random;

    #[test]
    fn a_key_tells_what_it_may_be() {
        let id = |id: &str| id.parse::<UploadId>().unwrap();
        let piece = format!("{}-12", random());
        let named = |name: &str| Name::of("up/", name).map(|it| it.what);
        assert_eq!(named("up/a/b"), Some(What::Data(id("a/b"))));
        assert_eq!(named("up/a.info"), Some(What::Info(id("a"))));
        let owners = |of_piece: Option<&str>, of_tail: &str| {
            Some(What::Piece(Owners {
                of_piece: of_piece.map(id),
                of_tail: Some(id(of_tail)),
            }))
        };
        let both = format!("a.b.{piece}");
        assert_eq!(
            named(&format!("up/{both}.part")),
            owners(Some("a.b"), &both)
        );
        assert_eq!(named("up/a.1-2.part"), owners(None, "a.1-2"));
        assert_eq!(named("up/a.part"), owners(None, "a"));
        for other in ["a", "up/", "up/a b", "up/.part", "up/.info", "up/a.lock"] {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn a_multipart_upload_comes_behind_the_object_with_its_key() {
        let multipart = Name::of_multipart("", "a", MultipartId("m.1".into())).unwrap();
        let name = multipart.to_string();
        assert_eq!(Name::of("", &name), Some(multipart));
        assert!("a" < &*name && &*name < "a!" && &*name < "a.info");
    }
}
