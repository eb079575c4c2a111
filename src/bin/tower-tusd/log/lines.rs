//! Lines on their way out: whoever has one to say does not wait for whoever
//! reads it.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that may wait for a reader: tens of thousands of lines.
const ROOM: usize = 4 << 20;

/// How long the first line waits for others: to wake a thread costs more than to
/// write a line.
const GATHERING: Duration = Duration::from_millis(1);

/// Lines that a thread of its own writes, many at once where many are there.
///
/// Uploads go on when nobody reads: lines for which there is no room are
/// dropped, and counted in a line of its own as soon as there is some.
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
    writing: bool,
}

impl Lines {
    /// Begins to write to `out`. What cannot be written is gone.
    pub(super) fn to(out: impl Write + Send + 'static) -> Self {
        let lines = Self::default();
        let writer = lines.clone();
        thread::spawn(move || writer.write(out));
        lines
    }

    /// Adds a line, with its end.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.waiting.len() + line.len() > ROOM {
            state.dropped += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        // While it writes it looks again by itself.
        if !state.writing {
            self.0.changed.notify_all();
        }
    }

    /// Waits until every line is out, and no longer than `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        // How it ended is all the same: the program ends too.
        let _ = self.0.changed.wait_timeout_while(self.state(), limit, busy);
    }

    fn write(&self, mut out: impl Write) {
        let mut taken = Vec::new();
        loop {
            let dropped = self.take(&mut taken);
            let _ = out.write_all(&taken).and_then(|()| out.flush());
            taken.clear();
            if dropped > 0 {
                tracing::warn!(
                    lines = dropped,
                    "the log was read too slowly, lines were dropped"
                );
            }
        }
    }

    /// Waits for lines, takes them all, and tells how many were dropped.
    fn take(&self, taken: &mut Vec<u8>) -> u64 {
        let mut state = self.state();
        state.writing = false;
        self.0.changed.notify_all();
        let idle = |state: &mut State| state.waiting.is_empty();
        let waited = self.0.changed.wait_while(state, idle);
        state = waited.unwrap_or_else(PoisonError::into_inner);
        state.writing = true;
        drop(state);
        thread::sleep(GATHERING);
        state = self.state();
        std::mem::swap(&mut state.waiting, taken);
        std::mem::take(&mut state.dropped)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is half done where it may panic.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// Passes on what it writes, and then waits until it is told to go on.
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
    fn lines_that_wait_go_out_as_one_and_in_order() {
        let (lines, go, written) = gate();
        lines.push(b"1\n");
        assert_eq!(written.recv().unwrap(), b"1\n");
        // The writer is busy: what follows has to wait.
        lines.push(b"2\n");
        lines.push(b"3\n");
        go.send(()).unwrap();
        assert_eq!(written.recv().unwrap(), b"2\n3\n");
        go.send(()).unwrap();
        lines.flush(LONG);
        assert!(!lines.state().writing);
    }

    #[test]
    fn who_logs_and_who_ends_wait_for_no_reader() {
        // Nobody writes.
        let lines = Lines::default();
        let line = [b'x'; 1024];
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
    fn a_reader_that_has_gone_ends_nothing() {
        let (lines, go, _written) = gate();
        drop(go);
        lines.push(b"1\n");
        lines.flush(LONG);
        lines.push(b"2\n");
        lines.flush(LONG);
        assert!(!lines.state().writing);
    }
}
