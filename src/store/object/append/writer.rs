use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tower_tus_layers::protocol::{Error, Interrupt, Length, Offset};
use tower_tus_layers::store::{AppendOptions, WriteMode};

use super::buffer::Buffer;
use super::pace::Pace;
use super::sending::{Part, Sent};
use crate::store::object::budget::{Budget, Loan};
use crate::store::object::calls::retried;
use crate::store::object::handle::ObjectHandle;
use crate::store::object::lock::Then;
use crate::store::object::objects::{MultipartId, PartNumber, Payload, Properties, When};
use crate::store::object::parts::{self, Progress, WINDOW};
use crate::store::object::place::Place;
use crate::store::object::properties::marked;
use crate::store::object::state::{State, random};
use crate::store::object::tail;

/// How long a part that is stored may wait to be named.
const COMMIT_TIME: Duration = Duration::from_secs(2);
/// How many bytes may.
const COMMIT_BYTES: u64 = 64 << 20;

/// Writes the bytes of one request.
pub(super) struct Writer<'a> {
    handle: &'a mut ObjectHandle,
    mode: WriteMode,
    interrupt: Interrupt,
    /// The state with all that is stored, whether the store has it already or not. The
    /// parts on their way and the buffer follow.
    state: State,
    pub(super) sent: Sent,
    pub(super) buffer: Buffer,
    pub(super) pace: Pace,
    /// The next part number, if any are claimed.
    number: Option<PartNumber>,
    /// The beginning of the names of the pieces of this request.
    name: String,
    /// The pieces that were made, and those that are not needed any more.
    made: Vec<String>,
    dropped: Vec<String>,
    committed: Instant,
}

impl<'a> Writer<'a> {
    pub(super) fn new(handle: &'a mut ObjectHandle, options: &AppendOptions) -> Self {
        Self {
            mode: options.mode,
            interrupt: options.interrupt.clone(),
            state: handle.info.state.clone(),
            sent: Sent::default(),
            buffer: Buffer::default(),
            pace: Pace::new(),
            number: None,
            name: random(),
            made: Vec::new(),
            dropped: Vec::new(),
            committed: Instant::now(),
            handle,
        }
    }

    /// Goes on after bytes that were held back.
    pub(super) fn hold(&mut self, held: Buffer) {
        self.buffer = held;
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.handle.store.budget
    }

    /// When the parts that are stored are to be named.
    pub(super) fn due(&self) -> Instant {
        self.committed + COMMIT_TIME
    }

    pub(super) fn has_uncommitted_parts(&self) -> bool {
        !self.mode.is_atomic() && (self.has_new_parts() || !self.sent.is_empty())
    }

    fn has_new_parts(&self) -> bool {
        self.state.parts.len() > self.handle.info.state.parts.len()
    }

    /// The number of bytes that are in no part.
    fn rest(&self) -> u64 {
        match self.sent.absorbs() {
            true => self.buffer.len(),
            false => self.state.rest() + self.buffer.len(),
        }
    }

    /// Returns how many bytes are missing to fill the next part.
    pub(super) fn missing(&self) -> u64 {
        self.part_size().saturating_sub(self.rest())
    }

    /// Returns how many bytes can come before the next part is full, or the upload
    /// complete.
    pub(super) fn to_fill(&self) -> u64 {
        let at = self.state.in_parts() + self.sent.bytes() + self.rest();
        let left = self.length().map(|length| length.saturating_sub(at));
        self.missing().min(left.unwrap_or(u64::MAX))
    }

    /// An upload that fits into one part has none: it is put as a whole.
    fn part_size(&self) -> u64 {
        let (store, rules) = (&self.handle.store, self.handle.place.objects.rules());
        let begun = self.state.in_parts() + self.sent.bytes();
        let progress = Progress {
            rest: self.length().map(|length| length.saturating_sub(begun)),
            parts: u32::try_from(self.state.parts.len() + self.sent.len()).unwrap_or(u32::MAX),
            next: self.number.unwrap_or(self.state.next),
        };
        let preferred = self.state.part_size.unwrap_or(store.part_size);
        let size = parts::size(rules, preferred, progress);
        let fits = self.length().is_some_and(|length| length <= size);
        match fits && self.state.multipart.is_none() {
            true => u64::MAX,
            false => size,
        }
    }

    pub(super) fn has_equal_parts(&self) -> bool {
        self.handle.place.objects.rules().equal_parts
    }

    fn length(&self) -> Option<u64> {
        self.handle.upload.length.map(Length::get)
    }

