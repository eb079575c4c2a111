//! The document `.info`: tusd's JSON with one additional member.

mod answer;

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use tower_tus_layers::protocol::{
    Completion, Concat, FinishState, Length, Metadata, Offset, ResponseOverride, Role, Upload,
    UploadId,
};

use self::answer::Answer;
#[cfg(feature = "object-store")]
use super::object::State as ObjectState;

/// The whole document, so that tusd's own entries survive a rewrite.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Document {
    #[serde(rename = "ID")]
    id: String,
    size: u64,
    size_is_deferred: bool,
    /// As outdated as in tusd: the size of the data file counts.
    offset: u64,
    #[serde(deserialize_with = "empty_if_null")]
    meta_data: BTreeMap<String, String>,
    is_partial: bool,
    is_final: bool,
    partial_uploads: Option<Vec<String>>,
    storage: Option<Arc<BTreeMap<String, String>>>,
    #[serde(skip_serializing_if = "TowerTus::is_empty")]
    tower_tus: TowerTus,
    #[serde(flatten)]
    rest: Map<String, Value>,
    /// tusd takes this for a later `IsFinal`, since Go ignores case in names. Then it
    /// refuses to append to the upload.
    #[cfg(feature = "object-store")]
    #[serde(rename = "isFinal", skip_serializing_if = "std::ops::Not::not")]
    keeps_tusd_out: bool,
    /// Whether a [`SEAL`] follows.
    #[serde(skip)]
    is_sealed: bool,
}

/// Follows the document once the upload is finished: its bytes and all names
/// were synced before. To write it changes no byte that was there, so nothing
/// can tear the document.
///
/// JSON allows it, so tusd reads the document as before. Editors end a file with
/// a line feed, but not with this.
pub(crate) const SEAL: &[u8] = b" ";

/// State that tusd's members cannot express. tusd ignores it, and drops it when
/// it rewrites the file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
struct TowerTus {
    /// The header as the client sent it, with each byte as one char.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_metadata: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finishing: Option<State>,
    /// When the upload was created, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<u64>,
    /// For an upload that the client declares complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    completion: Option<ByClient>,
    /// Like [`upload_metadata`](Self::upload_metadata).
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_concat: Option<String>,
    /// For a partial upload: the pending finals that wait for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    awaited_by: Vec<String>,
    /// For a final upload: it has no bytes yet, whatever the data file
    /// contains.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pending: bool,
    /// All bytes were synced before they counted, and this file as well.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    synced: bool,
    /// What the request was answered that has finished the upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Arc<Answer>>,
    /// Where an object store keeps the bytes.
    #[cfg(feature = "object-store")]
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<ObjectState>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all_fields = "PascalCase")]
enum State {
    Pending { attempts: u32 },
    Done,
    Failed,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ByClient {
    declared: bool,
}

impl Document {
    /// Builds the document of a new upload, which its store keeps there.
    pub(crate) fn new<'a>(
        upload: &Upload,
        storage: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Self {
        let storage = storage.into_iter();
        let storage = storage.map(|(key, value)| (key.to_owned(), value));
        let mut document = Self {
            id: upload.id.to_string(),
            meta_data: strings(&upload.metadata),
            storage: Some(Arc::new(storage.collect())),
            ..Self::default()
        };
        document.tower_tus.created = upload.created.map(seconds);
        document.tower_tus.upload_metadata = upload.metadata.raw().map(latin1);
        if let Some(concat) = &upload.concat {
            document.is_final = concat.is_final();
            document.is_partial = !concat.is_final();
            document.partial_uploads = concat.is_final().then(|| texts(concat.parts()));
            document.tower_tus.upload_concat = concat.raw.as_ref().map(latin1);
        }
        document.update(upload);
        document
    }

    /// Updates the members that change during the life of an upload.
    pub(crate) fn update(&mut self, upload: &Upload) {
        self.size = upload.length.unwrap_or_default().get();
        self.size_is_deferred = upload.length.is_none();
        self.offset = upload.offset.get();
        self.tower_tus.finishing = upload.finishing.map(State::from);
        // The document says so itself by now.
        self.is_sealed = false;
        self.tower_tus.completion = match upload.completion {
            Completion::ByClient { declared } => Some(ByClient { declared }),
            _ => None,
        };
        self.tower_tus.pending = upload.is_pending();
        if let Some(concat) = &upload.concat {
            self.tower_tus.awaited_by = texts(concat.awaited_by());
        }
    }

