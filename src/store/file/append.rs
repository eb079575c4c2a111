//! Turns the frames of a chunk into writes: the asynchronous half.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tower_tus_layers::protocol::{Chunk, Error};
use tower_tus_layers::store::{AppendError, Appended};

use super::batch::Batch;
use super::sys;
use super::writer::Writer;

/// How an append ended.
pub(super) struct Ended {
    pub(super) appended: Appended,
    /// The data file, if it is still of use.
    pub(super) data: Option<sys::File>,
    /// See [`Counted`](super::counted::Counted).
    pub(super) is_settled: bool,
}

/// The writer comes back from each step, with its result. If the step has
/// panicked, it does not.
type Back<T> = Result<(Writer, T), Error>;

/// Stores a chunk through `writer`, with one batch in memory at a time.
///
/// A second batch would gain nothing: while a write is in flight, the host's
/// connection keeps reading. While it waits for bytes, it holds none.
pub(super) async fn append(chunk: Chunk<'_>, writer: Writer, batches: &Semaphore) -> Ended {
    let start = writer.offset();
    match receive(chunk, writer, batches).await {
        Ok((writer, received)) => Ended {
            appended: Appended::new(writer.offset(), received),
            is_settled: writer.is_settled(),
            data: writer.into_data(),
        },
        // Whatever it has written is found when the upload is opened again.
        Err(panicked) => Ended {
            appended: Appended::new(start, Err(AppendError::Store(panicked))),
            data: None,
            is_settled: false,
        },
    }
}

async fn receive(
    mut chunk: Chunk<'_>,
    mut writer: Writer,
    batches: &Semaphore,
) -> Back<Result<(), AppendError>> {
    while let Some(first) = chunk.next_data().await {
        let first = match first {
            Ok(first) => first,
            Err(error) => return end(writer, Err(AppendError::Body(error))).await,
        };
        let permit = batches
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let batch = Batch::gather(first, &mut chunk).await;
        let (back, ended) = match writer.takes_long_to(&batch) {
            true => long(writer, |writer| writer.store(batch)).await?,
            false => short(writer, |writer| writer.store(batch)).await?,
        };
        drop(permit);
        writer = back;
        if let Some(ended) = ended {
            return end(writer, ended).await;
        }
    }
    end(writer, Ok(())).await
}

async fn end(writer: Writer, received: Result<(), AppendError>) -> Back<Result<(), AppendError>> {
    match writer.has_begun() {
        true if writer.takes_long_to_end(&received) => {
            long(writer, |writer| writer.end(received)).await
        }
        true => short(writer, |writer| writer.end(received)).await,
        false => Ok((writer, received)),
    }
}

async fn short<T: Send + 'static>(
    writer: Writer,
    step: impl FnOnce(&mut Writer) -> T + Send + 'static,
) -> Back<T> {
    let steps = Arc::clone(writer.steps());
    steps.short(|| Ok(moved(writer, step))).await
}

async fn long<T: Send + 'static>(
    writer: Writer,
    step: impl FnOnce(&mut Writer) -> T + Send + 'static,
) -> Back<T> {
    let steps = Arc::clone(writer.steps());
    steps.long(|| Ok(moved(writer, step))).await
}

fn moved<T>(mut writer: Writer, step: impl FnOnce(&mut Writer) -> T) -> (Writer, T) {
    let done = step(&mut writer);
    (writer, done)
}
