//! Log lines in tusd's two formats, on stdout.
//!
//! ```text
//! 2023/11/29 08:46:14.137300 level=INFO event=UploadCreated method=POST path="" ...
//! {"time":"2023-11-29T08:46:14.1373+01:00","level":"INFO","msg":"UploadCreated","method":"POST","path":"",...}
//! ```

mod lines;
mod quote;
mod record;
mod settings;
mod subscriber;
mod time;

use std::fmt::Arguments;
use std::io;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use self::lines::Lines;
use self::subscriber::Subscriber;
use crate::flags::{LogFlags, LogFormat};

/// How long the end of the server waits for a slow reader of the log.
const PATIENCE: Duration = Duration::from_secs(1);

/// The log on stdout.
pub(crate) struct Log {
    lines: Lines,
    format: LogFormat,
    start_lines: bool,
}

impl Log {
    /// Starts the log. A program does this once.
    pub(crate) fn begin(flags: &LogFlags) -> Self {
        let lines = Lines::to(io::stdout());
        let level = match flags.verbose {
            true => LevelFilter::DEBUG,
            false => LevelFilter::INFO,
        };
        let subscriber = Subscriber::new(lines.clone(), flags.log_format, level);
        let installed =
            tracing::subscriber::set_global_default(Registry::default().with(subscriber));
        installed.expect("this is the only place that sets it");
        Self {
            lines,
            format: flags.log_format,
            start_lines: flags.show_startup_logs,
        }
    }

    /// Prints a line of the start, like tusd, or as JSON if the log is JSON.
    pub(crate) fn start_line(&self, text: Arguments<'_>) {
        if !self.start_lines {
            return;
        }
        let mut line = Vec::new();
        subscriber::start_line(&mut line, self.format, &text.to_string());
        self.lines.push(&line);
    }

    /// Waits until all lines are written, or for a second.
    pub(crate) fn end(&self) {
        self.lines.flush(PATIENCE);
    }
}
