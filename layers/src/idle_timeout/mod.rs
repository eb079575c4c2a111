//! Ends a request body when the client sends nothing for the given time.
//!
//! If no bytes arrive for the whole timeout, the body ends with
//! [`Error::ReadTimeout`](crate::protocol::Error). Bytes that arrived before
//! are kept, the response is `500 ERR_READ_TIMEOUT`, which clients retry, and
//! [`Detach`](crate::detach) closes the connection.
//!
//! The timer runs from the moment a reader finds no data until the client sends
//! more. It does not run before the core reads the body, so time spent in a lock or
//! a gate does not count. A client that sends nothing while the store writes is
//! silent, too; but if the store takes longer than the timeout, the timer starts
//! again when the store is back. Place the layer next to the core, inside all other
//! layers that wait.
//!
//! The timer costs next to nothing: while a client is silent, it wakes the request
//! twice, and no frame moves it.
//!
//! The layer needs a tokio runtime.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use bytes::Bytes;
//! use futures_util::stream;
//! use http::{Request, StatusCode};
//! use http_body::Frame;
//! use http_body_util::StreamBody;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::idle_timeout::IdleTimeoutLayer;
//! use tower_tus_layers::protocol::{Body, Error, Length, Metadata, NewUpload};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::{MemoryStore, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::default();
//! let upload = store.create(NewUpload::new(Some(Length::from(5)), Metadata::default())).await?;
//! let id = upload.info().id.clone();
//!
//! let service = ServiceBuilder::new()
//!     .layer(IdleTimeoutLayer::new(Duration::from_millis(10)))
//!     .service(Core::new(store));
//!
//! let nothing_comes = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Error>>());
//! let request = Request::patch(format!("/{id}"))
//!     .header("Content-Type", "application/offset+octet-stream")
//!     .header("Upload-Offset", "0")
//!     .body(Body::new(nothing_comes))?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
//! # Ok(())
//! # }
//! ```

mod body;
mod layer;
mod service;
mod wait;

