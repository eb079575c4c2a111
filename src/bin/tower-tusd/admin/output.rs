//! What a command prints.

use std::fmt::{Arguments, Display};
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Stdout, Write};

use serde::Serialize;
use tower_tus::layers::protocol::Error;

use super::progress::Progress;

/// Why a command ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nobody reads what it prints any more.
    Unread,
    /// Says in one line why it cannot go on.
    Failed(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Failed(format!("cannot write to stdout: {error}")),
        }
    }
}

impl Stop {
    /// Says what could not be done.
    pub(super) fn failed(what: impl Display, error: &Error) -> Self {
        Self::Failed(format!("{what}: {}", reason(error)))
    }
}

/// An error with its sources, in one line.
pub(super) fn reason(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Stdout, and the progress on stderr, which make way for each other.
pub(super) struct Output {
    stdout: BufWriter<Stdout>,
    is_terminal: bool,
    progress: Progress,
}

impl Output {
    pub(super) fn to_stdout() -> Self {
        let stdout = io::stdout();
        Self {
            is_terminal: stdout.is_terminal(),
            stdout: BufWriter::new(stdout),
            progress: Progress::default(),
        }
    }

    /// The number of columns of a table; `None` if it goes to no terminal.
    pub(super) fn width(&self) -> Option<usize> {
        self.is_terminal.then(|| terminal_width().unwrap_or(80))
    }

    /// Prints a line.
    pub(super) fn line(&mut self, line: impl Display) -> Result<(), Stop> {
        if self.is_terminal {
            let stdout = &mut self.stdout;
            let print = || writeln!(stdout, "{line}").and_then(|()| stdout.flush());
            return Ok(self.progress.suspend(print)?);
        }
        Ok(writeln!(self.stdout, "{line}")?)
    }

    /// Prints a line of JSON.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        let json = serde_json::to_string(value).expect("no key is anything but text");
        self.line(json)
    }

    /// Prints a line to stderr, after the program's name.
    pub(super) fn complain(&mut self, line: Arguments<'_>) {
        self.progress.suspend(|| {
            // Without stderr there is nobody to tell.
            let _ = writeln!(io::stderr(), "tower-tusd: {line}");
        });
    }

    /// Counts what was looked at, for those who wait. A table on the terminal is
    /// progress enough.
    pub(super) fn looked_at(&mut self, more: u64) {
        self.progress.add(more);
    }

    /// Ends the progress, and prints what is left.
    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        self.progress.end();
        Ok(self.stdout.flush()?)
    }
}

#[cfg(unix)]
fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

#[cfg(not(unix))]
fn terminal_width() -> Option<usize> {
    None
}
