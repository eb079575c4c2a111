//! Requests to a server whose calls fail, and what may become of their uploads.

use http::{Method, Request, StatusCode};

use crate::harness::tus::{Answer, Content, Tus, content, patch, request};
use crate::ledger::{Entries, Entry, pattern};
use crate::load::{checksum, creation, final_of, url};

const LENGTH: usize = 10;
/// What is stored before the request.
const STORED: usize = 5;
/// The offset after a request that does not bring the last byte.
const NEXT: usize = 8;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    CreateWithUpload,
    CreateWhole,
    Append,
    AppendWholeOrNot,
    AppendLast,
    AppendLastWholeOrNot,
    DeclareLength,
    Head,
    Get,
    Delete,
    Concatenate,
}

impl Kind {
    /// Brings the uploads into the state before the request, with a server
    /// that works. The upload of the request is called `id`.
    pub(crate) async fn prepare(self, tus: &Tus, id: &str) -> Entries {
        match self {
            Self::Create | Self::CreateWithUpload | Self::CreateWhole => {
                [(id.to_owned(), Entry::new(pattern(1, LENGTH)))].into()
            }
            Self::Concatenate => self.prepare_parts(tus, id).await,
            Self::Get => [upload(tus, id, 1, LENGTH, "Upload-Length: 10").await].into(),
            Self::DeclareLength => {
                let headers = "Upload-Defer-Length: 1";
                let (id, mut entry) = upload(tus, id, 1, STORED, headers).await;
                entry.is_sized = false;
                [(id, entry)].into()
            }
            _ => [upload(tus, id, 1, STORED, "Upload-Length: 10").await].into(),
        }
    }

    async fn prepare_parts(self, tus: &Tus, id: &str) -> Entries {
        let mut entries = Entries::new();
        for (number, part) in parts(id).iter().enumerate() {
            let headers = "Upload-Length: 10, Upload-Concat: partial";
            let (part, entry) = upload(tus, part, 1 + number as u64, LENGTH, headers).await;
            entries.insert(part, entry);
        }
        let whole: Vec<_> = entries.values().map(|part| part.content.clone()).collect();
        entries.insert(id.to_owned(), Entry::new(whole.concat().into()));
        entries
    }

    /// Returns the request, and notes in the entry that it was sent.
    pub(crate) fn send(self, tus: &Tus, id: &str, entry: &mut Entry) -> Request<Content> {
        entry.sent = match self {
            Self::Create => 0,
            Self::CreateWithUpload | Self::Head | Self::Delete => STORED,
            Self::Append | Self::AppendWholeOrNot | Self::DeclareLength => NEXT,
            _ => entry.content.len(),
        };
        entry.whole_or_not = matches!(
            self,
            Self::AppendWholeOrNot | Self::AppendLastWholeOrNot | Self::Concatenate
        );
        entry.ending = self == Self::Delete;
        let bytes = entry.content.slice(entry.answered..entry.sent);
        let url = &url(tus, id);
        let request = match self {
            Self::Create => creation(tus, id).header("Upload-Length", LENGTH),
            Self::CreateWithUpload | Self::CreateWhole => creation(tus, id)
                .header("Upload-Length", LENGTH)
                .header("Content-Type", "application/offset+octet-stream"),
            Self::Append | Self::AppendLast => patch(url, STORED as u64),
            Self::AppendWholeOrNot | Self::AppendLastWholeOrNot => {
                patch(url, STORED as u64).header("Upload-Checksum", checksum(&bytes))
            }
            Self::DeclareLength => patch(url, STORED as u64).header("Upload-Length", LENGTH),
            Self::Head => request(Method::HEAD, url),
            Self::Get => Request::get(url),
            Self::Delete => request(Method::DELETE, url),
            Self::Concatenate => {
                let [one, other] = &parts(id);
                creation(tus, id).header("Upload-Concat", final_of([one, other]))
            }
        };
        let bytes = match self {
            Self::Concatenate => content(""),
            _ => content(bytes),
        };
        request.body(bytes).unwrap()
    }

    /// Returns the status of an answer without failures.
    pub(crate) const fn success(self) -> StatusCode {
        match self {
            Self::Create | Self::CreateWithUpload | Self::CreateWhole | Self::Concatenate => {
                StatusCode::CREATED
            }
            Self::Head | Self::Get => StatusCode::OK,
            _ => StatusCode::NO_CONTENT,
        }
    }

    /// Notes in the entry what the answer has promised, and returns what is
    /// wrong with it.
    pub(crate) fn note(self, answer: &Answer, entry: &mut Entry) -> Option<String> {
        if answer.headers().contains_key("location") {
            entry.created = true;
        }
        if answer.status() != self.success() {
            return None;
        }
        let expected = entry.sent.to_string();
        let offset = answer.headers().get("upload-offset");
        match self {
            Self::Delete => entry.ended = true,
            Self::Get if answer.body() != &entry.content => {
                return Some("GET answers other bytes".to_owned());
            }
            Self::Create | Self::Concatenate | Self::Get => {}
            _ if offset.is_none_or(|offset| *offset != *expected) => {
                return Some(format!("its offset is {offset:?} instead of {expected}"));
            }
            _ => {}
        }
        entry.answered = entry.sent;
        entry.is_sized = true;
        None
    }
}

fn parts(id: &str) -> [String; 2] {
    [format!("{id}-a"), format!("{id}-b")]
}

/// Creates an upload with these bytes.
async fn upload(tus: &Tus, id: &str, number: u64, stored: usize, headers: &str) -> (String, Entry) {
    let mut post = creation(tus, id);
    for header in headers.split(", ") {
        let (name, value) = header.split_once(": ").expect("a header has a value");
        post = post.header(name, value);
    }
    let answer = tus.ask(post).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let mut entry = Entry::new(pattern(number, LENGTH));
    let bytes = content(entry.content.slice(..stored));
    let answer = tus.append(&url(tus, id), 0, bytes).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    entry.created = true;
    (entry.answered, entry.sent) = (stored, stored);
    (id.to_owned(), entry)
}
