//! `tower-tusd`: a tus server that takes tusd's place.

mod flags;
mod go;
mod listen;
mod run;
mod serve;
mod signal;

use std::fmt::Arguments;
use std::io::{self, Write};
use std::process::ExitCode;

use tokio::runtime::Runtime;

use crate::flags::Flags;

fn main() -> ExitCode {
    let flags = match Flags::parse(std::env::args_os().skip(1)) {
        Ok(flags) => flags,
        Err(error) => return explain(&error),
    };
    if flags.version {
        say(format_args!("tower-tusd {}", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        // It would use `eprintln!`, which panics where nobody reads.
        .log_internal_errors(false)
        .init();
    start(&flags).unwrap_or_else(|error| {
        complain(format_args!("{error}"));
        ExitCode::FAILURE
    })
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
    let text = error.to_string();
    if !error.use_stderr() {
        say(format_args!("{}", text.trim_end()));
        return ExitCode::SUCCESS;
    }
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
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
