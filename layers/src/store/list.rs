//! Lists uploads.

use async_trait::async_trait;

use crate::protocol::{Error, Upload, UploadId};

#[cfg(doc)]
use super::Store;

/// The capability to list uploads.
#[async_trait]
pub trait Lister: Send + Sync {
    /// Returns the next uploads in the order of their ids, byte by byte. Nothing is
    /// changed, made durable or locked, so an upload may have changed by the time it is
    /// returned.
    ///
    /// A store holds no more than a bounded number of uploads in memory, however many
    /// there are. Uploads that are created or removed while a caller goes from page to
    /// page may or may not be listed; each of the others is listed once.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// The reason why the storage could not be read. An upload that cannot be read does
    /// not make the list fail: it is [unreadable](Page::unreadable).
    async fn list(&self, request: &ListRequest) -> Result<Page, Error>;
}

/// Selects a page of a list.
///
/// ```
/// use tower_tus_layers::protocol::{Length, Metadata, NewUpload};
/// use tower_tus_layers::store::{ListRequest, MemoryStore, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::default();
/// for id in ["alice/1", "alice/2", "bob/1"] {
///     let mut new = NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
///     new.id = id.parse()?;
///     store.create(new).await?;
/// }
/// let lister = store.lister().expect("this store can list");
/// let mut request = ListRequest::default().prefix("alice/").limit(1);
/// let mut ids = Vec::new();
/// loop {
///     let page = lister.list(&request).await?;
///     ids.extend(page.uploads.iter().map(|upload| upload.id.to_string()));
///     let Some(next) = page.next else { break };
///     request = request.after(next);
/// }
/// assert_eq!(ids, ["alice/1", "alice/2"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListRequest {
    /// Lists only uploads whose id begins with this text; empty by default.
    pub prefix: String,
    /// Lists only uploads whose id is greater: the [`next`](Page::next) of the page
    /// before.
    pub after: Option<UploadId>,
    /// Maximum number of uploads in the page: 1,000 by default. A store may return
    /// fewer. 0 counts as 1.
    pub limit: usize,
}

impl Default for ListRequest {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            after: None,
            limit: 1_000,
        }
    }
}

impl ListRequest {
    /// Lists only uploads whose id begins with `prefix`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Continues after this id.
    #[must_use]
    pub fn after(mut self, id: UploadId) -> Self {
        self.after = Some(id);
        self
    }

    /// Sets the maximum number of uploads in the page.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Returns whether an upload with this id belongs to the list.
    #[must_use]
    pub fn selects(&self, id: &UploadId) -> bool {
        id.as_str().starts_with(&self.prefix) && self.after.as_ref().is_none_or(|after| id > after)
    }
}

/// A page of a list of uploads.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Page {
    /// The uploads, in the order of their ids.
    pub uploads: Vec<Upload>,
    /// Uploads whose state cannot be read, and why.
    pub unreadable: Vec<(UploadId, Error)>,
    /// Where the next page begins: pass it to [`ListRequest::after`]. `None` if this is
    /// the last page.
    pub next: Option<UploadId>,
}

impl Page {
    /// Creates the last page, with these uploads.
    #[must_use]
    pub fn last(uploads: Vec<Upload>) -> Self {
        Self {
            uploads,
            ..Self::default()
        }
    }
}
