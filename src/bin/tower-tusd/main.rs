//! `tower-tusd`: a tus server that takes tusd's place.

mod anchors;
mod cors;
mod early;
mod environment;
mod files;
mod flags;
mod forwarded;
mod go;
mod greeting;
mod hooks;
mod hooks_dir;
mod hooks_grpc;
mod http2;
mod list;
mod listen;
mod listener;
mod log;
mod malformed;
mod metrics;
mod own;
mod preface;
mod rewound;
mod run;
mod serve;
mod signal;
mod slots;
mod socket;
mod taken;
mod tls;
#[cfg(unix)]
mod unix;
mod uploads;

use std::fmt::Arguments;
use std::io::{self, Write};
use std::process::ExitCode;

use tokio::runtime::Runtime;

use crate::environment::Environment;
use crate::flags::{Flags, first_line};
use crate::log::Log;

fn main() -> ExitCode {
    if let Some(code) = files::launched() {
        return code;
    }
    let environment = Environment::read(std::env::vars_os());
    let flags = match Flags::parse(std::env::args_os().skip(1), environment) {
        Ok(flags) => flags,
        Err(error) => return explain(&error),
    };
    if flags.version {
        say(format_args!("tower-tusd {}", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    let log = Log::begin(&flags.log);
    for warning in &flags.warnings {
        tracing::warn!("{warning}");
    }
    let code = start(&flags, &log);
    log.end();
    code.unwrap_or_else(|error| {
        complain(format_args!("{error}"));
        ExitCode::FAILURE
    })
}

fn start(flags: &Flags, log: &Log) -> Result<ExitCode, run::StartError> {
    let raised = files::take_all();
    let runtime = Runtime::new()?;
    let code = runtime.block_on(run::run(flags, log, raised));
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
