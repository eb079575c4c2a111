//! Commands on the uploads, instead of the server.

use std::process::ExitCode;

use tower_tus::layers::protocol::Shutdown;
use tower_tus::store::object::Checked;
use tower_tus::{Error, ListRequest, async_trait};

use super::runtime;
use crate::admin::{self, Audit, Site};
use crate::error::StartError;
use crate::flags::{Command, Flags, Locks};
use crate::log::Log;
use crate::process::complain;
use crate::uploads::{self, Storage, Tells, Uploads};

/// Runs a command and returns its exit code.
pub(super) fn main(flags: &Flags, command: &Command) -> ExitCode {
    let log = Log::of_failures();
    let code = start(flags, command);
    log.end();
    code.unwrap_or_else(|error| {
        complain(format_args!("{error}"));
        match error {
            StartError::Flags(_) => ExitCode::from(2),
            StartError::Unusable { .. } => ExitCode::FAILURE,
        }
    })
}

fn start(flags: &Flags, command: &Command) -> Result<ExitCode, StartError> {
    let runtime = runtime().map_err(|error| StartError::unusable("cannot start threads", error))?;
    let code = runtime.block_on(run(flags, command));
    // A disk that hangs must not delay the exit.
    runtime.shutdown_background();
    code
}

async fn run(flags: &Flags, command: &Command) -> Result<ExitCode, StartError> {
    let shutdown = Shutdown::default();
    let tells = tells(command);
    if flags.locks() == Locks::Memory && tells == Tells::Hooks {
        complain(format_args!(
            "a server with -locks=memory keeps its locks to itself: \
             this command is safe only while it does not run"
        ));
    }
    // The processes of hooks end when this is dropped.
    let Uploads {
        stack,
        storage,
        locker,
        quota: _,
        hook_processes: _hook_processes,
    } = uploads::stack_beside(flags, tells, &shutdown)?;
    let (_, handle) = stack.into_service_and_uploads();
    let site = Site {
        store: storage.to_store(),
        audit: Box::new(Audited(storage)),
        locker,
        uploads: handle,
        expiration: flags.expiration(),
    };
    let code = admin::run(command, site).await;
    // Hooks are still being called.
    shutdown.drained().await;
    Ok(code)
}

/// The storage, as commands check it.
struct Audited(Storage);

#[async_trait]
impl Audit for Audited {
    async fn check(&self, request: &ListRequest) -> Result<Checked, Error> {
        self.0.check(request).await
    }
}

/// Whether a command changes something, of which hooks are told.
fn tells(command: &Command) -> Tells {
    match command {
        Command::Rm(_) => Tells::Hooks,
        Command::Sweep(flags) if !flags.dry_run => Tells::Hooks,
        _ => Tells::Nobody,
    }
}
