//! Log lines in tusd's two formats, on stdout.
//!
//! ```text
//! 2023/11/29 08:46:14.137300 level=INFO event=UploadCreated method=POST path="" ...
//! {"time":"2023-11-29T08:46:14.1373+01:00","level":"INFO","msg":"UploadCreated","method":"POST","path":"",...}
//! ```

mod fields;
mod lines;
mod quote;
mod settings;
mod spans;
mod subscriber;
mod time;

use std::fmt::Arguments;
use std::io::{self, Write};
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use self::lines::Lines;
use self::subscriber::Subscriber;
use crate::flags::{LogFlags, LogFormat, LogLevel};

/// How long the end of the server waits for a slow reader of the log.
const PATIENCE: Duration = Duration::from_secs(1);

/// The log on stdout.
pub(crate) struct Log {
    /// None if nothing is logged.
    lines: Option<Lines>,
    format: LogFormat,
    start_lines: bool,
}

impl Log {
    /// Starts the log. A program does this once.
    pub(crate) fn begin(flags: &LogFlags) -> Self {
        Self {
            lines: level(flags).map(|level| write_lines(io::stdout(), flags.log_format, level)),
            format: flags.log_format,
            start_lines: flags.show_startup_logs,
        }
    }

    /// Logs warnings and errors on stderr, for a program whose stdout is something else.
    /// A program does this once.
    pub(crate) fn of_failures() -> Self {
        let format = LogFormat::Text;
        Self {
            lines: Some(write_lines(io::stderr(), format, LevelFilter::WARN)),
            format,
            start_lines: false,
        }
    }

    /// Prints a line of the start, like tusd, or as JSON if the log is JSON.
    pub(crate) fn start_line(&self, text: Arguments<'_>) {
        let Some(lines) = self.lines.as_ref().filter(|_| self.start_lines) else {
            return;
        };
        let mut line = String::new();
        subscriber::start_line(&mut line, self.format, &text.to_string());
        lines.push(&line);
    }

    /// Waits until all lines are written, or for a second.
    pub(crate) fn end(&self) {
        if let Some(lines) = &self.lines {
            lines.flush(PATIENCE);
        }
    }
}

/// The least important level that is logged, if any is.
fn level(flags: &LogFlags) -> Option<LevelFilter> {
    match flags.log_level {
        LogLevel::Off => None,
        LogLevel::Error => Some(LevelFilter::ERROR),
        LogLevel::Warn => Some(LevelFilter::WARN),
        LogLevel::Debug if flags.verbose => Some(LevelFilter::DEBUG),
        LogLevel::Info | LogLevel::Debug => Some(LevelFilter::INFO),
    }
}

/// Writes all events as lines from now on.
fn write_lines(out: impl Write + Send + 'static, format: LogFormat, level: LevelFilter) -> Lines {
    let lines = Lines::to(out);
    let subscriber = Subscriber::new(lines.clone(), format, level);
    tracing::subscriber::set_global_default(subscriber)
        .expect("this is the only place that sets it");
    lines
}
