use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

mod watch;

use self::watch::Watched;
pub(crate) use self::watch::{PolledFrame, Watch};
use super::Error;

/// Any error, in the form that frameworks use.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A body of any type: the whole stack takes and returns it.
///
/// It is `Send` and `Sync`, so that every framework accepts it. A body that
/// [`Body::new`] has erased is also counted: if it ends before its announced
/// length, it fails like a disconnect, because HTTP/2's `RST_STREAM(NO_ERROR)`
/// ends a body as if it were complete.
#[derive(Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    Erased(Erased),
}

struct Erased {
    // The bodies of frameworks are not `Sync`. The mutex makes this one `Sync`,
    // and is never locked: every use has `&mut self`.
    body: Mutex<Pin<Box<dyn HttpBody<Data = Bytes, Error = Error> + Send>>>,
    hint: SizeHint,
    ended: bool,
    /// Bytes of the announced length that have not arrived yet.
    missing: u64,
}

impl Body {
    /// Erases the type of a body. A `Body` is returned unchanged.
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // A `Body` is not wrapped again.
        let mut body = Some(body);
        if let Some(same) = (&mut body as &mut dyn Any).downcast_mut::<Option<Self>>() {
            return same.take().expect("the body was put there above");
        }
        let body = body.expect("the body was not taken");
        if body.is_end_stream() {
            return Self::default();
        }
        let announced = body.size_hint().exact().unwrap_or(0);
        Self::erased(Uniform { body }, announced)
    }

    /// Passes every frame through `watch`. Does not count again: erasing the
    /// body did.
    pub(crate) fn watched(self, watch: impl Watch) -> Self {
        Self::erased(Watched { body: self, watch }, 0)
    }

    /// Wraps one of the crate's own bodies, which are not checked for being cut
    /// short.
    pub(crate) fn own<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes, Error = Error> + Send + 'static,
    {
        Self::erased(body, 0)
    }

    fn erased<B>(body: B, missing: u64) -> Self
    where
        B: HttpBody<Data = Bytes, Error = Error> + Send + 'static,
    {
        Self(Kind::Erased(Erased {
            hint: body.size_hint(),
            ended: body.is_end_stream(),
            missing,
            body: Mutex::new(Box::pin(body)),
        }))
    }

    /// Polls the next frame.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> PolledFrame {
        Pin::new(self).poll_frame(cx)
    }

    /// Waits for the next frame. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Frame<Bytes>, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }
}

impl Erased {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        let frame = ready!(body.as_mut().poll_frame(cx));
        self.hint = body.size_hint();
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.missing = self.missing.saturating_sub(bytes);
                self.ended = self.missing == 0 && body.is_end_stream();
            }
            Some(Err(_)) => self.ended = true,
            None => {
                self.ended = true;
                if self.missing > 0 {
                    return Poll::Ready(Some(Err(Error::UnexpectedEof(None))));
                }
            }
        }
        Poll::Ready(frame)
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        match &mut this.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(_) => match std::mem::take(&mut this.0) {
                Kind::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                _ => unreachable!("it was full a line above"),
            },
            Kind::Erased(erased) => erased.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Full(_) => false,
            Kind::Erased(erased) => erased.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Erased(erased) => erased.hint,
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        Self(Kind::Full(bytes))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from(text).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("size_hint", &self.size_hint())
            .finish_non_exhaustive()
    }
}

pin_project_lite::pin_project! {
    /// A body with the data and error types of this crate.
    pub(crate) struct Uniform<B> {
        #[pin]
        pub(crate) body: B,
    }
}

impl<B> HttpBody for Uniform<B>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(self.project().body.poll_frame(cx));
        // Does not copy if the data is `Bytes` already.
        let bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(bytes)),
            Err(error) => Err(Error::from_body(error)),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full};

    fn is_send_sync<T: Send + Sync>(_: &T) {}

    #[tokio::test]
    async fn an_erased_body_reads_as_the_one_below() {
        let body = Body::new(Full::new(Bytes::from("hello")));
        is_send_sync(&body);
        assert_eq!(body.size_hint().exact(), Some(5));
        assert!(!body.is_end_stream());
        assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
    }

    #[tokio::test]
    async fn erasing_twice_wraps_once() {
        let body = Body::new(Body::from(Bytes::from("hello")));
        assert!(matches!(body.0, Kind::Full(_)));
        assert!(Body::new(Full::<Bytes>::default()).is_end_stream());
    }

    /// A body that announces ten bytes and ends after five, without an error.
    struct Short(Option<Bytes>);

    impl HttpBody for Short {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(10)
        }
    }

    #[tokio::test]
    async fn a_body_that_ends_too_early_is_a_disconnect() {
        let mut body = Body::new(Short(Some(Bytes::from("hello"))));
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "hello"
        );
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.code(), "ERR_UNEXPECTED_EOF");
        assert!(body.frame().await.is_none());
    }
}
