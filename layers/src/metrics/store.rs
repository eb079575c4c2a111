use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Uri};
use metrics::{Gauge, Histogram, gauge, histogram};

use super::cleaner::SweepMetrics;
use super::names::{described_gauge, described_histogram};
use super::stopwatch::Stopwatch;
use crate::protocol::{
    Chunk, Error, FinishState, Interrupt, Length, NewUpload, ResponseOverride, Upload, UploadId,
};
use crate::store::{
    AppendOptions, Appended, Cleaner, Concatenator, Content, Handle, Lister, Reader, Store,
    Terminator,
};

/// A store that measures the duration of its operations, and counts the uploads
/// that are receiving bytes and the leftovers that are removed.
///
/// See the [module docs](crate::metrics) for an example.
#[derive(Clone, Debug)]
pub struct TimedStore {
    pub(super) store: Arc<dyn Store>,
    pub(super) metrics: Arc<StoreMetrics>,
}

impl TimedStore {
    /// Wraps `store`; the names of the metrics begin with `prefix` and `_`. The
    /// metrics are registered here, with the recorder that is installed at this
    /// moment.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, prefix: &str) -> Self {
        Self {
            store,
            metrics: Arc::new(StoreMetrics::new(prefix)),
        }
    }

    fn timed(&self, handle: Box<dyn Handle>) -> Box<dyn Handle> {
        Box::new(TimedHandle {
            handle,
            metrics: Arc::clone(&self.metrics),
        })
    }
}

#[derive(Debug)]
pub(super) struct StoreMetrics {
    pub(super) sweep: SweepMetrics,
    in_progress: Gauge,
    create: Histogram,
    open: Histogram,
    append: Histogram,
    declare_length: Histogram,
    declare_complete: Histogram,
    record: Histogram,
    finish: Histogram,
    terminate: Histogram,
    concatenate: Histogram,
    assemble: Histogram,
    await_part: Histogram,
    read: Histogram,
    bytes: Histogram,
}

