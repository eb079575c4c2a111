//! `tower-tusd`: a tus server that takes tusd's place.

mod cors;
mod environment;
mod flags;
mod go;
mod hooks_grpc;
mod listen;
mod metrics;
mod run;
mod serve;
mod signal;
mod uploads;

use std::fmt::Arguments;
use std::io::{self, Write};
use std::process::ExitCode;

use tokio::runtime::Runtime;

use crate::environment::Environment;
use crate::flags::{Flags, LogFormat, first_line};

fn main() -> ExitCode {
    let environment = Environment::read(std::env::vars_os());
    let warnings = environment.warnings.clone();
    let flags = match Flags::parse(std::env::args_os().skip(1), environment) {
        Ok(flags) => flags,
        Err(error) => return explain(&error),
    };
    if flags.version {
        say(format_args!("tower-tusd {}", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    log(flags.log_format);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    start(&flags).unwrap_or_else(|error| {
        complain(format_args!("{error}"));
        ExitCode::FAILURE
    })
}

/// Begins to log to stdout.
fn log(format: LogFormat) {
    let lines = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        // It would use `eprintln!`, which panics where nobody reads.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

fn start(flags: &Flags) -> Result<ExitCode, run::StartError> {
    let runtime = Runtime::new()?;
    let code = runtime.block_on(run::run(flags));
    // A disk that hangs must not hold the exit.
    runtime.shutdown_background();
    code
}

/// Help goes to stdout; what is wrong with the flags is one line on stderr.
fn explain(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        say(format_args!("{}", error.to_string().trim_end()));
        return ExitCode::SUCCESS;
    }
    let line = first_line(error);
    complain(format_args!("{line}; -help lists the flags"));
    ExitCode::from(2)
}

/// Prints a line, also where nobody reads it: `println!` would panic.
fn say(line: Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// As [`say`], to stderr.
fn complain(line: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "tower-tusd: {line}");
}
