//! Uploads in an object store.
//!
//! The object `<id>.info` is the whole state of an upload, replaced only by
//! compare-and-swap. Bytes are in places that this state names; whatever no state names
//! does not count.

mod adopt;
mod api_log;
mod append;
mod budget;
mod calls;
mod check;
mod chunks;
mod clean;
mod cloud;
mod concatenate;
mod create;
mod finish;
mod handle;
mod info;
mod keys;
mod list;
mod lock;
#[cfg(feature = "metrics")]
mod metrics;
mod objects;
mod parts;
mod place;
mod probe;
mod properties;
mod read;
mod shown;
mod state;
mod swap;
mod tail;
mod terminate;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tower_tus_layers::protocol::{BoxError, Error, Interrupt, NewUpload, UploadId};
use tower_tus_layers::store::{
    Cleaner, Concatenator, Content, Handle, ListRequest, Lister, Page, Reader, Store, Terminator,
};

use self::budget::Budget;
use self::handle::ObjectHandle;
use self::keys::Keys;
use self::lock::Desk;
use self::objects::{Objects, Watch, Watched};
use self::read::ObjectContent;

pub(crate) use self::state::State;

pub use self::cloud::{Azure, ContainerAccess, Gcs, S3, SettingsError};
pub use self::lock::StoreLocker;
pub use self::probe::Missing;
pub use super::checked::{Checked, Finding, Problem};

const MIB: u64 = 1 << 20;
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Stores uploads in a bucket of an object store.
///
/// Several servers can share a bucket. Clones share their memory.
#[derive(Clone, Debug)]
pub struct ObjectStore {
    objects: Arc<dyn Objects>,
    /// Other buckets, by their names.
    buckets: Arc<BTreeMap<String, Arc<dyn Objects>>>,
    settings: properties::Settings,
    prefix: Arc<str>,
    part_size: u64,
    parts_at_once: usize,
    budget: Budget,
    desk: Desk,
    /// How long the URLs are valid to which downloads are redirected.
    redirects: Option<Duration>,
    memory_of_passes: Arc<clean::Memory>,
}

impl ObjectStore {
    /// Stores uploads in a bucket of S3, or of a server that behaves like S3. Nothing is
    /// sent yet.
    ///
    /// # Errors
    ///
    /// Fails if a setting cannot be used, or if there are no credentials.
    pub fn s3(settings: &S3) -> Result<Self, SettingsError> {
        let mut store = Self::over(settings.open()?);
        for (name, objects) in settings.open_others()? {
            store = store.bucket(&name, objects);
        }
        Ok(store)
    }

    /// Stores uploads in a bucket of Google Cloud Storage. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Fails if a setting cannot be used, or a file with credentials cannot be read.
    pub fn gcs(settings: &Gcs) -> Result<Self, SettingsError> {
        settings.open().map(Self::over)
    }

    /// Stores uploads in a container of Azure's Blob Storage. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Fails if a setting cannot be used or is missing.
    pub fn azure(settings: &Azure) -> Result<Self, SettingsError> {
        settings.open().map(Self::over)
    }

    /// Tries out whether the bucket can be used, and returns what it lacks for several
    /// servers, or even one, to store uploads safely. AWS, Google and Azure lack nothing;
    /// some servers that speak S3 do.
    ///
    /// It writes a few objects below the prefix, the largest of 5 MiB, and removes them
    /// again. Not cancel safe: objects may stay, until they are swept.
    ///
    /// # Errors
    ///
    /// The reason why the bucket cannot be used: it does not exist, or may not be written.
    pub async fn probe(&self) -> Result<Vec<Missing>, BoxError> {
        probe::probe(self).await.map_err(Into::into)
    }

    fn over(objects: Arc<dyn Objects>) -> Self {
        Self {
            objects,
            buckets: Arc::default(),
            settings: properties::Settings::default(),
            prefix: "".into(),
            part_size: parts::PREFERRED,
            parts_at_once: 4,
            budget: Budget::new(64 * MIB),
            desk: Desk::default(),
            redirects: None,
            memory_of_passes: Arc::default(),
        }
    }