    /// Waits for memory, unless the request is to end first.
    pub(super) async fn lend(&self, bytes: u64) -> Option<Loan> {
        let mut lent = pin!(self.budget().lend(bytes));
        poll_fn(|cx| match lent.as_mut().poll(cx) {
            Poll::Ready(lent) => Poll::Ready(Some(lent)),
            Poll::Pending => self.interrupt.poll_fired(cx).map(|_| None),
        })
        .await
    }

    /// Sends everything that is in no part as one. Returns whether it did: not if the
    /// request is to end before there is memory for it.
    pub(super) async fn send_part(&mut self) -> Result<bool, Error> {
        let (multipart, number) = self.claim().await?;
        while self.sent.len() >= self.handle.store.parts_at_once {
            self.land().await?;
        }
        let absorbs = !self.sent.absorbs() && self.state.rest() > 0;
        let taken = match absorbs {
            true => self.gather().await?,
            false => Some(self.buffer.take()),
        };
        let Some((pieces, loan)) = taken else {
            return Ok(false);
        };
        let part = Part {
            number,
            payload: pieces.into_iter().collect(),
            absorbs,
            loan,
        };
        self.number = Some(number + 1);
        let sending = part.send(self.handle.place.clone(), multipart);
        self.sent.push(sending);
        if !self.mode.is_atomic() && self.is_due() {
            self.commit_parts().await?;
        }
        Ok(true)
    }

    fn is_due(&self) -> bool {
        let uncommitted = self.state.in_parts() - self.handle.info.state.in_parts();
        uncommitted >= COMMIT_BYTES || Instant::now() >= self.due()
    }

    /// Returns a number that nobody else uses.
    async fn claim(&mut self) -> Result<(MultipartId, PartNumber), Error> {
        let claimed = self.handle.info.state.next + WINDOW;
        if let (Some(number), Some(multipart)) = (self.number, self.state.multipart())
            && number < claimed
        {
            return Ok((multipart, number));
        }
        let mut state = match self.mode {
            WriteMode::Atomic => self.handle.info.state.clone(),
            _ => self.state.clone(),
        };
        match self.number {
            Some(number) => state.next = number,
            None => state.claim(),
        }
        let number = state.next;
        if number > self.handle.place.objects.rules().max_parts {
            return Err(Error::internal("the upload has no part numbers left"));
        }
        let multipart = self.begin().await?;
        state.multipart = Some(multipart.0.clone());
        self.write(state, Then::Continue).await?;
        let stored = self.handle.info.state.clone();
        self.state = State {
            parts: std::mem::take(&mut self.state.parts),
            tail: std::mem::take(&mut self.state.tail),
            inline: std::mem::take(&mut self.state.inline),
            ..stored
        };
        Ok((multipart, number))
    }

    async fn begin(&self) -> Result<MultipartId, Error> {
        if let Some(multipart) = self.state.multipart() {
            return Ok(multipart);
        }
        let properties = marked(&self.state, self.state.nonce.clone());
        let Place { objects, key, .. } = &self.handle.place;
        Ok(retried(|| objects.begin(key, &properties)).await?)
    }

    /// Returns all bytes that are in no part, with their memory. If there is not enough
    /// of it, this stores what is in memory before it waits, and returns nothing if the
    /// request is to end meanwhile.
    async fn gather(&mut self) -> Result<Option<(Vec<Bytes>, Loan)>, Error> {
        let lent = match self.budget().try_lend(self.state.rest()) {
            Some(lent) => Some(lent),
            None => {
                self.spill().await?;
                self.lend(self.state.rest()).await
            }
        };
        let Some(lent) = lent else {
            return Ok(None);
        };
        lent.shed_chunks();
        let store = &self.handle.store;
        let mut pieces = tail::read(&store.objects, &self.handle.keys, &self.state).await?;
        let (buffered, mut loan) = self.buffer.take();
        pieces.extend(buffered);
        loan.add(lent);
        Ok(Some((pieces, loan)))
    }

    /// Waits for the first part that is on its way.
    pub(super) async fn land(&mut self) -> Result<(), Error> {
        let Some(part) = self.sent.pop() else {
            return Ok(());
        };
        let (number, size, absorbs) = (part.number, part.size, part.absorbs);
        let tag = part.done().await?;
        if absorbs {
            self.dropped.extend(tail::names(&self.state));
            self.state.tail = Vec::new();
            self.state.inline = Bytes::new();
        }
        self.state.parts.push((number, size, tag.0));
        Ok(())
    }

    async fn land_all(&mut self) -> Result<(), Error> {
        while !self.sent.is_empty() {
            self.land().await?;
        }
        Ok(())
    }

    /// Stores everything that is in memory, and gives the memory back.
    pub(super) async fn spill(&mut self) -> Result<(), Error> {
        self.land_all().await?;
        self.store_rest().await?;
        match self.mode {
            WriteMode::Atomic => Ok(()),
            _ => self.commit(Then::Continue).await,
        }
    }

