//! Turns the frames of a chunk into writes: the asynchronous half.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tower_tus_layers::protocol::{Chunk, Error};
use tower_tus_layers::store::{AppendError, Appended};

use super::batch::Batch;
use super::blocking;
use super::writer::Writer;

/// Stores a chunk through `writer`, with one batch in memory at a time.
///
/// A second batch would gain nothing: while a write is in flight, the host's
/// connection keeps reading.
pub(super) async fn append(chunk: Chunk<'_>, writer: Writer, batches: &Semaphore) -> Appended {
    let steps = Steps(Arc::new(Mutex::new(writer)));
    let mut received = steps.receive(chunk, batches).await;
    if steps.writer().has_an_end() {
        received = steps.end(received).await;
    }
    let offset = steps.writer().offset();
    Appended::new(offset, received)
}

/// A writer that blocking steps use one after the other, never at the same
/// time.
struct Steps(Arc<Mutex<Writer>>);

impl Steps {
    async fn receive(&self, mut chunk: Chunk<'_>, batches: &Semaphore) -> Result<(), AppendError> {
        while let Some(first) = chunk.next_data().await {
            let first = first.map_err(AppendError::Body)?;
            let permit = batches
                .acquire()
                .await
                .expect("the semaphore is never closed");
            let Batch { frames, ended } = Batch::gather(first, &mut chunk).await;
            let written = self.take(move |writer| writer.write(&frames)).await;
            written.map_err(AppendError::Store)?;
            drop(permit);
            if let Some(ended) = ended {
                return ended.map_err(AppendError::Body);
            }
        }
        Ok(())
    }

    async fn end(&self, received: Result<(), AppendError>) -> Result<(), AppendError> {
        // The step itself may fail, too, for example if it panics.
        let ended = self.take(move |writer| Ok(writer.end(received))).await;
        ended.map_err(AppendError::Store)?
    }

    async fn take<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Writer) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let steps = Self(self.0.clone());
        blocking(move || step(&mut steps.writer())).await
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A step that panicked has still counted the bytes that it wrote.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