    /// Sets the beginning of all keys; empty by default. To keep the objects in a
    /// directory, end it with `/`.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the preferred size of parts in bytes: 8 MiB by default. Parts of a large
    /// upload are larger if it would need too many of them. An upload that fits into one
    /// part is sent as one object.
    #[must_use]
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = bytes;
        self
    }

    /// Sets how many parts of one upload are sent at the same time: 4 by default.
    #[must_use]
    pub fn parts_at_once(mut self, parts: usize) -> Self {
        self.parts_at_once = parts.max(1);
        self
    }

    /// Sets how many bytes of all uploads are held in memory at most: 64 MiB by
    /// default. A part that is larger takes all of it, and is held nevertheless.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.budget = Budget::new(bytes);
        self
    }

    /// Redirects downloads of finished uploads to signed URLs of the object store, which
    /// are valid for this time, of at most a week. By default, their bytes pass through
    /// this server.
    ///
    /// Anyone who has such a URL can download the upload until the URL expires.
    /// Downloads from Azure are not redirected: its URLs could not say which type a
    /// browser may take the bytes for.
    #[must_use]
    pub fn redirect_downloads(mut self, valid: Duration) -> Self {
        self.redirects = Some(valid.min(WEEK));
        self
    }

    /// Logs every call to the object store at debug level.
    #[must_use]
    pub fn log_calls(self) -> Self {
        self.watched(api_log::ApiLog)
    }

    /// Measures the calls to the object store. The names of the metrics begin with
    /// `prefix` and `_s3_`; they are registered with the recorder that is installed at
    /// this moment.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn metrics(mut self, prefix: &str) -> Self {
        self.budget = self.budget.metrics(prefix);
        self.watched(metrics::CallMetrics::new(prefix))
    }

    fn watched(mut self, watch: impl Watch) -> Self {
        let watched = Watched::new(self.objects, Arc::new(watch));
        self.objects = Arc::new(watched);
        self
    }

    /// Returns a locker for the uploads of this store, on all servers that share its
    /// bucket.
    #[must_use]
    pub fn locker(&self) -> StoreLocker {
        StoreLocker::new(self.clone())
    }

    fn keys(&self, id: &UploadId) -> Keys {
        Keys::new(&self.prefix, id)
    }
}

#[async_trait]
impl Store for ObjectStore {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        let handle = create::create(self, new).await?;
        Ok(Box::new(handle))
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        let handle = ObjectHandle::open(self, id).await?;
        Ok(Box::new(handle))
    }

    fn needs_finish(&self) -> bool {
        true
    }

    fn defers_length(&self) -> bool {
        true
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        Some(self)
    }

    fn lister(&self) -> Option<&dyn Lister> {
        Some(self)
    }

    fn cleaner(&self) -> Option<&dyn Cleaner> {
        Some(self)
    }

    fn concatenator(&self) -> Option<&dyn Concatenator> {
        Some(self)
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }
}

#[async_trait]
impl Lister for ObjectStore {
    async fn list(&self, request: &ListRequest) -> Result<Page, Error> {
        list::list(self, request).await
    }
}

#[async_trait]
impl Terminator for ObjectStore {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        terminate::terminate(self, id).await
    }
}

#[async_trait]
impl Concatenator for ObjectStore {
    async fn concatenate(
        &self,
        new: NewUpload,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Handle>, Error> {
        let handle = concatenate::concatenate(self, new, interrupt).await?;
        Ok(Box::new(handle))
    }

    async fn assemble(&self, id: &UploadId, interrupt: &Interrupt) -> Result<(), Error> {
        concatenate::assemble(self, id, interrupt).await
    }

    async fn await_part(&self, part: &UploadId, id: &UploadId) -> Result<(), Error> {
        concatenate::await_part(self, part, id).await
    }
}

#[async_trait]
impl Reader for ObjectStore {
    async fn read(&self, id: &UploadId) -> Result<Box<dyn Content>, Error> {
        let content = ObjectContent::open(self, id).await?;
        Ok(Box::new(content))
    }
}
