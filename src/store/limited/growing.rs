use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tower_tus_layers::protocol::{Chunk, Error};

use super::ledger::{Change, Ledger};
use super::limits::Full;
use super::room::MakingRoom;

/// The bytes of an upload with a deferred length, each of which is reserved before the
/// store gets it. At a limit, the bytes before it are passed on, and then an error.
pub(super) struct Growing<'a> {
    chunk: Chunk<'a>,
    change: Change,
    ledger: Arc<Ledger>,
    /// Bytes for which there was no room at first.
    held: Option<Bytes>,
    making_room: Option<MakingRoom>,
    full: Option<Error>,
}

impl<'a> Growing<'a> {
    pub(super) const fn new(chunk: Chunk<'a>, change: Change, ledger: Arc<Ledger>) -> Self {
        Self {
            chunk,
            change,
            ledger,
            held: None,
            making_room: None,
            full: None,
        }
    }

    /// Returns the change, and the error of the limit that was met.
    pub(super) fn into_parts(self) -> (Change, Option<Error>) {
        (self.change, self.full)
    }

    /// Passes on as much of `data` as there is room for.
    fn fit(&mut self, mut data: Bytes) -> Result<Bytes, Error> {
        let (room, full) = self.change.grow(data.len() as u64);
        self.full = full.map(Error::from);
        data.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        match &self.full {
            Some(full) if data.is_empty() => Err(full.clone()),
            _ => Ok(data),
        }
    }

    /// Reserves `wanted` bytes, and has room made for them if a policy says so. Fails if
    /// there is too little all the same.
    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: u64) -> Poll<Result<(), Full>> {
        loop {
            let is_made = match &mut self.making_room {
                Some(making) => ready!(making.as_mut().poll(cx)),
                None => true,
            };
            self.making_room = None;
            match self.change.try_grow(wanted) {
                Err(full) if is_made && !full.is_for_ever => {
                    // Also if another request has taken the room that was made.
                    self.making_room = self.ledger.make_room(&self.change, wanted);
                    if self.making_room.is_none() {
                        return Poll::Ready(Err(full));
                    }
                }
                done => return Poll::Ready(done),
            }
        }
    }
}

impl Body for Growing<'_> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        if let Some(full) = &this.full {
            return Poll::Ready(Some(Err(full.clone())));
        }
        if this.held.is_none() {
            let frame = ready!(Pin::new(&mut this.chunk).poll_frame(cx));
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => this.held = Some(data),
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let wanted = this.held.as_ref().map_or(0, |data| data.len() as u64);
        let room = ready!(this.poll_room(cx, wanted));
        let data = this.held.take().unwrap_or_default();
        let data = match room {
            Ok(()) => Ok(data),
            Err(_) => this.fit(data),
        };
        Poll::Ready(Some(data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.full.is_none() && self.held.is_none() && self.chunk.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.chunk.size_hint()
    }
}

impl fmt::Debug for Growing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Growing")
            .field("change", &self.change)
            .finish_non_exhaustive()
    }
}
