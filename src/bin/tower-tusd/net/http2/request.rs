//! Request bodies, and how many of them wait unread.

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use headers::{ContentLength, HeaderMapExt};
use http::{HeaderMap, Request};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;
use tower_tus::layers::protocol::{Body, Error};

/// Bytes that are read before a connection gets a larger window.
const MUCH: u64 = 64 << 10;

/// The request bodies on one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Bodies(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    count: Mutex<Count>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// Bodies that are not read yet: their requests wait for a hook or a lock.
    pub(super) unread: u32,
    /// Bodies that are being read.
    pub(super) reading: u32,
    /// Bytes read from these.
    pub(super) read: u64,
}

impl Count {
    /// Whether a larger window would help.
    pub(super) const fn is_busy(&self) -> bool {
        self.reading > 0 && self.read >= MUCH
    }
}

impl Bodies {
    pub(super) fn count(&self) -> Count {
        *self.lock()
    }

    /// Waits for a change that may affect the windows.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Count)) {
        let mut count = self.lock();
        let before = *count;
        change(&mut count);
        if count.reading == 0 {
            count.read = 0;
        }
        if before.unread != count.unread || before.is_busy() != count.is_busy() {
            self.0.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.0.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Erases the type of the body, and counts it among `bodies` while it is received.
pub(super) fn erase(request: Request<RecvStream>, bodies: &Bodies) -> Request<Body> {
    let (parts, stream) = request.into_parts();
    let body = RequestBody::new(stream, &parts.headers, bodies.clone());
    Request::from_parts(parts, Body::new(body))
}

#[derive(Debug)]
struct RequestBody {
    stream: RecvStream,
    /// Announced bytes that have not arrived.
    announced: Option<u64>,
    bodies: Bodies,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unread,
    Reading,
    /// Trailers may still follow.
    Read,
}

impl RequestBody {
    fn new(stream: RecvStream, headers: &HeaderMap, bodies: Bodies) -> Self {
        let announced: Option<ContentLength> = headers.typed_get();
        let state = match stream.is_end_stream() {
            true => State::Read,
            false => State::Unread,
        };
        bodies.change(|count| count.unread += u32::from(state == State::Unread));
        Self {
            stream,
            announced: announced.map(|length| length.0),
            bodies,
            state,
        }
    }

    fn become_state(&mut self, state: State) {
        let before = std::mem::replace(&mut self.state, state);
        if before == state {
            return;
        }
        self.bodies.change(|count| {
            count.unread -= u32::from(before == State::Unread);
            count.reading -= u32::from(before == State::Reading);
            count.reading += u32::from(state == State::Reading);
        });
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, h2::Error>>> {
        let data = ready!(self.stream.poll_data(cx));
        match &data {
            Some(Ok(bytes)) => {
                let length = bytes.len();
                // It fails only if the stream is gone, and then nobody waits for it.
                let _ = self.stream.flow_control().release_capacity(length);
                let length = length as u64;
                self.announced = self.announced.map(|left| left.saturating_sub(length));
                self.bodies.change(|count| count.read += length);
            }
            // A reset is an error whatever its reason: NO_ERROR does not end a body.
            Some(Err(_)) | None => self.become_state(State::Read),
        }
        Poll::Ready(data)
    }
}

/// The end of a stream before that of its body: its client has reset the stream, or
/// has gone.
fn cut_off(error: h2::Error) -> Error {
    match error.get_io() {
        Some(io) if io.kind() == ErrorKind::ConnectionReset => {
            Error::ConnectionReset(Arc::new(error))
        }
        _ => Error::UnexpectedEof(Some(Arc::new(error))),
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.state == State::Unread {
            self.become_state(State::Reading);
        }
        if self.state == State::Reading
            && let Some(data) = ready!(self.poll_data(cx))
        {
            return Poll::Ready(Some(data.map(Frame::data).map_err(cut_off)));
        }
        let trailers = ready!(self.stream.poll_trailers(cx)).map_err(cut_off);
        Poll::Ready(trailers.map(|some| some.map(Frame::trailers)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.announced
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.become_state(State::Read);
    }
}
