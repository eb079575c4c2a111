//! Limits frames that cost the receiver more than the sender.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::alive::Traffic;

/// Length of the connection preface in bytes. RFC 9113, section 3.4
const PREFACE: usize = 24;

/// Maximum burst of frames without bytes: a client may cancel all its requests.
const BURST: u32 = 4096;

/// Frames without bytes per second: pings, settings, priorities.
const PER_SECOND: f64 = 256.0;

/// Bytes sent to the client that earn it one more frame. An answer pays for a
/// priority, and Go's client sends two `WINDOW_UPDATE`s for each 4 KiB. The
/// acknowledgement of a ping does not pay for the next one.
const BYTES_PER_FRAME: f64 = 128.0;

/// Bytes that are read before the requests have their turn. They are written while the
/// processor's cache has them, and the memory that they took is used again.
const TURN: usize = 256 << 10;

/// A connection whose incoming frames are counted.
pub(super) struct Watched<IO> {
    io: IO,
    /// Bytes read since the requests had their turn.
    turn: usize,
    frames: Frames,
    allowance: Allowance,
    traffic: Traffic,
    flooded: bool,
}

impl<IO> Watched<IO> {
    pub(super) fn new(io: IO, traffic: Traffic) -> Self {
        Self {
            io,
            turn: 0,
            frames: Frames::default(),
            allowance: Allowance::new(),
            traffic,
            flooded: false,
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        self.traffic.hear();
        let empty = self.frames.count_empty(bytes);
        if !self.allowance.take(empty) {
            self.flooded = true;
            self.traffic.flood();
        }
    }

    fn wrote(&mut self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            self.allowance.earn(*bytes as f64 / BYTES_PER_FRAME);
        }
    }
}

/// Finds the heads of frames in the incoming bytes. RFC 9113, section 4.1
#[derive(Debug)]
struct Frames {
    /// Bytes until the next head.
    skip: usize,
    head: [u8; 9],
    /// Bytes of the head that have arrived.
    filled: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            skip: PREFACE,
            head: [0; 9],
            filled: 0,
        }
    }
}

impl Frames {
    /// Counts the frames in `bytes` that carry nothing.
    fn count_empty(&mut self, mut bytes: &[u8]) -> u32 {
        let mut empty = 0;
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let length = bytes.len().min(self.head.len() - self.filled);
            self.head[self.filled..][..length].copy_from_slice(&bytes[..length]);
            self.filled += length;
            bytes = &bytes[length..];
            if self.filled == self.head.len() {
                self.filled = 0;
                let [a, b, c, kind, flags, ..] = self.head;
                self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
                empty += u32::from(is_empty(kind, flags, self.skip));
            }
        }
        empty
    }
}

/// Whether a frame neither begins nor ends a request, and has no bytes of one.
const fn is_empty(kind: u8, flags: u8, length: usize) -> bool {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const END_STREAM: u8 = 1;
    match kind {
        DATA => length == 0 && flags & END_STREAM == 0,
        HEADERS => false,
        _ => true,
    }
}

/// How many such frames the client may still send.
#[derive(Debug)]
struct Allowance {
    left: f64,
    since: Instant,
}

impl Allowance {
    fn new() -> Self {
        Self {
            left: BURST.into(),
            since: Instant::now(),
        }
    }

    fn earn(&mut self, frames: f64) {
        self.left = (self.left + frames).min(BURST.into());
    }

    /// Takes this many, and returns whether they were allowed.
    fn take(&mut self, frames: u32) -> bool {
        if frames > 0 {
            let now = Instant::now();
            self.earn((now - self.since).as_secs_f64() * PER_SECOND);
            self.since = now;
            self.left -= f64::from(frames);
        }
        self.left >= 0.0
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Watched<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.flooded {
            // The connection is about to be closed.
            return Poll::Pending;
        }
        if self.turn >= TURN {
            self.turn = 0;
            // Behind the tasks that have been woken, on their thread and so in its cache.
            // A wake-up would be taken by an idle thread at once.
            return pin!(yield_now()).poll(cx).map(Ok);
        }
        let before = buffer.filled().len();
        let Poll::Ready(read) = Pin::new(&mut self.io).poll_read(cx, buffer) else {
            self.turn = 0;
            return Poll::Pending;
        };
        read?;
        let came = &buffer.filled()[before..];
        self.turn += came.len();
        self.read(came);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Watched<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::task::Wake;
    use std::time::Duration;
    use tokio::time::advance;

    /// A frame of this kind, with these flags and this many bytes.
    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let head = [0, 0, length, kind, flags, 0, 0, 0, 1];
        [&head[..], &vec![0; length.into()]].concat()
    }

    #[test]
    fn frames_without_bytes_are_found_wherever_reads_are_cut() {
        let stream = [
            vec![0; PREFACE],
            frame(4, 0, 6),
            frame(1, 4, 30),
            frame(0, 0, 99),
            frame(0, 1, 0),
            frame(6, 0, 8),
            frame(0, 0, 0),
            frame(8, 0, 4),
            frame(3, 0, 4),
            frame(9, 0, 0),
        ]
        .concat();
        for size in [1, 2, 7, 9, 10, 64, 4096] {
            let mut frames = Frames::default();
            let counted = stream.chunks(size).map(|part| frames.count_empty(part));
            assert_eq!(counted.sum::<u32>(), 6, "in reads of {size}");
        }
    }

    #[tokio::test]
    async fn a_client_that_never_pauses_lets_its_requests_have_their_turn() {
        // Frames with bytes.
        let endless = tokio::io::join(tokio::io::repeat(1), tokio::io::sink());
        let mut io = Watched::new(endless, Traffic::default());
        let woken = Arc::new(Woken::default());
        let waker = woken.clone().into();
        let mut cx = Context::from_waker(&waker);
        for _ in 0..3 {
            let mut came = 0;
            let mut memory = [0; 16 << 10];
            loop {
                let mut buffer = ReadBuf::new(&mut memory);
                if Pin::new(&mut io)
                    .poll_read(&mut cx, &mut buffer)
                    .is_pending()
                {
                    break;
                }
                came += buffer.filled().len();
            }
            assert!((TURN..TURN + (16 << 10)).contains(&came), "{came} bytes");
            assert!(!woken.0.load(Relaxed), "the requests are first");
            yield_now().await;
            assert!(woken.0.swap(false, Relaxed), "it goes on by itself");
        }
    }

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn frames_are_allowed_by_the_second_and_by_what_is_sent() {
        let mut allowance = Allowance::new();
        assert!(allowance.take(BURST));
        assert!(!allowance.take(1));
        allowance.earn(2.0);
        assert!(allowance.take(1) && !allowance.take(1));
        advance(Duration::from_secs(1)).await;
        assert!(allowance.take(PER_SECOND as u32 - 1));
        advance(Duration::from_secs(3600)).await;
        assert!(
            allowance.take(BURST) && !allowance.take(1),
            "it is no more than the burst"
        );
    }
}