pub use self::layer::IdleTimeoutLayer;
pub use self::service::IdleTimeout;

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::stream;
    use http::{Request, Response, StatusCode};
    use http_body::{Body as _, Frame};
    use http_body_util::{BodyExt, StreamBody};
    use tokio::sync::mpsc;
    use tokio::time::{Instant, advance, sleep};
    use tower::{Layer, ServiceExt};

    use super::IdleTimeoutLayer;
    use super::body::Idle;
    use crate::protocol::{Body, Error, Length, Metadata, NewUpload, PolledFrame};
    use crate::service::Core;
    use crate::store::{MemoryStore, Store};

    const TIMEOUT: Duration = Duration::from_secs(60);

    type Sender = mpsc::UnboundedSender<&'static str>;
    type Reader = Pin<Box<Body>>;

    /// Creates a body that yields what is sent.
    fn channel() -> (Sender, Body) {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let frames = stream::poll_fn(move |cx| receiver.poll_recv(cx));
        let frames = futures_util::StreamExt::map(frames, |text: &str| {
            Ok::<_, Error>(Frame::data(Bytes::from(text)))
        });
        (sender, Body::new(StreamBody::new(frames)))
    }

    fn reader(timeout: Duration) -> (Sender, Reader) {
        let (sender, body) = channel();
        (sender, Box::pin(body.watched(Idle::new(timeout))))
    }

    /// Counts how often a body is polled.
    struct Counted(Body, Arc<AtomicUsize>);

    impl http_body::Body for Counted {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledFrame {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.poll_next(cx)
        }
    }

    async fn frame(reader: &mut Reader) -> Option<Result<Bytes, &'static str>> {
        let frame = reader.frame().await?;
        Some(match frame {
            Ok(frame) => Ok(frame.into_data().unwrap()),
            Err(error) => Err(error.code()),
        })
    }

    /// Polls once, like a reader that does not wait.
    fn look(reader: &mut Reader) -> Poll<()> {
        let mut cx = Context::from_waker(Waker::noop());
        reader.as_mut().poll_frame(&mut cx).map(drop)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_ends_the_body_once_and_after_exactly_the_timeout() {
        for timeout in [60_000, 1_000, 777, 16, 1] {
            let timeout = Duration::from_millis(timeout);
            let (sender, mut reader) = reader(timeout);
            sender.send("hello").unwrap();
            assert_eq!(frame(&mut reader).await, Some(Ok("hello".into())));
            let begin = Instant::now();
            assert_eq!(frame(&mut reader).await, Some(Err("ERR_READ_TIMEOUT")));
            assert_eq!(begin.elapsed(), timeout);
            assert_eq!(frame(&mut reader).await, None);
            assert!(reader.is_end_stream());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_goes_on_for_ever() {
        let (sender, mut reader) = reader(TIMEOUT);
        let client = tokio::spawn(async move {
            for _ in 0..100 {
                sleep(TIMEOUT - Duration::from_millis(1)).await;
                sender.send("x").unwrap();
            }
        });
        for _ in 0..100 {
            assert_eq!(frame(&mut reader).await, Some(Ok("x".into())));
        }
        client.await.unwrap();
        assert_eq!(frame(&mut reader).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_was_elsewhere_for_longer_than_the_timeout_waits_anew() {
        for elsewhere in [TIMEOUT * 10, TIMEOUT] {
            let (_sender, mut reader) = reader(TIMEOUT);
            // Like the file store, which collects the frames at hand and then
            // writes.
            assert!(look(&mut reader).is_pending());
            sleep(elsewhere).await;
            let begin = Instant::now();
            assert_eq!(frame(&mut reader).await, Some(Err("ERR_READ_TIMEOUT")));
            assert_eq!(begin.elapsed(), TIMEOUT, "after {elsewhere:?} elsewhere");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_nothing_is_silent_while_its_reader_is_elsewhere_too() {
        for elsewhere in [TIMEOUT * 9 / 10, TIMEOUT / 4] {
            let (_sender, mut reader) = reader(TIMEOUT);
            let begin = Instant::now();
            assert!(look(&mut reader).is_pending());
            sleep(elsewhere).await;
            assert_eq!(frame(&mut reader).await, Some(Err("ERR_READ_TIMEOUT")));
            assert_eq!(begin.elapsed(), TIMEOUT, "after {elsewhere:?} elsewhere");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_body_ends_before_its_reader_has_waited_at_a_second_poll() {
        let (_sender, mut reader) = reader(TIMEOUT);
        assert!(look(&mut reader).is_pending());
        // It was stopped together with what reads from the connection.
        for _ in 0..3 {
            advance(TIMEOUT - Duration::from_millis(1)).await;
            assert!(look(&mut reader).is_pending());
            advance(TIMEOUT).await;
            assert!(look(&mut reader).is_pending());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_wakes_a_reader_twice_in_a_stall_and_never_for_a_frame() {
        let polls = Arc::new(AtomicUsize::new(0));
        let (sender, body) = channel();
        let body = Counted(body, Arc::clone(&polls));
        let mut reader = Box::pin(Body::own(body).watched(Idle::new(TIMEOUT)));
        let client = tokio::spawn(async move {
            for _ in 0..100 {
                sleep(Duration::from_secs(1)).await;
                sender.send("x").unwrap();
            }
            sleep(TIMEOUT * 2).await;
        });
        for _ in 0..100 {
            assert_eq!(frame(&mut reader).await, Some(Ok("x".into())));
        }
        // One finds nothing, and the next one the frame. The timer has fired for the
        // first wait, and perhaps once more.
        let trickle = polls.swap(0, Ordering::Relaxed);
        assert!((200..=202).contains(&trickle), "{trickle}");
        assert_eq!(frame(&mut reader).await, Some(Err("ERR_READ_TIMEOUT")));
        let stall = polls.load(Ordering::Relaxed);
        assert!(stall <= 4, "{stall}");
        client.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_while_nobody_read_is_not_too_late() {
        let (sender, mut reader) = reader(TIMEOUT);
        assert!(look(&mut reader).is_pending());
        sender.send("hello").unwrap();
        advance(TIMEOUT * 2).await;
        assert_eq!(frame(&mut reader).await, Some(Ok("hello".into())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_looks_more_often_does_not_wait_longer() {
        let (_sender, mut reader) = reader(TIMEOUT);
        let begin = Instant::now();
        while look(&mut reader).is_pending() {
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(begin.elapsed(), TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn no_time_at_all_is_enough_for_what_is_there() {
        let (sender, mut reader) = reader(Duration::ZERO);
        sender.send("hello").unwrap();
        assert_eq!(frame(&mut reader).await, Some(Ok("hello".into())));
        assert_eq!(frame(&mut reader).await, Some(Err("ERR_READ_TIMEOUT")));
    }

    #[tokio::test(start_paused = true)]
    async fn core_30_what_a_client_sent_before_it_stalled_is_kept() {
        let store = MemoryStore::default();
        let upload = NewUpload::new(Some(Length::from(11)), Metadata::default());
        let id = upload.id.clone();
        store.create(upload).await.unwrap();
        let (sender, body) = channel();
        sender.send("hello").unwrap();
        let request = Request::patch(format!("/{id}"))
            .header("Content-Type", "application/offset+octet-stream")
            .header("Upload-Offset", "0")
            .body(body)
            .unwrap();
        let service = IdleTimeoutLayer::new(TIMEOUT).layer(Core::new(store.clone()));
        let response: Response<Body> = service.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let error = response.extensions().get();
        assert!(matches!(error, Some(Error::ReadTimeout)));
        assert_eq!(store.bytes(&id).unwrap(), "hello");
    }
}
