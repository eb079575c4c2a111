//! The body of a response: stored bytes, with text between them.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::budget::{Room, Share};
use crate::protocol::Error;
use crate::store::Content;

/// A part of a body.
#[derive(Debug)]
pub(super) enum Piece {
    Text(Bytes),
    /// Bytes of the upload.
    Stored(Range<u64>),
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Stored(range) => range.end - range.start,
        }
    }
}

/// Reads one piece after the other, and only when polled.
pub(super) struct Pieces {
    /// Dropped with the last byte of the upload, since it may be an open file.
    source: Option<Source>,
    left: VecDeque<Piece>,
    /// The read in progress, for the first piece.
    reading: Option<Reading>,
}

/// The source of the stored bytes.
struct Source {
    content: Arc<dyn Content>,
    share: Share,
}

type Reading = Pin<Box<dyn Future<Output = Result<Bytes, Error>> + Send>>;

impl Pieces {
    pub(super) fn new(
        content: Box<dyn Content>,
        share: Share,
        pieces: impl IntoIterator<Item = Piece>,
    ) -> Self {
        let mut this = Self {
            source: Some(Source {
                content: content.into(),
                share,
            }),
            left: pieces.into_iter().filter(|piece| piece.len() > 0).collect(),
            reading: None,
        };
        this.let_go();
        this
    }

    /// Returns how many bytes are left.
    pub(super) fn len(&self) -> u64 {
        self.left.iter().map(Piece::len).sum()
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let range = match self.left.front_mut() {
            None => return Poll::Ready(None),
            Some(Piece::Text(text)) => {
                let text = std::mem::take(text);
                self.left.pop_front();
                return Poll::Ready(Some(Ok(text)));
            }
            Some(Piece::Stored(range)) => range,
        };
        let source = self.source.as_ref().expect("bytes of it are left");
        let reading = self.reading.get_or_insert_with(|| {
            let content = Arc::clone(&source.content);
            read(content, range.clone(), source.share.room())
        });
        let bytes = ready!(reading.as_mut().poll(cx));
        self.reading = None;
        let bytes = bytes.and_then(|bytes| {
            advance(range, bytes.len() as u64)?;
            Ok(bytes)
        });
        match &bytes {
            Ok(_) if range.is_empty() => drop(self.left.pop_front()),
            Ok(_) => {}
            Err(error) => {
                // The client only sees an aborted transfer.
                tracing::error!(
                    error = StdError::source(error).map_or(error as _, |source| source),
                    id = %source.content.upload().id,
                    "a download broke off",
                );
                self.left.clear();
            }
        }
        self.let_go();
        Poll::Ready(Some(bytes))
    }

    fn let_go(&mut self) {
        let stored = |piece: &Piece| matches!(piece, Piece::Stored(_));
        if !self.left.iter().any(stored) {
            self.source = None;
        }
    }
}

fn read(content: Arc<dyn Content>, range: Range<u64>, room: Room) -> Reading {
    let end = range.end.min(range.start + room.size());
    Box::pin(async move {
        let bytes = content.bytes(range.start..end).await?;
        Ok(room.fill(bytes))
    })
}

/// Skips the bytes that were read. Without any, reading would never end.
fn advance(range: &mut Range<u64>, bytes: u64) -> Result<(), Error> {
    if !(1..=range.end - range.start).contains(&bytes) {
        return Err(Error::internal(format!(
            "the store returned {bytes} bytes for the range {range:?}"
        )));
    }
    range.start += bytes;
    Ok(())
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let bytes = ready!(self.get_mut().poll_bytes(cx));
        Poll::Ready(bytes.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len())
    }
}
