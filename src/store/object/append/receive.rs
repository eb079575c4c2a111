//! Reads the body of a request within the memory of the process.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use tokio::time::sleep_until;
use tower_tus_layers::protocol::{Chunk, Error};
use tower_tus_layers::store::AppendError;

use super::writer::Writer;
use crate::store::object::budget::STEP;

/// What comes next.
enum Event {
    Data(Option<Result<Bytes, Error>>),
    /// Another request waits for memory.
    Contested,
    /// Parts have waited for long enough to be committed.
    Due,
}

impl Writer<'_> {
    /// Reads the chunk to its end, or to an error.
    pub(super) async fn receive(&mut self, chunk: &mut Chunk<'_>) -> Result<(), AppendError> {
        loop {
            let done = match self.next(chunk).await {
                Event::Data(None) => return Ok(()),
                Event::Data(Some(Err(error))) => return Err(AppendError::Body(error)),
                Event::Data(Some(Ok(data))) => self.take(data).await,
                Event::Contested => self.spill().await,
                Event::Due => self.commit_parts().await,
            };
            done.map_err(AppendError::Store)?;
        }
    }

    async fn next(&self, chunk: &mut Chunk<'_>) -> Event {
        let mut contested = pin!(self.budget().contested());
        let mut due = pin!(sleep_until(self.due()));
        poll_fn(|cx| {
            if let Poll::Ready(data) = chunk.poll_data(cx) {
                return Poll::Ready(Event::Data(data));
            }
            if !self.buffer.pieces().is_empty() && contested.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Contested);
            }
            if self.has_uncommitted_parts() && due.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Due);
            }
            Poll::Pending
        })
        .await
    }

    /// Takes bytes into memory, and sends each part that is full.
    async fn take(&mut self, mut data: Bytes) -> Result<(), Error> {
        while !data.is_empty() {
            if self.missing() == 0 {
                self.send_part().await?;
            }
            let room = self.make_room().await?.min(self.missing());
            let most = usize::try_from(room).unwrap_or(usize::MAX).min(data.len());
            self.buffer.push(data.split_to(most));
        }
        match self.missing() {
            0 => self.send_part().await,
            _ => Ok(()),
        }
    }

    /// Returns for how many bytes there is memory: at least one. Whatever is in memory
    /// is stored before this waits.
    async fn make_room(&mut self) -> Result<u64, Error> {
        if self.buffer.room() == 0 {
            let more = match self.budget().try_lend(STEP) {
                Some(more) => more,
                None => {
                    self.spill().await?;
                    self.budget().lend(STEP).await
                }
            };
            self.buffer.grow(more);
        }
        Ok(self.buffer.room())
    }
}
