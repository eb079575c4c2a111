//! Clean-ups after a crash.

use super::play::{Play, Step};
use crate::protocol::UploadId;
use crate::store::{LeftoverRequest, ListRequest};

/// The maximum number of pages, so that a store that goes round in circles fails.
const MOST: usize = 1_000;

impl Play<'_> {
    /// Removes what crashes have left, however young it is.
    pub(super) async fn sweep(&self) -> Step {
        let Some(cleaner) = self.store.cleaner() else {
            return Ok(());
        };
        // Of few things a page, so that pages follow.
        let mut request = LeftoverRequest::default().limit(1);
        for _ in 0..MOST {
            let page = cleaner.leftovers(&request).await;
            let page = self.swept("to look for leftovers", page)?;
            for leftover in page.leftovers.iter().filter(|it| !it.kind.is_foreign()) {
                let cleaned = self.swept("to remove a leftover", cleaner.clean(leftover).await)?;
                assert!(cleaned.is_some(), "it was none any more: {leftover:?}");
                let again = self.swept("to do so again", cleaner.clean(leftover).await)?;
                assert!(again.is_none(), "it was removed twice: {leftover:?}");
            }
            let Some(next) = page.next else { return Ok(()) };
            request = request.after(next);
        }
        panic!("the clean-up has not ended");
    }

    fn swept<T>(&self, what: &str, result: Result<T, crate::protocol::Error>) -> Step<T> {
        match (result, self.has_stopped()) {
            (_, true) => Err(super::play::Stopped),
            (Ok(result), false) => Ok(result),
            (Err(error), false) => panic!("{what} failed: {error:?}"),
        }
    }

    /// Returns the ids of all uploads, if the store can list them.
    pub(super) async fn list(&self) -> Option<Vec<UploadId>> {
        let lister = self.store.lister()?;
        let (mut request, mut ids) = (ListRequest::default(), Vec::new());
        loop {
            let page = lister.list(&request).await.expect("uploads can be listed");
            assert!(page.unreadable.is_empty(), "{:?}", page.unreadable);
            ids.extend(page.uploads.into_iter().map(|upload| upload.id));
            let Some(next) = page.next else {
                return Some(ids);
            };
            request = request.after(next);
        }
    }
}
