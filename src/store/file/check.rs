//! Checks whether the files of uploads agree with each other.

use tower_tus_layers::protocol::{Error, FinishState, Upload, UploadId};
use tower_tus_layers::store::ListRequest;

use super::FileStore;
use super::error::{of_store, of_upload};
use super::info::Document;
use super::layout::Layout;
use super::list::{self, Collected};
use super::look::peek;
use super::place::{self, Place};
use super::sys;
use crate::store::checked::{Checked, Finding, Problem};

impl FileStore {
    /// Checks the next uploads of a list, and returns what is wrong with them. Nothing is
    /// changed, and no upload's bytes are read.
    ///
    /// What crashes have left is not reported here, but by the store's
    /// [cleaner](tower_tus_layers::store::Cleaner). An upload that a request changes at
    /// this moment may be found to be wrong and be right a moment later.
    ///
    /// ```
    /// use tower_tus::store::file::{FileStore, Problem};
    /// use tower_tus_layers::protocol::Length;
    /// use tower_tus_layers::store::ListRequest;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path();
    /// std::fs::write(dir.join("a.info"), r#"{"ID":"a","Size":5}"#)?;
    /// std::fs::write(dir.join("a"), "too long")?;
    /// let checked = FileStore::new(dir).check(&ListRequest::default()).await?;
    /// assert_eq!(checked.uploads, 1);
    /// let problem = &checked.findings[0].problem;
    /// assert!(matches!(problem, Problem::TooLong { bytes: 8, length: 5 }));
    /// assert_eq!(problem.to_string(), "it has 8 bytes, more than its length of 5");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The reason why the directory could not be read.
    pub async fn check(&self, request: &ListRequest) -> Result<Checked, Error> {
        let (mut checked, next) = list::collect::<Checked>(self, request).await?;
        checked.next = next;
        Ok(checked)
    }
}

impl Collected for Checked {
    fn len(&self) -> usize {
        usize::try_from(self.uploads).unwrap_or(usize::MAX)
    }

    fn add(&mut self, store: &FileStore, id: &UploadId) {
        self.uploads += 1;
        let problem = match find(store, id) {
            Ok(problem) => problem,
            // It was removed just now.
            Err(Error::NotFound) => None,
            Err(error) => Some(Problem::Unreadable(error)),
        };
        self.findings.extend(problem.map(|problem| Finding {
            id: id.clone(),
            problem,
        }));
    }
}

fn find(store: &FileStore, id: &UploadId) -> Result<Option<Problem>, Error> {
    let layout = Layout::new(store.dir(), id);
    let Some(document) = Document::read(&layout.info).map_err(of_store)? else {
        let is_there = sys::exists(&layout.info).map_err(of_store)?;
        return Ok(is_there.then_some(Problem::Torn));
    };
    if let Some(recorded) = document.other_id(id) {
        let recorded = recorded.to_owned();
        return Ok(Some(Problem::OtherId { recorded }));
    }
    let (layout, seen) = match place::locate(store, id, layout, &document).map_err(of_store)? {
        Place::Found(layout, seen) => (layout, seen),
        Place::Gone(data) => {
            let gone = of_upload(place::gone(&data));
            let is_there = matches!(gone, Error::NotFound);
            return Ok(Some(if is_there {
                Problem::Gone
            } else {
                Problem::DirectoryGone
            }));
        }
    };
    let upload = peek(store, id.clone(), &layout, seen, &document)?;
    Ok(compare(&upload, seen.len))
}

/// Compares an upload with the size of its data file.
fn compare(upload: &Upload, bytes: u64) -> Option<Problem> {
    if upload.is_failed() {
        return Some(Problem::Failed);
    }
    // The bytes of a pending final do not count.
    let length = upload.length.filter(|_| !upload.is_pending())?.get();
    let is_whole = upload.is_final() || upload.finishing == Some(FinishState::Done);
    match bytes {
        _ if bytes > length => Some(Problem::TooLong { bytes, length }),
        _ if bytes < length && is_whole => Some(Problem::TooShort { bytes, length }),
        _ => None,
    }
}