    /// Notes the answer to the finish.
    pub(crate) fn set_answer(&mut self, answer: &ResponseOverride) {
        self.tower_tus.answer = Some(Arc::new(Answer::from(answer)));
    }

    /// Returns the answer to the finish, if one was kept.
    pub(crate) fn answer(&self) -> Option<ResponseOverride> {
        let answer = self.tower_tus.answer.as_deref();
        answer.map(Answer::response)
    }

    pub(crate) fn parse(json: &[u8]) -> serde_json::Result<Self> {
        // Bytes that a power cut has lost read as zeros, which JSON never has.
        let json = CStr::from_bytes_until_nul(json).map_or(json, CStr::to_bytes);
        // To check the text once is faster than to check each string in it.
        let mut document: Self = match str::from_utf8(json) {
            Ok(text) => serde_json::from_str(text)?,
            Err(_) => serde_json::from_slice(json)?,
        };
        let before = json.strip_suffix(SEAL);
        document.is_sealed = before.is_some_and(|json| json.ends_with(b"}"));
        Ok(document)
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers serialize to JSON")
    }

    /// Returns the upload that the document describes.
    pub(crate) fn upload(&self, id: UploadId, offset: u64) -> Upload {
        let mut upload = Upload::new(id);
        upload.concat = self.concat();
        // The bytes of a pending final are left over from an interrupted
        // attempt.
        upload.offset = match upload.is_pending() {
            true => Offset::ZERO,
            false => Offset::saturating(offset),
        };
        upload.length = (!self.size_is_deferred).then_some(Length::saturating(self.size));
        if let Some(ByClient { declared }) = self.tower_tus.completion {
            upload.completion = Completion::ByClient { declared };
        }
        let created = self.tower_tus.created.map(Duration::from_secs);
        upload.created = created.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
        upload.metadata = self.metadata();
        upload.storage = self.storage.clone();
        upload.finishing = self.tower_tus.finishing.map(FinishState::from);
        let is_pending = matches!(upload.finishing, Some(FinishState::Pending { .. }));
        if self.is_sealed && is_pending && upload.is_complete() {
            upload.finishing = Some(FinishState::Done);
        }
        upload
    }

    /// Takes out where an object store keeps the bytes.
    #[cfg(feature = "object-store")]
    pub(crate) fn take_object(&mut self) -> Option<ObjectState> {
        self.tower_tus.object.take()
    }

    #[cfg(feature = "object-store")]
    pub(crate) fn set_object(&mut self, object: ObjectState) {
        self.keeps_tusd_out = object.keeps_tusd_out();
        self.tower_tus.object = Some(object);
    }

    /// Returns the offset as recorded.
    #[cfg(feature = "object-store")]
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the recorded id, if it is another one. It is only a hint: the name of the
    /// file counts.
    pub(crate) fn other_id(&self, id: &UploadId) -> Option<&str> {
        Some(&*self.id).filter(|recorded| !recorded.is_empty() && *recorded != id.as_str())
    }

    /// Returns the length, unless it is deferred.
    #[cfg(feature = "object-store")]
    pub(crate) fn length(&self) -> Option<u64> {
        (!self.size_is_deferred).then_some(self.size)
    }

    /// Returns the id as recorded.
    #[cfg(feature = "object-store")]
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    #[cfg(feature = "object-store")]
    pub(crate) const fn is_final(&self) -> bool {
        self.is_final
    }

    /// Records what tusd does not write.
    #[cfg(feature = "object-store")]
    pub(crate) fn record(&mut self, offset: u64, finishing: Option<FinishState>) {
        self.offset = offset;
        self.tower_tus.finishing = finishing.map(State::from);
    }

    /// Returns a member of the storage as recorded.
    #[cfg(any(all(unix, feature = "file"), feature = "object-store"))]
    pub(crate) fn stored(&self, key: &str) -> Option<&str> {
        self.storage.as_ref()?.get(key).map(String::as_str)
    }

    /// Returns the exact text, unless the decoded pairs have been edited since.
    fn metadata(&self) -> Metadata {
        self.exact_metadata()
            .filter(|exact| strings(exact) == self.meta_data)
            .unwrap_or_else(|| rebuilt(&self.meta_data))
    }

