//! Where the bytes of an upload are: the member `TowerTus.Object` of its document.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tower_tus_layers::protocol::UploadId;

use super::keys::Keys;
use super::objects::{MultipartId, PartNumber, Properties, Tag};
use super::parts::WINDOW;

/// The bytes are those of the parts, then of the tail, then those inline.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct State {
    /// Raised by each request that takes over, as the first thing that it writes.
    pub(super) epoch: u64,
    /// New with each write, except one that only sets [`wanted`](Self::wanted): tells
    /// whose write was done.
    pub(super) token: String,
    /// Drawn at creation: objects of this upload carry it. Empty for an upload that tusd
    /// has begun.
    pub(super) nonce: String,
    /// The request that has announced that it writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) writer: Option<String>,
    /// Whether somebody waits for the writer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) wanted: bool,
    /// The key of the finished object, if it is not the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    /// The bucket of the finished object, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bucket: Option<String>,
    /// The properties of the finished object, without our mark.
    #[serde(skip_serializing_if = "Properties::is_empty")]
    pub(super) properties: Properties,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) multipart: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<(PartNumber, u64, String)>,
    /// The next part number. The writer of this epoch may have used
    /// [`WINDOW`] numbers from here on, if it has [claimed](Self::claimed) them.
    pub(super) next: PartNumber,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) claimed: bool,
    /// The size of each part, where all must have the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part_size: Option<u64>,
    /// Pieces that are in no part yet: their names and sizes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tail: Vec<(String, u64)>,
    /// The last bytes, if they are few.
    #[serde(with = "base64", skip_serializing_if = "Bytes::is_empty")]
    pub(super) inline: Bytes,
    /// Whether all bytes are in the finished object, and nowhere else.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) whole: bool,
    /// Whether the upload was terminated, and the rest of it is being removed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) gone: bool,
}

impl Default for State {
    /// A state without bytes.
    fn default() -> Self {
        Self {
            epoch: 0,
            token: random(),
            nonce: String::new(),
            writer: None,
            wanted: false,
            key: None,
            bucket: None,
            properties: Properties::default(),
            multipart: None,
            parts: Vec::new(),
            next: 1,
            claimed: false,
            part_size: None,
            tail: Vec::new(),
            inline: Bytes::new(),
            whole: false,
            gone: false,
        }
    }
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            nonce: random(),
            ..Self::default()
        }
    }

    /// The number of bytes in parts.
    pub(super) fn in_parts(&self) -> u64 {
        self.parts.iter().map(|(_, size, _)| size).sum()
    }

    /// The number of bytes that are in no part.
    pub(super) fn rest(&self) -> u64 {
        let tail: u64 = self.tail.iter().map(|(_, size)| size).sum();
        tail + self.inline.len() as u64
    }

    /// The number of bytes, of an upload that is not [whole](Self::whole).
    pub(super) fn offset(&self) -> u64 {
        self.in_parts() + self.rest()
    }

    pub(super) fn multipart(&self) -> Option<MultipartId> {
        self.multipart.clone().map(MultipartId)
    }

    /// Whether tusd has begun the upload. Its object carries no mark.
    pub(super) const fn is_of_tusd(&self) -> bool {
        self.nonce.is_empty()
    }

    /// Whether tusd would use numbers for further parts that come before those of ours.
    pub(crate) fn keeps_tusd_out(&self) -> bool {
        let is_begun = self.is_of_tusd() && self.multipart.is_some();
        is_begun && self.next as usize > self.parts.len() + 1
    }

    /// The key of the finished object.
    pub(super) fn data<'a>(&'a self, keys: &'a Keys) -> &'a str {
        self.key.as_deref().unwrap_or(keys.data())
    }

    /// The parts as [`complete`](super::objects::Objects::complete) takes them.
    pub(super) fn listed_parts(&self) -> Vec<(PartNumber, Tag)> {
        let parts = self.parts.iter();
        parts
            .map(|(number, _, tag)| (*number, Tag(tag.clone())))
            .collect()
    }

    /// Reserves part numbers that nobody else has used, or is going to use.
    ///
    /// Nothing fences a part on its way: a late one of a stopped server replaces the
    /// part with its number. So no number is used by two writers.
    pub(super) fn claim(&mut self) {
        if self.claimed {
            self.next += WINDOW;
        }
        self.claimed = true;
    }

    /// Names the finished object alone.
    pub(super) fn set_whole(&mut self) {
        self.whole = true;
        self.claimed = false;
        self.multipart = None;
        self.parts = Vec::new();
        self.tail = Vec::new();
        self.inline = Bytes::new();
    }

    /// Whether `other` is the same, except that somebody may have asked for the writer
    /// to stop.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.token == other.token
    }
}

/// Returns a text that nobody else has drawn.
pub(super) fn random() -> String {
    UploadId::random().to_string()
}

mod base64 {
    use ::base64::prelude::{BASE64_STANDARD, Engine as _};
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = BASE64_STANDARD.decode(text);
        bytes.map(Bytes::from).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let mut state = State::new();
        state.parts.push((3, 5, "\"e\"".into()));
        state.tail.push(("3f-0".into(), 7));
        state.inline = Bytes::from_static(b"\0\xff");
        state.multipart = Some("m".into());
        assert_eq!(state.offset(), 14);
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state);
    }

    #[test]
    fn a_claim_skips_the_numbers_of_a_writer_that_may_still_use_them() {
        let mut state = State::new();
        state.claim();
        assert_eq!(state.next, 1, "nobody has used any");
        state.claim();
        assert_eq!(state.next, 1 + WINDOW);
        state.claimed = false;
        state.claim();
        assert_eq!(state.next, 1 + WINDOW, "the writer before has ended");
    }
}
