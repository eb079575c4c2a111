//! Commands on the stored uploads: `tower-tusd ls`, `show`, `rm`, `verify` and `sweep`.
//!
//! They work beside running servers and without one. What was asked for goes to stdout,
//! as a table for people or as one JSON object per line, and everything else to stderr.

mod json;
mod leftovers;
mod ls;
mod output;
mod progress;
mod rm;
mod show;
mod site;
mod sweep;
mod table;
mod text;
mod verify;

use std::process::ExitCode;

use self::output::{Output, Stop};
use crate::flags::Command;

pub(crate) use self::site::{Audit, Site};

/// Whether a command did all that was asked of it, and found nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Fine,
    Incomplete,
}

impl End {
    /// Notes that something was not done, or is wrong.
    fn mark_incomplete(&mut self) {
        *self = Self::Incomplete;
    }
}

/// Runs a command and returns the exit code.
pub(crate) async fn run(command: &Command, site: Site) -> ExitCode {
    let mut output = Output::to_stdout();
    let ended = match command {
        Command::Ls(flags) => ls::run(flags, &site, &mut output).await,
        Command::Show(flags) => show::run(flags, &site, &mut output).await,
        Command::Rm(flags) => rm::run(flags, &site, &mut output).await,
        Command::Verify(flags) => verify::run(flags, &site, &mut output).await,
        Command::Sweep(flags) => sweep::run(flags, &site, &mut output).await,
    };
    match ended.and_then(|end| output.flush().map(|()| end)) {
        // Like `ls | head`: what nobody wants to read is no failure.
        Ok(End::Fine) | Err(Stop::Unread) => ExitCode::SUCCESS,
        Ok(End::Incomplete) => ExitCode::FAILURE,
        Err(Stop::Failed(reason)) => {
            output.complain(format_args!("{reason}"));
            ExitCode::FAILURE
        }
    }
}
