//! The keys of an upload's objects.

use tower_tus_layers::protocol::UploadId;

use super::adopt;

pub(super) const INFO: &str = ".info";
pub(super) const PART: &str = ".part";

/// The keys of one upload. No id ends like a key beside its own, so the keys of two
/// uploads never collide.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Keys {
    base: String,
}

impl Keys {
    /// Returns the keys of `id` below a prefix.
    pub(super) fn new(prefix: &str, id: &UploadId) -> Self {
        Self::of(prefix, id.as_str())
    }

    /// Returns the keys of all uploads whose id is a prefix of `id`.
    pub(super) fn above(prefix: &str, id: &UploadId) -> impl Iterator<Item = Self> {
        let ends = id.as_str().match_indices('/');
        ends.map(move |(end, _)| Self::of(prefix, &id.as_str()[..end]))
    }

    /// Returns the upload whose state has this key.
    pub(super) fn id_of_info(prefix: &str, key: &str) -> Option<UploadId> {
        let id = key.strip_prefix(prefix)?.strip_suffix(INFO)?;
        id.parse().ok()
    }

    /// Returns the key of the state of an upload whose object has this key by default.
    pub(super) fn info_of(data: &str) -> String {
        format!("{data}{INFO}")
    }

    /// Whether a key is one that uploads have beside their objects.
    pub(super) fn is_beside(key: &str) -> bool {
        key.ends_with(INFO) || key.ends_with(PART)
    }

    fn of(prefix: &str, id: &str) -> Self {
        Self {
            base: format!("{prefix}{id}"),
        }
    }

    /// The state of the upload. Without it the upload does not exist.
    pub(super) fn info(&self) -> String {
        Self::info_of(&self.base)
    }

    /// The bytes of the finished upload, unless it was created with another key.
    pub(super) fn data(&self) -> &str {
        &self.base
    }

    /// A piece of the bytes that are in no part yet.
    pub(super) fn piece(&self, name: &str) -> String {
        match adopt::tag_of_tail(name) {
            Some(_) => self.tail_of_tusd(),
            None => format!("{}.{name}{PART}", self.base),
        }
    }

    /// The bytes that are in no part yet, as tusd keeps them.
    pub(super) fn tail_of_tusd(&self) -> String {
        format!("{}{PART}", self.base)
    }

    /// The beginning of the keys of all uploads below this one.
    pub(super) fn below(&self) -> String {
        format!("{}/", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_has_keys_beside_its_own_that_are_no_ids() {
        let keys = Keys::new("up/", &"a/b".parse().unwrap());
        assert_eq!(keys.data(), "up/a/b");
        assert_eq!(keys.info(), "up/a/b.info");
        assert_eq!(keys.piece("3f-0"), "up/a/b.3f-0.part");
        assert_eq!(keys.piece("@\"tag\""), "up/a/b.part");
        for key in [keys.info(), keys.piece("3f-0"), keys.tail_of_tusd()] {
            assert!(key.parse::<UploadId>().is_err(), "{key}");
        }
        let id = Keys::id_of_info("up/", "up/a/b.info");
        assert_eq!(id, Some("a/b".parse().unwrap()));
        for other in ["up/a/b", "a/b.info", "up/.info", "up/a.3f-0.part"] {
            assert_eq!(Keys::id_of_info("up/", other), None, "{other}");
        }
    }

    #[test]
    fn an_id_with_segments_lies_below_each_of_its_prefixes() {
        let id = "a/b/c".parse().unwrap();
        let infos: Vec<_> = Keys::above("up/", &id).map(|keys| keys.info()).collect();
        assert_eq!(infos, ["up/a.info", "up/a/b.info"]);
    }
}
