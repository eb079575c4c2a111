//! The `.info` file: tusd's JSON with one additional member.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use tower_tus_layers::protocol::{
    Completion, Concat, FinishState, Length, Metadata, Offset, ResponseOverride, Role, Upload,
    UploadId,
};

use super::answer::Answer;
use super::counted::Tail;
use super::layout::Layout;
use super::sys;

/// The whole document, so that tusd's own entries survive a rewrite.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Document {
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
pub(super) const SEAL: &[u8] = b" ";

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
    /// Builds the document of a new upload.
    pub(super) fn new(upload: &Upload, layout: &Layout) -> Self {
        let storage = [
            ("InfoPath", layout.info.to_string_lossy()),
            ("Path", layout.data.to_string_lossy()),
            ("Type", "filestore".into()),
        ];
        let mut document = Self {
            id: upload.id.to_string(),
            meta_data: strings(&upload.metadata),
            storage: Some(Arc::new(
                storage
                    .map(|(key, value)| (key.into(), value.into()))
                    .into(),
            )),
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

    /// Records whether each change of the upload is synced.
    pub(super) fn set_synced(&mut self, synced: bool) {
        self.tower_tus.synced = synced;
    }

    /// Whether each change of the upload has been synced.
    pub(super) const fn is_synced(&self) -> bool {
        self.tower_tus.synced
    }

    /// Whether a power cut may have lost the last bytes.
    pub(super) const fn tail(&self) -> Tail {
        match self.is_synced() {
            true => Tail::Synced,
            false => Tail::Unsynced,
        }
    }

    /// Whether the upload was recorded as finished by a [`SEAL`].
    pub(super) const fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// Notes that a [`SEAL`] was written.
    pub(super) fn seal(&mut self) {
        self.is_sealed = true;
    }

    /// Updates the members that change during the life of an upload.
    pub(super) fn update(&mut self, upload: &Upload) {
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
    pub(super) fn set_answer(&mut self, answer: &ResponseOverride) {
        self.tower_tus.answer = Some(Arc::new(Answer::from(answer)));
    }

    /// Returns the answer to the finish, if one was kept.
    pub(super) fn answer(&self) -> Option<ResponseOverride> {
        let answer = self.tower_tus.answer.as_deref();
        answer.map(Answer::response)
    }

    /// Reads `.info`, if it exists and was written to its end.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        let read = Self::load(path)?;
        read.map(|document| sys::named(path, document.map_err(io::Error::from)))
            .transpose()
    }

    /// Returns whether there is an `.info` that [`read`](Self::read) would not
    /// ignore, whether it is valid or not.
    pub(super) fn counts(path: &Path) -> io::Result<bool> {
        Self::load(path).map(|read| read.is_some())
    }

    /// Reads `.info` as far as the document reaches. Most are whole after one
    /// read.
    pub(super) fn load(path: &Path) -> io::Result<Option<serde_json::Result<Self>>> {
        let Some(file) = sys::File::open_if_there(path)? else {
            return Ok(None);
        };
        let mut json = Vec::new();
        while file.read_more(&mut json)? > 0 {
            match Self::parse(&json) {
                Err(error) if error.is_eof() => {}
                document => return Ok(Some(document)),
            }
        }
        // tusd is writing it, or a crash has come first.
        Ok(None)
    }

    pub(super) fn parse(json: &[u8]) -> serde_json::Result<Self> {
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

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers serialize to JSON")
    }

    /// Returns the upload that the document describes.
    pub(super) fn upload(&self, id: UploadId, offset: u64) -> Upload {
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

    /// Returns the recorded id, if it is another one. It is only a hint: the name of the
    /// file counts.
    pub(super) fn other_id(&self, id: &UploadId) -> Option<&str> {
        Some(&*self.id).filter(|recorded| !recorded.is_empty() && *recorded != id.as_str())
    }

    /// Returns the paths as recorded.
    pub(super) fn storage(&self) -> Option<Arc<BTreeMap<String, String>>> {
        self.storage.clone()
    }

    /// Returns the paths as recorded, corrected where files have moved. Hooks
    /// use them to find the files.
    pub(super) fn storage_at(&self, layout: &Layout) -> Option<Arc<BTreeMap<String, String>>> {
        let mut storage = self.storage.clone()?;
        for (key, path) in [("Path", &layout.data), ("InfoPath", &layout.info)] {
            let recorded = storage.get(key).map(Path::new);
            if recorded.is_some_and(|recorded| recorded != path) {
                let path = path.to_string_lossy().into();
                Arc::make_mut(&mut storage).insert(key.to_owned(), path);
            }
        }
        Some(storage)
    }

    /// Returns the recorded path of the bytes.
    pub(super) fn data(&self) -> Option<&Path> {
        self.storage.as_ref()?.get("Path").map(Path::new)
    }

    /// Returns the path where `.info` was written, as recorded.
    pub(super) fn info_path(&self) -> Option<&str> {
        self.storage.as_ref()?.get("InfoPath").map(String::as_str)
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

impl TowerTus {
    const fn is_empty(&self) -> bool {
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
pub(super) fn latin1(raw: &(impl AsRef<[u8]> + ?Sized)) -> String {
    raw.as_ref().iter().copied().map(char::from).collect()
}

/// Converts each char to one byte.
pub(super) fn bytes(latin1: &str) -> Option<Vec<u8>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn document(upload: &Upload) -> Document {
        Document::new(upload, &Layout::new(Path::new("/up"), &upload.id))
    }

    fn with_metadata(raw: &[u8]) -> Upload {
        let mut upload = Upload::new("a".parse().unwrap());
        upload.metadata = Metadata::parse(raw).unwrap();
        upload
    }

    #[test]
    fn it_reads_as_tusd_writes_it() {
        let mut upload = Upload::new("a".parse().unwrap());
        upload.length = Some(Length::from(10));
        let json = document(&upload).to_json();
        let expected = concat!(
            r#"{"ID":"a","Size":10,"SizeIsDeferred":false,"Offset":0,"MetaData":{},"#,
            r#""IsPartial":false,"IsFinal":false,"PartialUploads":null,"#,
            r#""Storage":{"InfoPath":"/up/a.info","Path":"/up/a","Type":"filestore"}}"#,
        );
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }

    #[test]
    fn the_exact_text_and_the_finishing_stand_beside_it() {
        let mut upload = with_metadata(b" name /w== , flag ");
        upload.finishing = Some(FinishState::Pending { attempts: 2 });
        let json: Value = serde_json::from_slice(&document(&upload).to_json()).unwrap();
        assert_eq!(
            json["MetaData"],
            serde_json::json!({"name": "\u{fffd}", "flag": ""})
        );
        let ours = serde_json::json!({
            "UploadMetadata": " name /w== , flag ",
            "Finishing": {"Pending": {"Attempts": 2}},
        });
        assert_eq!(json["TowerTus"], ours);
    }

    fn joined(role: Role, raw: &[u8]) -> Upload {
        let mut upload = Upload::new("a".parse().unwrap());
        let raw = HeaderValue::from_bytes(raw).unwrap();
        upload.concat = Some(Concat::new(role, Some(raw)));
        upload
    }

    #[test]
    fn partials_and_finals_are_those_of_tusd_with_their_text_beside_it() {
        let ids = |ids: [&str; 2]| ids.map(|id| id.parse().unwrap()).to_vec();
        let parts = ids(["b", "c/d"]);
        let pending = |pending| Role::Final {
            parts: parts.clone(),
            pending,
        };
        let awaited = Role::Partial {
            awaited_by: ids(["f", "g"]),
        };
        let alone = Role::Partial { awaited_by: vec![] };
        for (mut upload, members, ours) in [
            (
                joined(alone, b"partial"),
                serde_json::json!([true, false, null]),
                serde_json::json!({"UploadConcat": "partial"}),
            ),
            (
                joined(awaited, b"partial"),
                serde_json::json!([true, false, null]),
                serde_json::json!({"UploadConcat": "partial", "AwaitedBy": ["f", "g"]}),
            ),
            (
                joined(pending(false), b"final;/b /c/d?\xe4"),
                serde_json::json!([false, true, ["b", "c/d"]]),
                serde_json::json!({"UploadConcat": "final;/b /c/d?\u{e4}"}),
            ),
            (
                joined(pending(true), b"final;b c/d"),
                serde_json::json!([false, true, ["b", "c/d"]]),
                serde_json::json!({"UploadConcat": "final;b c/d", "Pending": true}),
            ),
        ] {
            let written = document(&upload);
            upload.storage = written.storage();
            let json = written.to_json();
            let value: Value = serde_json::from_slice(&json).unwrap();
            let told = ["IsPartial", "IsFinal", "PartialUploads"].map(|name| &value[name]);
            assert_eq!(serde_json::json!(told), members);
            assert_eq!(value["TowerTus"], ours);
            let read: Document = serde_json::from_slice(&json).unwrap();
            assert_eq!(read.upload(upload.id.clone(), 0), upload);
        }
    }

    #[test]
    fn of_an_upload_of_tusd_only_the_meaning_is_known() {
        let json = r#"{"IsFinal":true,"PartialUploads":["b","../x"],"Size":5}"#;
        let document: Document = serde_json::from_str(json).unwrap();
        let upload = document.upload("a".parse().unwrap(), 5);
        let parts = vec!["b".parse().unwrap()];
        let role = Role::Final {
            parts,
            pending: false,
        };
        assert_eq!(upload.concat, Some(Concat::new(role, None)));
        assert!(upload.is_complete());
    }

    #[test]
    fn an_upload_is_read_as_it_was_written() {
        for finishing in [
            None,
            Some(FinishState::Pending { attempts: 3 }),
            Some(FinishState::Done),
            Some(FinishState::Failed),
        ] {
            for length in [None, Some(0), Some(10)] {
                let mut upload = with_metadata(b"z eg==,  name /w== , flag");
                upload.created = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
                upload.completion = Completion::ByClient {
                    declared: length.is_some(),
                };
                (upload.length, upload.finishing) = (length.map(Length::from), finishing);
                let written = document(&upload);
                upload.storage = written.storage();
                let read: Document = serde_json::from_slice(&written.to_json()).unwrap();
                assert_eq!(read.upload(upload.id.clone(), 0), upload);
            }
        }
    }

    #[test]
    fn a_seal_says_that_a_complete_upload_is_finished_and_nothing_else_does() {
        let mut upload = Upload::new("a".parse().unwrap());
        upload.length = Some(Length::from(5));
        let pending = Some(FinishState::Pending { attempts: 2 });
        for (finishing, after, offset, expected) in [
            (pending, " ", 5, Some(FinishState::Done)),
            (pending, " ", 4, pending),
            (pending, "", 5, pending),
            (pending, "\n", 5, pending),
            (pending, " \n", 5, pending),
            (pending, "  ", 5, pending),
            (Some(FinishState::Failed), " ", 5, Some(FinishState::Failed)),
            (None, " ", 5, None),
        ] {
            upload.finishing = finishing;
            let mut json = document(&upload).to_json();
            json.extend_from_slice(after.as_bytes());
            let mut read = Document::parse(&json).unwrap();
            let found = read.upload(upload.id.clone(), offset);
            assert_eq!(
                found.finishing, expected,
                "{finishing:?} {after:?} {offset}"
            );
            // A rewrite says it in words.
            read.update(&found);
            let read = Document::parse(&read.to_json()).unwrap();
            let again = read.upload(upload.id.clone(), offset);
            assert_eq!(again.finishing, expected);
        }
    }

    #[test]
    fn who_changes_the_pairs_changes_the_metadata() {
        let mut document = document(&with_metadata(b"b Yg== , a YQ=="));
        document.meta_data.insert("a".into(), "c".into());
        assert_eq!(document.metadata().raw().unwrap(), "a Yw==,b Yg==");
    }

    #[test]
    fn pairs_that_no_header_could_carry_are_left_out() {
        let json = r#"{"MetaData":{"a b":"x","":"y","a\tb":"z","k,":"x","ok":"\u00e4"}}"#;
        let document: Document = serde_json::from_str(json).unwrap();
        assert_eq!(document.metadata().raw().unwrap(), "ok w6Q=");
    }

    #[test]
    fn keys_beyond_ascii_come_back_also_where_tusd_has_dropped_the_exact_text() {
        let json = r#"{"MetaData":{"gr\u00f6\u00dfe":"1","a":"b"}}"#;
        let document: Document = serde_json::from_str(json).unwrap();
        assert_eq!(
            document.metadata().raw().unwrap(),
            "a Yg==,gr\u{f6}\u{df}e MQ=="
        );
    }

    #[test]
    fn what_a_lenient_server_has_read_is_read_as_it_was_written() {
        for raw in [
            "a YQ==, gr\u{f6}\u{df}e MQ== ".as_bytes(),
            // Keys that are equal as text, and base64 that only Go accepts.
            b"\xe4 YQ==,\xf6 Yg==",
            b"a YR==",
        ] {
            let mut upload = Upload::new("a".parse().unwrap());
            upload.metadata = Metadata::parse_lenient(raw);
            let json = document(&upload).to_json();
            let read: Document = serde_json::from_slice(&json).unwrap();
            let read = read.upload(upload.id.clone(), 0);
            assert_eq!(read.metadata.raw().unwrap().as_bytes(), raw);
            assert_eq!(read.metadata, upload.metadata);
        }
        let raw = "gr\u{f6}\u{df}e MQ==".as_bytes();
        let mut upload = Upload::new("a".parse().unwrap());
        upload.metadata = Metadata::parse_lenient(raw);
        let json: Value = serde_json::from_slice(&document(&upload).to_json()).unwrap();
        assert_eq!(
            json["MetaData"],
            serde_json::json!({"gr\u{f6}\u{df}e": "1"})
        );
    }

    #[test]
    fn what_is_missing_or_null_is_as_nothing() {
        for json in [
            "{}",
            r#"{"MetaData":null,"PartialUploads":null,"Storage":null}"#,
        ] {
            let document: Document = serde_json::from_str(json).unwrap();
            assert!(document.metadata().is_empty() && document.data().is_none());
            let json = String::from_utf8(document.to_json()).unwrap();
            assert!(json.contains(r#""MetaData":{}"#), "{json}");
        }
    }

    #[test]
    fn the_answer_to_the_finish_stands_beside_the_members_of_tusd() {
        let mut upload = with_metadata(b"a YQ==");
        upload.finishing = Some(FinishState::Done);
        let without = document(&upload);
        let mut with = without.clone();
        let value = HeaderValue::from_static("/assets/1");
        let answer = ResponseOverride::default()
            .with_status(http::StatusCode::CREATED)
            .with_header(http::header::LOCATION, value)
            .with_body("{}");
        with.set_answer(&answer);
        let mut with: Value = serde_json::from_slice(&with.to_json()).unwrap();
        let own = with["TowerTus"].as_object_mut().unwrap();
        let expected = serde_json::json!(
            {"StatusCode": 201, "Header": {"location": ["/assets/1"]}, "Body": "{}"}
        );
        assert_eq!(own.remove("Answer"), Some(expected));
        let without: Value = serde_json::from_slice(&without.to_json()).unwrap();
        assert_eq!(with, without);
    }

    #[test]
    fn numbers_that_nobody_here_knows_do_not_drift() {
        let mut json = r#"{"Newer":[18446770344709551615,0.1,1e-7]}"#.to_owned();
        let members = |json: &str| serde_json::from_str::<Value>(json).unwrap()["Newer"].clone();
        let numbers = members(&json);
        for _ in 0..3 {
            let document = Document::parse(json.as_bytes()).unwrap();
            json = String::from_utf8(document.to_json()).unwrap();
            assert_eq!(members(&json), numbers);
        }
        assert!(json.contains("[1.844677034470955e+19,0.1,1e-7]"), "{json}");
    }

    #[test]
    fn members_that_nobody_here_knows_are_kept() {
        let json = r#"{"ID":"a","Newer":{"x":[1]}}"#;
        let document: Document = serde_json::from_str(json).unwrap();
        let json: Value = serde_json::from_slice(&document.to_json()).unwrap();
        assert_eq!(json["Newer"]["x"][0], 1);
    }
}
