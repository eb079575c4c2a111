//! What the server says of itself, and in which form.

use clap::{Args, ValueEnum};

/// tusd's flags about logs and greetings.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct LogFlags {
    /// Log also each call of a hook, and why connections end
    #[arg(long, default_value = "true")]
    pub(crate) verbose: bool,

    /// Form of the log lines
    #[arg(long, default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// Print the settings, and where to upload to, before the first request
    #[arg(long, default_value = "true")]
    pub(crate) show_startup_logs: bool,

    /// Greet GET and HEAD of / instead of answering 404
    #[arg(long, default_value = "true")]
    pub(crate) show_greeting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}
