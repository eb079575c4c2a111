//! Reads the body of a request within the memory of the process.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use tokio::time::sleep_until;
use tower_tus_layers::protocol::{Chunk, Error};
use tower_tus_layers::store::AppendError;

use super::writer::Writer;
use crate::store::object::budget::{Loan, STEP};

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
                Event::Contested => self.give_back().await,
                Event::Due => self.commit_parts().await,
            };
            done.map_err(AppendError::Store)?;
        }
    }

    async fn next(&self, chunk: &mut Chunk<'_>) -> Event {
        let contested = async {
            sleep_until(self.pace.end()).await;
            self.budget().contested().await;
        };
        let mut contested = pin!(contested);
        let mut due = pin!(sleep_until(self.due()));
        poll_fn(|cx| {
            if let Poll::Ready(data) = chunk.poll_data(cx) {
                return Poll::Ready(Event::Data(data));
            }
            if self.buffer.len() > 0 && contested.as_mut().poll(cx).is_ready() {
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
        self.pace.hear();
        while !data.is_empty() {
            if self.missing() == 0 && !self.send_full_part().await? {
                self.take_last(data);
                return Ok(());
            }
            let Some(room) = self.make_room().await? else {
                self.take_last(data);
                return Ok(());
            };
            let room = room.min(self.missing());
            let most = usize::try_from(room).unwrap_or(usize::MAX).min(data.len());
            self.buffer.push(&data.split_to(most));
        }
        if self.missing() == 0 {
            self.send_full_part().await?;
        }
        Ok(())
    }

    /// Takes bytes of a request that is to end, for which there is no memory: they are in
    /// memory already. Nothing follows that could go into a part of its own, so the next
    /// one is larger, unless it must not be.
    fn take_last(&mut self, mut data: Bytes) {
        if self.has_equal_parts() {
            let missing = usize::try_from(self.missing()).unwrap_or(usize::MAX);
            data.truncate(missing);
        }
        self.buffer.grow(Loan::of_bytes_in_hand(data.len() as u64));
        self.buffer.push(&data);
    }

    async fn send_full_part(&mut self) -> Result<bool, Error> {
        self.pace.judge(self.buffer.len());
        let is_sent = self.send_part().await?;
        self.pace.begin();
        Ok(is_sent)
    }

    /// Stores what is in memory, for others who wait.
    async fn give_back(&mut self) -> Result<(), Error> {
        self.pace.judge(self.buffer.len());
        self.spill().await?;
        self.pace.begin();
        Ok(())
    }

    /// Returns for how many bytes there is memory: at least one. Nothing if the request
    /// is to end before there is any.
    async fn make_room(&mut self) -> Result<Option<u64>, Error> {
        if self.buffer.room() == 0 {
            self.pace.judge(self.buffer.len());
            let Some(more) = self.more_memory().await? else {
                return Ok(None);
            };
            self.buffer.grow(more);
        }
        Ok(Some(self.buffer.room()))
    }

    /// Borrows memory for the bytes that come next. Whatever is in memory is stored
    /// before this waits for others.
    async fn more_memory(&mut self) -> Result<Option<Loan>, Error> {
        loop {
            if let Some(more) = self.budget().try_lend(self.wanted()) {
                return Ok(Some(more));
            }
            // Parts on their way give theirs back.
            if self.sent.is_empty() {
                break;
            }
            self.land().await?;
        }
        self.spill().await?;
        let more = self.lend(self.wanted()).await;
        self.pace.begin();
        Ok(more)
    }

    /// How much memory to borrow: enough for the rest of a part from a client that fills
    /// it soon, so that uploads take turns, and little from others.
    fn wanted(&self) -> u64 {
        match self.pace.is_quick() {
            true => self.to_fill().clamp(STEP, self.budget().share()),
            false => STEP,
        }
    }
}
