//! Flags about the log and the greeting.

use clap::{Args, ValueEnum};

/// tusd's flags about the log and the greeting.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct LogFlags {
    /// Logs each call of a hook too, and why connections end early
    #[arg(long, default_value = "true")]
    pub(crate) verbose: bool,

    /// Least important level of lines that are logged; off logs nothing
    #[arg(long, default_value = "debug")]
    pub(crate) log_level: LogLevel,

    /// Format of the log lines
    #[arg(long, default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// Prints the settings and the URL of the uploads at the start
    #[arg(long, default_value = "true")]
    pub(crate) show_startup_logs: bool,

    /// Answers GET and HEAD of / with a greeting instead of 404
    #[arg(long, default_value = "true")]
    pub(crate) show_greeting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// From the most important level on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}