    fn exact_metadata(&self) -> Option<Metadata> {
        let raw = bytes(self.tower_tus.upload_metadata.as_deref()?)?;
        // A server with lenient parsing may have written it.
        Some(Metadata::parse_lenient(&raw))
    }

    fn concat(&self) -> Option<Concat> {
        let role = match (self.is_final, self.is_partial) {
            (true, _) => Role::Final {
                parts: ids(self.partial_uploads.as_deref().unwrap_or_default()),
                pending: self.tower_tus.pending,
            },
            (false, true) => Role::Partial {
                awaited_by: ids(&self.tower_tus.awaited_by),
            },
            (false, false) => return None,
        };
        let raw = self.tower_tus.upload_concat.as_deref().and_then(bytes);
        let raw = raw.and_then(|raw| HeaderValue::from_bytes(&raw).ok());
        Some(Concat::new(role, raw))
    }
}

#[cfg(all(unix, feature = "file"))]
impl Document {
    /// Records whether each change of the upload is synced.
    pub(crate) fn set_synced(&mut self, synced: bool) {
        self.tower_tus.synced = synced;
    }

    /// Whether each change of the upload has been synced.
    pub(crate) const fn is_synced(&self) -> bool {
        self.tower_tus.synced
    }

    /// Whether the upload was recorded as finished by a [`SEAL`].
    pub(crate) const fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// Notes that a [`SEAL`] was written.
    pub(crate) fn seal(&mut self) {
        self.is_sealed = true;
    }

    /// Returns the paths as recorded.
    pub(crate) fn storage(&self) -> Option<Arc<BTreeMap<String, String>>> {
        self.storage.clone()
    }
}

impl TowerTus {
    const fn is_empty(&self) -> bool {
        #[cfg(feature = "object-store")]
        if self.object.is_some() {
            return false;
        }
        self.upload_metadata.is_none()
            && self.finishing.is_none()
            && self.created.is_none()
            && self.completion.is_none()
            && self.upload_concat.is_none()
            && self.awaited_by.is_empty()
            && !self.pending
            && !self.synced
            && self.answer.is_none()
    }
}

impl From<FinishState> for State {
    fn from(finishing: FinishState) -> Self {
        match finishing {
            FinishState::Pending { attempts } => Self::Pending { attempts },
            FinishState::Done => Self::Done,
            FinishState::Failed => Self::Failed,
            // An upload in an unknown state is not finished.
            _ => Self::Pending { attempts: 0 },
        }
    }
}

impl From<State> for FinishState {
    fn from(state: State) -> Self {
        match state {
            State::Pending { attempts } => Self::Pending { attempts },
            State::Done => Self::Done,
            State::Failed => Self::Failed,
        }
    }
}

/// Returns the seconds since 1970.
fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// Converts the pairs to strings for JSON.
fn strings(metadata: &Metadata) -> BTreeMap<String, String> {
    let pairs = metadata.iter();
    pairs
        .map(|(key, value)| (key.into(), String::from_utf8_lossy(value).into()))
        .collect()
}

/// Rebuilds metadata from the pairs, without those that no header can carry.
fn rebuilt(pairs: &BTreeMap<String, String>) -> Metadata {
    let legal = pairs
        .iter()
        .filter(|&pair| Metadata::from_pairs([pair]).is_ok());
    Metadata::from_pairs(legal).unwrap_or_default()
}

/// Converts each byte to one char.
pub(crate) fn latin1(raw: &(impl AsRef<[u8]> + ?Sized)) -> String {
    raw.as_ref().iter().copied().map(char::from).collect()
}

/// Converts each char to one byte.
pub(crate) fn bytes(latin1: &str) -> Option<Vec<u8>> {
    latin1.chars().map(|char| u8::try_from(char).ok()).collect()
}

fn texts(ids: &[UploadId]) -> Vec<String> {
    ids.iter().map(UploadId::to_string).collect()
}

/// Returns the valid ids; tusd accepts some that lead out of its directory.
fn ids(texts: &[String]) -> Vec<UploadId> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn empty_if_null<'de, D: Deserializer<'de>>(json: D) -> Result<BTreeMap<String, String>, D::Error> {
    Option::deserialize(json).map(Option::unwrap_or_default)
}

#[cfg(all(test, unix, feature = "file"))]
mod tests;
