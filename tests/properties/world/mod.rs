//! Running servers, and what can happen to them.

mod gates;
mod inside;
mod processes;
mod times;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use self::inside::Inside;
pub(crate) use self::inside::{ATTEMPTS, HOURS, limits};
use self::processes::Processes;
use crate::actions::{Form, Ground, Moment, Ruling};
use crate::driver::Fault;
use crate::harness;
use crate::model::Verdict;

/// The servers of a case, on the same uploads.
pub(crate) enum World {
    Inside(Inside),
    Processes(Box<Processes>),
}

impl World {
    /// Starts the servers.
    pub(crate) async fn start(form: Form) -> Self {
        match form.ground {
            Ground::Memory | Ground::Files => Self::Inside(Inside::start(form).await),
            Ground::Processes | Ground::Bucket => {
                Self::Processes(Box::new(Processes::start(form).await))
            }
        }
    }

    pub(crate) fn address(&self, server: usize) -> SocketAddr {
        match self {
            Self::Inside(inside) => inside.address(server),
            Self::Processes(processes) => processes.address(server),
        }
    }

    /// Stops a server cleanly, and starts it again.
    pub(crate) async fn restart(&mut self, server: usize) {
        match self {
            Self::Inside(inside) => inside.restart(server).await,
            Self::Processes(processes) => processes.restart(server).await,
        }
    }

    /// Kills a server without warning. It has to be [started](Self::start_again) again.
    pub(crate) async fn kill(&mut self, server: usize) {
        match self {
            Self::Inside(_) => unreachable!("nobody kills what runs in this process"),
            Self::Processes(processes) => processes.kill(server).await,
        }
    }

    pub(crate) async fn start_again(&mut self, server: usize) {
        match self {
            Self::Inside(_) => {}
            Self::Processes(processes) => processes.start_again(server).await,
        }
    }

    /// Changes what the gates or hooks say, and returns what the model needs to know
    /// of it.
    pub(crate) fn rule(&self, moment: Moment, ruling: Ruling) -> Verdict {
        match self {
            Self::Inside(inside) => inside.rule(moment, ruling),
            Self::Processes(processes) => processes.rule(moment, ruling),
        }
    }

    /// Sets the clock to this many days after the start. Returns whether it can:
    /// processes have that of the system.
    pub(crate) fn set_clock(&self, days: u8) -> bool {
        match self {
            Self::Inside(inside) => {
                inside.set_clock(days);
                true
            }
            Self::Processes(_) => false,
        }
    }

    /// Sets the times of an upload back.
    pub(crate) async fn make_older(&self, id: &str, days: u8) {
        match self {
            Self::Inside(_) => unreachable!("it has a clock"),
            Self::Processes(processes) => processes.make_older(id, days).await,
        }
    }

    /// Waits until the files of an upload are gone. Returns whether they are.
    pub(crate) async fn is_removed(&self, id: &str) -> bool {
        match self {
            Self::Inside(_) => unreachable!("nobody removes what has expired"),
            Self::Processes(processes) => processes.is_removed(id).await,
        }
    }

    /// Removes what crashes have left and is older than this.
    pub(crate) async fn sweep(&self, older_than: Duration) -> Result<(), Fault> {
        match self {
            Self::Inside(inside) => inside.sweep(older_than).await,
            Self::Processes(processes) => processes.sweep(older_than).await,
        }
    }

    /// Makes all that is stored more than a day older.
    pub(crate) fn make_all_older(&self) {
        for name in self.names().unwrap_or_default() {
            times::make_old(&self.data().expect("it has names").join(name));
        }
    }

    /// Returns the names of what is stored, if it has any.
    pub(crate) fn names(&self) -> Option<Vec<String>> {
        match self {
            Self::Inside(inside) => inside.data().map(|data| harness::names(&data)),
            Self::Processes(processes) => Some(processes.names()),
        }
    }

    fn data(&self) -> Option<PathBuf> {
        match self {
            Self::Inside(inside) => inside.data(),
            Self::Processes(processes) => Some(processes.data()),
        }
    }
}
