//! What a bucket contains.

use std::time::SystemTime;

use tower_tus_layers::protocol::UploadId;

use crate::store::object::ObjectStore;
use crate::store::object::calls::retried;
use crate::store::object::keys::{INFO, PART};
use crate::store::object::objects::{Listed, Multipart, MultipartId, ObjectError, Result};

/// Between the key and the id of a multipart upload in its name. It begins with a
/// character that comes before all those of ids, so the names have the order of the keys.
const UPLOAD: &str = " (multipart upload ";

/// Something in a bucket.
#[derive(Clone, Debug)]
pub(super) enum Thing {
    Object(Listed),
    Multipart(Multipart),
}

impl Thing {
    /// Looks for the thing with this name.
    pub(super) async fn find(store: &ObjectStore, name: &str) -> Result<Option<Self>> {
        let key = |name| format!("{}{name}", store.prefix);
        if let Some((name, id)) = split(name) {
            return multipart(store, &key(name), id).await;
        }
        let key = key(name);
        match retried(|| store.objects.head(&key)).await {
            Ok(found) => Ok(Some(Self::Object(Listed {
                key,
                size: found.size,
                modified: found.modified,
            }))),
            Err(ObjectError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn key(&self) -> &str {
        match self {
            Self::Object(object) => &object.key,
            Self::Multipart(multipart) => &multipart.key,
        }
    }

    pub(super) fn modified(&self) -> Option<SystemTime> {
        match self {
            Self::Object(object) => object.modified,
            Self::Multipart(multipart) => multipart.begun,
        }
    }

    /// Returns its key without the prefix of the store.
    pub(super) fn below<'a>(&'a self, store: &ObjectStore) -> &'a str {
        let key = self.key();
        key.strip_prefix(&*store.prefix).unwrap_or(key)
    }

    /// Returns its name as a leftover.
    pub(super) fn name(&self, store: &ObjectStore) -> String {
        let below = self.below(store);
        match self {
            Self::Object(_) => below.to_owned(),
            Self::Multipart(multipart) => format!("{below}{UPLOAD}{})", multipart.id.0),
        }
    }

    /// Returns the uploads to which it may belong.
    pub(super) fn places(&self, store: &ObjectStore) -> impl Iterator<Item = UploadId> + use<> {
        let below = self.below(store);
        let (tail, piece) = match self {
            Self::Object(_) => (below.strip_suffix(PART), split_piece(below)),
            Self::Multipart(_) => (None, None),
        };
        let whole = below.strip_suffix(INFO).unwrap_or(below);
        let ids = [tail.unwrap_or(whole), piece.map_or("", |(id, _)| id)];
        let ids = ids.map(|id| id.parse().ok());
        ids.into_iter().flatten()
    }

    pub(super) async fn remove(&self, store: &ObjectStore) -> Result<()> {
        let objects = &store.objects;
        match self {
            Self::Object(object) => retried(|| objects.delete(&object.key)).await,
            Self::Multipart(it) => retried(|| objects.abort(&it.key, &it.id)).await,
        }
    }
}

async fn multipart(store: &ObjectStore, key: &str, id: &str) -> Result<Option<Thing>> {
    let id = MultipartId(id.to_owned());
    match retried(|| store.objects.parts(key, &id, 0)).await {
        Ok(_) => Ok(Some(Thing::Multipart(Multipart {
            key: key.to_owned(),
            id,
            begun: None,
        }))),
        Err(ObjectError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the key and the id of a multipart upload with this name.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    name.strip_suffix(')')?.split_once(UPLOAD)
}

/// Returns the id of the upload and the name of its piece, if a key may be that of a
/// piece of ours: nobody else gives such names.
pub(super) fn split_piece(key: &str) -> Option<(&str, &str)> {
    let (id, name) = key.strip_suffix(PART)?.rsplit_once('.')?;
    let random = |text: &str| text.len() == 32 && text.bytes().all(|it| it.is_ascii_hexdigit());
    let is_piece = name.split_once('-').is_some_and(|(writer, number)| {
        random(writer) && !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit())
    });
    let is_probe = name == "probe" && random(id.rsplit('/').next().unwrap_or(id));
    (is_piece || is_probe).then_some((id, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_random_names_are_those_of_our_pieces() {
        let writer = "00112233445566778899aabbccddeeff";
        let key = format!("a/b.{writer}-12.part");
        assert_eq!(split_piece(&key).map(|(id, _)| id), Some("a/b"));
        let probe = format!("up/{writer}.probe.part");
        assert!(split_piece(&probe).is_some());
        for other in [
            "film.part",
            "a.1-2.part",
            "a.probe.part",
            &format!("a.{writer}.part"),
            &format!("a.{writer}-.part"),
            &format!("a.{writer}-x.part"),
            &format!("a.{writer}-1"),
        ] {
            assert_eq!(split_piece(other), None, "{other}");
        }
    }

    #[test]
    fn the_name_of_a_multipart_upload_comes_right_behind_its_key() {
        let name = format!("a{UPLOAD}x)");
        assert_eq!(split(&name), Some(("a", "x")));
        assert!(*"a" < *name && *name < *"a+b" && *name < *"a-b" && *name < *"a.info");
    }
}