    /// Stores the buffer behind the tail. No part is on its way.
    async fn store_rest(&mut self) -> Result<(), Error> {
        if self.buffer.len() == 0 {
            return Ok(());
        }
        let inline = Some(self.state.inline.clone()).filter(|inline| !inline.is_empty());
        let pieces: Vec<_> = inline
            .into_iter()
            .chain(self.buffer.pieces().iter().cloned())
            .collect();
        let payload: Payload = pieces.into_iter().collect();
        if payload.len() <= tail::INLINE {
            // A copy, which does not keep the memory of whole frames.
            self.state.inline = Bytes::copy_from_slice(&payload.to_bytes());
        } else {
            let (name, size) = (format!("{}-{}", self.name, self.made.len()), payload.len());
            let (objects, key) = (&self.handle.store.objects, self.handle.keys.piece(&name));
            let properties = Properties::default();
            retried(|| objects.put(&key, payload.clone(), When::Always, &properties)).await?;
            self.made.push(name.clone());
            self.state.tail.push((name, size));
            self.state.inline = Bytes::new();
        }
        drop(self.buffer.take());
        Ok(())
    }

    /// Names the parts that are stored.
    pub(super) async fn commit_parts(&mut self) -> Result<(), Error> {
        while self.sent.is_first_done() {
            self.land().await?;
        }
        self.committed = Instant::now();
        match self.has_new_parts() {
            true => self.commit(Then::Continue).await,
            false => Ok(()),
        }
    }

    /// Names all that is stored, if the state does not do so yet.
    async fn commit(&mut self, then: Then) -> Result<(), Error> {
        if let Some(number) = self.number {
            self.state.next = number;
        }
        if self.state == self.handle.info.state {
            return Ok(());
        }
        self.write(self.state.clone(), then).await?;
        self.state = self.handle.info.state.clone();
        self.committed = Instant::now();
        let (store, dropped) = (&self.handle.store, std::mem::take(&mut self.dropped));
        tail::remove(&store.objects, &self.handle.keys, dropped).await;
        Ok(())
    }

    async fn write(&mut self, state: State, then: Then) -> Result<(), Error> {
        let mut document = self.handle.info.document.clone();
        let mut upload = self.handle.upload.clone();
        upload.offset = Offset::saturating(state.offset());
        document.update(&upload);
        self.handle.swap_then(document, state, then).await
    }

    /// Stores and names everything, unless it can be held back for the finish.
    pub(super) async fn keep(mut self, options: &AppendOptions) -> Result<(), Error> {
        if options.is_finished_next && self.is_to_be_held() {
            let offset = self.state.offset() + self.buffer.len();
            self.handle.upload.offset = Offset::saturating(offset);
            self.handle.held = Some(self.buffer);
            return Ok(());
        }
        let stored = self.store_all().await;
        if stored.is_err() && self.mode.is_atomic() {
            self.discard().await;
            return stored;
        }
        self.sent.clear();
        self.state.claimed &= self.number.is_none();
        let committed = self.commit(Then::End).await;
        stored.and(committed)
    }

    async fn store_all(&mut self) -> Result<(), Error> {
        if self.is_complete() && self.state.multipart.is_some() && self.rest() > 0 {
            self.send_part().await?;
        }
        self.land_all().await?;
        self.store_rest().await
    }

    /// Whether the upload is complete with the bytes in memory, and is put as a whole.
    fn is_to_be_held(&self) -> bool {
        let is_unchanged = self.state == self.handle.info.state && self.number.is_none();
        let has_parts = self.state.multipart.is_some();
        is_unchanged && !has_parts && self.buffer.len() > 0 && self.is_complete()
    }

    fn is_complete(&self) -> bool {
        let at = self.state.in_parts() + self.sent.bytes() + self.rest();
        let mut upload = self.handle.upload.clone();
        upload.offset = Offset::saturating(at);
        upload.is_complete()
    }

    /// Names what is stored, after the store has failed.
    pub(super) async fn keep_what_is_stored(mut self) {
        self.sent.clear();
        if let Err(error) = self.commit(Then::End).await {
            tracing::debug!(%error, "bytes that were stored could not be named");
        }
    }

    /// Removes what was stored. No state has named it.
    ///
    /// A part that arrives while its multipart upload is aborted may be left behind, so this
    /// waits for those on their way: the upload may be removed next.
    pub(super) async fn discard(mut self) {
        while let Some(part) = self.sent.pop() {
            let _ = part.done().await;
        }
        let store = &self.handle.store;
        tail::remove(&store.objects, &self.handle.keys, self.made).await;
    }
}
