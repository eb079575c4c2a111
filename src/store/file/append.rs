//! Turns the frames of a chunk into writes: the asynchronous half.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tower_tus_layers::protocol::{Chunk, Error};
use tower_tus_layers::store::{AppendError, Appended};

use super::Steps;
use super::batch::Batch;
use super::writer::Writer;

/// Stores a chunk through `writer`, with one batch in memory at a time.
///
/// A second batch would gain nothing: while a write is in flight, the host's
/// connection keeps reading.
pub(super) async fn append(chunk: Chunk<'_>, writer: Writer, batches: &Semaphore) -> Appended {
    let steps = Appending {
        steps: Arc::clone(writer.steps()),
        writer: Arc::new(Mutex::new(writer)),
    };
    let mut received = steps.receive(chunk, batches).await;
    if steps.writer().has_an_end() {
        received = steps.end(received).await;
    }
    let offset = steps.writer().offset();
    Appended::new(offset, received)
}

/// A writer that blocking steps use one after the other, never at the same
/// time.
struct Appending {
    steps: Arc<Steps>,
    writer: Arc<Mutex<Writer>>,
}

impl Appending {
    async fn receive(&self, mut chunk: Chunk<'_>, batches: &Semaphore) -> Result<(), AppendError> {
        while let Some(first) = chunk.next_data().await {
            let first = first.map_err(AppendError::Body)?;
            let permit = batches
                .acquire()
                .await
                .expect("the semaphore is never closed");
            let Batch { frames, ended } = Batch::gather(first, &mut chunk).await;
            self.write(frames).await.map_err(AppendError::Store)?;
            drop(permit);
            if let Some(ended) = ended {
                return ended.map_err(AppendError::Body);
            }
        }
        Ok(())
    }

    async fn write(&self, frames: Vec<Bytes>) -> Result<(), Error> {
        let writer = Arc::clone(&self.writer);
        let at_once = move || take(&writer).write_at_once(frames);
        let Some(frames) = self.steps.short(at_once).await? else {
            return Ok(());
        };
        let writer = Arc::clone(&self.writer);
        self.steps.long(move || take(&writer).write(&frames)).await
    }

    async fn end(&self, received: Result<(), AppendError>) -> Result<(), AppendError> {
        let writer = Arc::clone(&self.writer);
        let is_long = self.writer().ends_with_a_long_step(&received);
        // The step itself may fail, too, for example if it panics.
        let end = move || Ok(take(&writer).end(received));
        let ended = match is_long {
            true => self.steps.long(end).await,
            false => self.steps.short(end).await,
        };
        ended.map_err(AppendError::Store)?
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        take(&self.writer)
    }
}

fn take(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    // A step that panicked has still counted the bytes that it wrote.
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}