impl StoreMetrics {
    fn new(prefix: &str) -> Self {
        let in_progress = "Uploads that are receiving bytes.";
        let text = "Time that the store took, by operation.";
        let name = described_histogram(prefix, "store_operation_seconds", text);
        let times = |operation| histogram!(name.clone(), "operation" => operation);
        Self {
            sweep: SweepMetrics::new(prefix),
            in_progress: gauge!(described_gauge(prefix, "uploads_in_progress", in_progress)),
            create: times("create"),
            open: times("open"),
            append: times("append"),
            declare_length: times("declare_length"),
            declare_complete: times("declare_complete"),
            record: times("record"),
            finish: times("finish"),
            terminate: times("terminate"),
            concatenate: times("concatenate"),
            assemble: times("assemble"),
            await_part: times("await_part"),
            read: times("read"),
            bytes: times("bytes"),
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Store for TimedStore {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        let _time = Stopwatch::start(&self.metrics.create);
        let handle = self.store.create(new).await?;
        Ok(self.timed(handle))
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        let _time = Stopwatch::start(&self.metrics.open);
        let handle = self.store.open(id).await?;
        Ok(self.timed(handle))
    }

    fn needs_finish(&self) -> bool {
        self.store.needs_finish()
    }

    fn defers_length(&self) -> bool {
        self.store.defers_length()
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        self.store.terminator().map(|_| self as _)
    }

    fn concatenator(&self) -> Option<&dyn Concatenator> {
        self.store.concatenator().map(|_| self as _)
    }

    fn reader(&self) -> Option<&dyn Reader> {
        self.store.reader().map(|_| self as _)
    }

    // Only requests of clients are measured.
    fn lister(&self) -> Option<&dyn Lister> {
        self.store.lister()
    }

    fn cleaner(&self) -> Option<&dyn Cleaner> {
        self.store.cleaner().map(|_| self as _)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Terminator for TimedStore {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        let terminate = self.store.terminator().ok_or(Error::NotImplemented)?;
        let _time = Stopwatch::start(&self.metrics.terminate);
        terminate.terminate(id).await
    }

    async fn remains(&self, id: &UploadId) -> Result<Upload, Error> {
        let terminate = self.store.terminator().ok_or(Error::NotImplemented)?;
        terminate.remains(id).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Concatenator for TimedStore {
    async fn concatenate(
        &self,
        new: NewUpload,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Handle>, Error> {
        let concatenate = self.store.concatenator().ok_or(Error::NotImplemented)?;
        let _time = Stopwatch::start(&self.metrics.concatenate);
        let handle = concatenate.concatenate(new, interrupt).await?;
        Ok(self.timed(handle))
    }

    async fn assemble(&self, id: &UploadId, interrupt: &Interrupt) -> Result<(), Error> {
        let concatenate = self.store.concatenator().ok_or(Error::NotImplemented)?;
        let _time = Stopwatch::start(&self.metrics.assemble);
        concatenate.assemble(id, interrupt).await
    }

    async fn await_part(&self, part: &UploadId, id: &UploadId) -> Result<(), Error> {
        let concatenate = self.store.concatenator().ok_or(Error::NotImplemented)?;
        let _time = Stopwatch::start(&self.metrics.await_part);
        concatenate.await_part(part, id).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Reader for TimedStore {
    async fn read(&self, id: &UploadId) -> Result<Box<dyn Content>, Error> {
        let read = self.store.reader().ok_or(Error::NotImplemented)?;
        let _time = Stopwatch::start(&self.metrics.read);
        let content = read.read(id).await?;
        Ok(Box::new(TimedContent {
            content,
            metrics: Arc::clone(&self.metrics),
        }))
    }
}

#[derive(Debug)]
struct TimedContent {
    content: Box<dyn Content>,
    metrics: Arc<StoreMetrics>,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Content for TimedContent {
    fn upload(&self) -> &Upload {
        self.content.upload()
    }

    fn modified(&self) -> Option<SystemTime> {
        self.content.modified()
    }

    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let _time = Stopwatch::start(&self.metrics.bytes);
        self.content.bytes(range).await
    }

    fn headers(&self) -> HeaderMap {
        self.content.headers()
    }

    async fn redirect(&self, headers: &HeaderMap) -> Result<Option<Uri>, Error> {
        self.content.redirect(headers).await
    }
}

#[derive(Debug)]
struct TimedHandle {
    handle: Box<dyn Handle>,
    metrics: Arc<StoreMetrics>,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Handle for TimedHandle {
    fn info(&self) -> &Upload {
        self.handle.info()
    }

    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        let _time = Stopwatch::start(&self.metrics.append);
        let _receiving = InProgress::begin(&self.metrics.in_progress);
        self.handle.append(chunk, options).await
    }

    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        let _time = Stopwatch::start(&self.metrics.declare_length);
        self.handle.declare_length(length).await
    }

    async fn declare_complete(&mut self) -> Result<(), Error> {
        let _time = Stopwatch::start(&self.metrics.declare_complete);
        self.handle.declare_complete().await
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        let _time = Stopwatch::start(&self.metrics.record);
        self.handle.record(finishing).await
    }

    async fn record_finished(&mut self, answer: &ResponseOverride) -> Result<(), Error> {
        let _time = Stopwatch::start(&self.metrics.record);
        self.handle.record_finished(answer).await
    }

    fn answer(&self) -> Option<ResponseOverride> {
        self.handle.answer()
    }

    async fn finish(&mut self) -> Result<(), Error> {
        let _time = Stopwatch::start(&self.metrics.finish);
        self.handle.finish().await
    }

    async fn finish_and_record(&mut self) -> Result<(), Error> {
        let _time = Stopwatch::start(&self.metrics.finish);
        self.handle.finish_and_record().await
    }
}

/// Counts as one upload in progress until dropped.
struct InProgress<'a>(&'a Gauge);

impl<'a> InProgress<'a> {
    fn begin(gauge: &'a Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
