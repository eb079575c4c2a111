//! Log lines in tusd's two forms, on stdout.
//!
//! ```text
//! 2023/11/29 08:46:14.137300 level=INFO event=UploadCreated method=POST path="" ...
//! {"time":"2023-11-29T08:46:14.1373+01:00","level":"INFO","msg":"UploadCreated","method":"POST","path":"",...}
//! ```

mod lines;
mod quote;
mod record;
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
use crate::flags::{Flags, LogFlags, LogFormat};

/// How long the end of the server waits for whoever reads what it says.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the server says of itself on stdout.
pub(crate) struct Log {
    lines: Lines,
    format: LogFormat,
    start_lines: bool,
}

impl Log {
    /// Begins to log. Once in the life of a program.
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

    /// Prints a line of the start: as tusd does, or as JSON where the log is.
    pub(crate) fn start_line(&self, text: Arguments<'_>) {
        if !self.start_lines {
            return;
        }
        let mut line = Vec::new();
        subscriber::start_line(&mut line, self.format, &text.to_string());
        self.lines.push(&line);
    }

    /// Prints the settings that scripts look for.
    pub(crate) fn settings(&self, flags: &Flags, port: Option<u16>, extensions: &str) {
        let dir = &flags.files.upload_dir;
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
        self.start_line(format_args!(
            "Using '{}' as directory storage.",
            dir.display()
        ));
        let maximum = maximum_size(flags.max_size);
        self.start_line(format_args!("Using {maximum} as maximum size."));
        for line in flags.hooks.start_lines() {
            self.start_line(format_args!("{line}"));
        }
        self.start_line(format_args!("Supported tus extensions: {extensions}"));
        let host = &flags.host;
        match port {
            Some(port) => {
                self.start_line(format_args!("Using {host}:{port} as address to listen."));
            }
            None => {
                let socket = flags.unix_sock.display();
                self.start_line(format_args!("Using {socket} as socket to listen."));
            }
        }
        let path = flags.base_path.as_str();
        self.start_line(format_args!("Using {path} as the base path."));
        if flags.expose_metrics {
            let path = &flags.metrics_path;
            self.start_line(format_args!("Using {path} as the metrics path."));
        }
    }

    /// Waits until all lines are out, or nobody takes them.
    pub(crate) fn end(&self) {
        self.lines.flush(PATIENCE);
    }
}

fn maximum_size(bytes: u64) -> String {
    match bytes {
        0 => "unlimited".to_owned(),
        bytes => format!("{:.2}MB", bytes as f64 / f64::from(1 << 20)),
    }
}
