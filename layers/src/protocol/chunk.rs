use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::Error;

/// The bytes of one request on their way to a store.
///
/// A store reads [data](Self::next_data) until the chunk ends or fails:
///
/// ```
/// use tower_tus_layers::protocol::{Body, Chunk, Error};
///
/// async fn collect(mut chunk: Chunk<'_>) -> Result<Vec<u8>, Error> {
///     let mut bytes = Vec::new();
///     while let Some(data) = chunk.next_data().await {
///         bytes.extend_from_slice(&data?);
///     }
///     Ok(bytes)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let mut body = Body::from("hello");
/// assert_eq!(collect(Chunk::new(&mut body)).await?, b"hello");
/// # Ok(())
/// # }
/// ```
///
/// A chunk is also an [`http_body::Body`], so that a store can wrap it for
/// another store.
pub struct Chunk<'a> {
    body: Pin<&'a mut (dyn HttpBody<Data = Bytes, Error = Error> + Send + 'a)>,
    ended: bool,
}

impl<'a> Chunk<'a> {
    /// Creates a chunk from a body, such as a [`Body`](super::Body). Pin a body
    /// that is not `Unpin` first: a pinned reference is a body, too.
    pub fn new<B>(body: &'a mut B) -> Self
    where
        B: HttpBody<Data = Bytes, Error = Error> + Send + Unpin,
    {
        let body: Pin<&mut B> = Pin::new(body);
        Self { body, ended: false }
    }

    /// Waits for the next bytes; they are never empty. Returns `None` at the
    /// end of the chunk, and after an error.
    ///
    /// Cancel safe: dropping the future loses no bytes.
    ///
    /// # Errors
    ///
    /// Returns why the bytes end early, such as [`Error::UnexpectedEof`] if the
    /// client has disconnected.
    pub async fn next_data(&mut self) -> Option<Result<Bytes, Error>> {
        poll_fn(|cx| self.poll_data(cx)).await
    }

    /// Polls for the result of [`next_data`](Self::next_data).
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            let frame = ready!(Pin::new(&mut *self).poll_frame(cx));
            // Trailers carry no bytes.
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(bytes))) if !bytes.is_empty() => return Poll::Ready(Some(Ok(bytes))),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl HttpBody for Chunk<'_> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = ready!(self.body.as_mut().poll_frame(cx));
        self.ended = !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for Chunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("size_hint", &self.size_hint())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::stream;
    use http::HeaderMap;
    use http_body_util::StreamBody;

    use super::*;

    fn data(text: &'static str) -> Result<Frame<Bytes>, Error> {
        Ok(Frame::data(text.into()))
    }

    #[tokio::test]
    async fn data_comes_without_empty_frames_and_trailers() {
        let trailers = Ok(Frame::trailers(HeaderMap::new()));
        let frames = [data(""), data("he"), data(""), data("llo"), trailers];
        let mut body = StreamBody::new(stream::iter(frames));
        let mut chunk = Chunk::new(&mut body);
        for text in ["he", "llo"] {
            assert_eq!(chunk.next_data().await.unwrap().unwrap(), text);
        }
        assert!(chunk.next_data().await.is_none());
    }

    #[tokio::test]
    async fn after_an_error_or_the_end_a_body_is_not_polled_again() {
        // This stream panics if it is polled after its end.
        for last in [Some(Err(Error::Interrupted)), None] {
            let is_error = last.is_some();
            let mut frames = vec![data("x")].into_iter().chain(last);
            let mut ended = false;
            let body = stream::poll_fn(move |_| {
                assert!(!ended, "the body was polled behind its end");
                let next = frames.next();
                ended = !matches!(next, Some(Ok(_)));
                Poll::Ready(next)
            });
            let mut body = pin!(StreamBody::new(body));
            let mut chunk = Chunk::new(&mut body);
            assert_eq!(chunk.next_data().await.unwrap().unwrap(), "x");
            if is_error {
                let error = chunk.next_data().await.unwrap().unwrap_err();
                assert!(matches!(error, Error::Interrupted));
            }
            assert!(chunk.next_data().await.is_none());
            assert!(chunk.is_end_stream());
        }
    }

    #[tokio::test]
    async fn a_chunk_is_a_body_that_can_be_made_a_chunk_again() {
        let mut body = crate::protocol::Body::from("hello");
        let mut outer = Chunk::new(&mut body);
        let mut inner = Chunk::new(&mut outer);
        assert_eq!(inner.size_hint().exact(), Some(5));
        assert_eq!(inner.next_data().await.unwrap().unwrap(), "hello");
        assert!(inner.next_data().await.is_none());
    }
}
