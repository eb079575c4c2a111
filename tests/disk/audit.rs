//! Compares what is left of uploads with what clients were answered.

use std::path::Path;

use http::{HeaderMap, Method, StatusCode};

use crate::harness::tus::{Tus, content, request};
use crate::ledger::{Entries, Entry};
use crate::load::{creation, url};

/// What must survive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promises {
    /// Creations and offsets of unfinished uploads.
    pub(crate) offsets: bool,
    /// Finished uploads and terminations.
    pub(crate) ends: bool,
}

/// Everything that was answered.
pub(crate) const ALL: Promises = Promises {
    offsets: true,
    ends: true,
};

/// What the ledger says, from before and from after the moment of which the
/// disk tells: answers from before bind, and requests from before the later
/// moment may have had an effect.
pub(crate) struct Expected {
    pub(crate) before: Entries,
    pub(crate) after: Entries,
    pub(crate) promises: Promises,
}

/// What is left.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The uploads that exist, with their offsets.
    pub(crate) present: Vec<(String, usize)>,
    /// The ids without an upload.
    pub(crate) absent: Vec<String>,
    /// What should not be.
    pub(crate) faults: Vec<String>,
}

impl Expected {
    /// Returns what is expected when nothing happened between the two moments.
    pub(crate) fn all(entries: Entries) -> Self {
        let before = entries.clone();
        Self {
            before,
            after: entries,
            promises: ALL,
        }
    }

    /// Asks the server for each upload, and compares its bytes in `data`.
    pub(crate) async fn compare(&self, tus: &Tus, data: &Path) -> Found {
        let mut found = Found::default();
        for (id, entry) in &self.after {
            let head = tus.head(&url(tus, id)).await;
            let fault = match head.status() {
                StatusCode::OK => {
                    let offset = offset(head.headers());
                    found.present.push((id.clone(), offset.unwrap_or(0)));
                    self.of_present(id, entry, offset)
                        .or_else(|| self.of_length(id, head.headers()))
                        .or_else(|| of_bytes(&data.join(id), entry, offset?))
                }
                StatusCode::NOT_FOUND => {
                    found.absent.push(id.clone());
                    self.of_absent(id, entry)
                }
                status => Some(format!("HEAD answers {status}")),
            };
            if let Some(fault) = fault {
                found.faults.push(self.describe(id, &fault));
            }
        }
        found
    }

    fn describe(&self, id: &str, fault: &str) -> String {
        let short = |entry: &Entry| {
            let Entry {
                created,
                answered,
                sent,
                whole_or_not,
                ending,
                ended,
                ..
            } = entry;
            let length = entry.content.len();
            format!(
                "created {created}, {answered} answered and {sent} sent of {length}, \
                 whole or not {whole_or_not}, ending {ending}, ended {ended}"
            )
        };
        let before = self.before.get(id).map_or_else(String::new, short);
        let after = short(&self.after[id]);
        format!("{id}: {fault}\n   before: {before}\n   after: {after}")
    }

    fn of_present(&self, id: &str, entry: &Entry, offset: Option<usize>) -> Option<String> {
        let Some(offset) = offset else {
            return Some("it has no offset".to_owned());
        };
        if offset > entry.sent {
            return Some(format!("it has {offset} bytes"));
        }
        if entry.whole_or_not && offset > entry.answered && offset != entry.sent {
            return Some(format!("a part of a whole chunk is left: {offset}"));
        }
        let before = self.before.get(id)?;
        if self.promises.ends && before.ended {
            return Some("it came back".to_owned());
        }
        let kept = self.promises.offsets || self.promises.ends && before.is_finished();
        (kept && offset < before.answered).then(|| format!("only {offset} bytes are left"))
    }

    fn of_length(&self, id: &str, headers: &HeaderMap) -> Option<String> {
        let is_kept = self.promises.ends && self.before.get(id)?.is_sized;
        (is_kept && !headers.contains_key("upload-length")).then(|| "its length is gone".to_owned())
    }

    fn of_absent(&self, id: &str, entry: &Entry) -> Option<String> {
        let before = self.before.get(id)?;
        let kept = self.promises.offsets || self.promises.ends && before.is_finished();
        (kept && before.created && !entry.ending).then(|| "it is gone".to_owned())
    }
}

fn offset(headers: &HeaderMap) -> Option<usize> {
    headers.get("upload-offset")?.to_str().ok()?.parse().ok()
}

/// Compares the bytes up to the offset.
fn of_bytes(path: &Path, entry: &Entry, offset: usize) -> Option<String> {
    let stored = match std::fs::read(path) {
        Ok(stored) => stored,
        Err(error) => return Some(format!("its bytes: {error}")),
    };
    let Some(stored) = stored.get(..offset) else {
        return Some(format!(
            "{} bytes, and its offset is {offset}",
            stored.len()
        ));
    };
    let differs = (0..offset).find(|&at| stored[at] != entry.content[at])?;
    let byte = stored[differs];
    Some(format!("byte {differs} of {offset} is {byte}"))
}

/// Creates uploads under ids that are free again, and deletes them. Returns the
/// ids that are taken.
pub(crate) async fn create_again(tus: &Tus, data: &Path, ids: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    for id in ids {
        let answer = tus.ask(creation(tus, id).header("Upload-Length", 1)).await;
        if answer.status() != StatusCode::CREATED {
            let left = names(data, id);
            faults.push(format!(
                "{id}: its id is taken ({}): {left:?}",
                answer.status()
            ));
            continue;
        }
        faults.extend(delete(tus, data, id).await);
    }
    faults
}

/// Sends what is missing of uploads, compares what a GET returns, and deletes
/// them. Returns what failed.
pub(crate) async fn carry_to_the_end(
    tus: &Tus,
    data: &Path,
    uploads: &[(String, usize)],
    entries: &Entries,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (id, offset) in uploads {
        let whole = &entries[id].content;
        if *offset < whole.len() {
            let rest = content(whole.slice(offset..));
            let answer = tus.append(&url(tus, id), *offset as u64, rest).await;
            if answer.status() != StatusCode::NO_CONTENT {
                faults.push(format!("{id}: its rest: {}", answer.status()));
            }
        }
        let got = tus.send(get(tus, id)).await;
        if got.status() != StatusCode::OK || got.body() != whole {
            let (status, length) = (got.status(), got.body().len());
            let stored = of_bytes(&data.join(id), &entries[id], whole.len());
            faults.push(format!(
                "{id}: GET answers {status}, {length} bytes; {stored:?}"
            ));
        }
        faults.extend(delete(tus, data, id).await);
    }
    faults
}

pub(crate) fn get(tus: &Tus, id: &str) -> http::Request<crate::harness::tus::Content> {
    let get = http::Request::get(url(tus, id));
    get.body(content("")).unwrap()
}

/// Deletes an upload. Returns what failed, or what is left of it.
pub(crate) async fn delete(tus: &Tus, data: &Path, id: &str) -> Option<String> {
    let answer = tus.ask(request(Method::DELETE, &url(tus, id))).await;
    if answer.status() != StatusCode::NO_CONTENT {
        return Some(format!("{id}: DELETE answers {}", answer.status()));
    }
    let left = names(data, id);
    (!left.is_empty()).then(|| format!("{id}: DELETE leaves {left:?}"))
}

/// Returns the files of an upload.
pub(crate) fn names(data: &Path, id: &str) -> Vec<String> {
    let files = data.read_dir().unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let is_of = |name: &String| {
        let rest = name.strip_prefix(id);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    names.filter(is_of).collect()
}
