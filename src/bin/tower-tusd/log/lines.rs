//! Lines that wait to be written: logging never waits for a reader.

use std::io::Write;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that may wait for a reader: tens of thousands of lines.
const ROOM: usize = 4 << 20;

/// Bytes of a buffer that are kept when it is empty.
const KEPT: usize = 256 << 10;

/// How long lines gather before they are written together, and the longest that a line
/// waits if its reader is fast: waking a thread costs more than writing a line.
const GATHERING: Duration = Duration::from_millis(5);

/// Lines that a separate thread writes, many at once if many wait.
///
/// That thread looks for lines once per [`GATHERING`], and sleeps when it finds none: only
/// the next line then has to wake it.
///
/// Uploads go on when nobody reads the log: lines without room are dropped, and
/// one line reports their number as soon as there is room again.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    dropped: u64,
    writer: Writer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writer {
    /// Everything is written. The next line wakes the thread.
    #[default]
    Asleep,
    /// It looks for lines by itself.
    Awake,
}

impl Lines {
    /// Starts to write to `out`. Lines that cannot be written are lost.
    pub(super) fn to(out: impl Write + Send + 'static) -> Self {
        let lines = Self::default();
        let writer = lines.clone();
        thread::spawn(move || writer.write(out));
        lines
    }

    /// Adds a line, with its end.
    pub(super) fn push(&self, line: &str) {
        if self.add(line.as_bytes()) == Writer::Asleep {
            self.0.changed.notify_all();
        }
    }

    /// Adds a line, and returns what the writer was doing.
    fn add(&self, line: &[u8]) -> Writer {
        let mut state = self.state();
        if state.waiting.len() + line.len() > ROOM {
            state.dropped += 1;
            return state.writer;
        }
        state.waiting.extend_from_slice(line);
        mem::replace(&mut state.writer, Writer::Awake)
    }

    /// Waits until every line is written, for up to `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let busy = |state: &mut State| state.writer == Writer::Awake;
        // The program ends in either case.
        let _ = self.0.changed.wait_timeout_while(self.state(), limit, busy);
    }

    fn write(&self, mut out: impl Write) {
        let mut taken = Vec::new();
        loop {
            self.sleep();
            thread::sleep(GATHERING);
            let dropped = self.take(&mut taken);
            let _ = out.write_all(&taken).and_then(|()| out.flush());
            taken.clear();
            taken.shrink_to(KEPT);
            if dropped > 0 {
                tracing::warn!(
                    lines = dropped,
                    "log lines were dropped because the log was read too slowly"
                );
            }
        }
    }

    /// Waits for a line if everything is written.
    fn sleep(&self) {
        let idle = |state: &mut State| state.writer == Writer::Asleep;
        drop(self.0.changed.wait_while(self.state(), idle));
    }

    /// Takes all lines, and returns how many were dropped. If there is none, the writer
    /// sleeps from now on.
    fn take(&self, taken: &mut Vec<u8>) -> u64 {
        let mut state = self.state();
        if state.waiting.is_empty() {
            state.writer = Writer::Asleep;
            self.0.changed.notify_all();
        }
        mem::swap(&mut state.waiting, taken);
        mem::take(&mut state.dropped)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No change is left half done by a panic.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// Passes on the bytes, and then waits for permission to go on.
    struct Gate {
        go: Receiver<()>,
        out: Sender<Vec<u8>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.out.send(bytes.to_vec()).unwrap();
            self.go.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gate() -> (Lines, Sender<()>, Receiver<Vec<u8>>) {
        let (go, told) = channel();
        let (out, written) = channel();
        (Lines::to(Gate { go: told, out }), go, written)
    }

    #[test]
    fn waiting_lines_are_written_together_and_in_order() {
        let (lines, go, written) = gate();
        lines.push("1\n");
        assert_eq!(written.recv().unwrap(), b"1\n");
        // The writer is busy: what follows has to wait.
        lines.push("2\n");
        lines.push("3\n");
        go.send(()).unwrap();
        assert_eq!(written.recv().unwrap(), b"2\n3\n");
        go.send(()).unwrap();
        lines.flush(LONG);
        assert_eq!(lines.state().writer, Writer::Asleep);
    }

    #[test]
    fn a_line_is_written_although_none_follows_it() {
        let (lines, go, written) = gate();
        for line in ["1\n", "2\n"] {
            lines.push(line);
            assert_eq!(written.recv().unwrap(), line.as_bytes());
            go.send(()).unwrap();
            // The writer sleeps again.
            lines.flush(LONG);
            assert_eq!(lines.state().writer, Writer::Asleep);
        }
    }

    #[test]
    fn only_a_writer_that_sleeps_has_to_be_woken() {
        // Nobody writes.
        let lines = Lines::default();
        assert_eq!(lines.add(b"1\n"), Writer::Asleep);
        assert_eq!(lines.add(b"2\n"), Writer::Awake);
        let mut taken = Vec::new();
        lines.take(&mut taken);
        assert_eq!(taken, b"1\n2\n");
        assert_eq!(lines.add(b"3\n"), Writer::Awake, "it looks once more");
        lines.take(&mut Vec::new());
        lines.take(&mut Vec::new());
        assert_eq!(lines.add(b"4\n"), Writer::Asleep, "there was nothing");
    }

    #[test]
    fn neither_logging_nor_the_end_waits_for_a_reader() {
        // Nobody writes.
        let lines = Lines::default();
        let line = "x".repeat(1024);
        for _ in 0..ROOM / line.len() + 3 {
            lines.push(&line);
        }
        lines.flush(Duration::from_millis(1));

        let mut taken = Vec::new();
        assert_eq!(lines.take(&mut taken), 3, "what was dropped is counted");
        assert_eq!(taken.len(), ROOM);
        lines.push(&line);
        assert_eq!(lines.take(&mut Vec::new()), 0, "once");
    }

    #[test]
    fn the_log_goes_on_without_a_reader() {
        let (lines, go, _written) = gate();
        drop(go);
        for line in ["1\n", "2\n"] {
            lines.push(line);
            lines.flush(LONG);
            assert_eq!(lines.state().writer, Writer::Asleep);
        }
    }
}
