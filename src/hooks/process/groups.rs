//! The process groups of hooks, which end with the server.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::process::Child;

/// The groups of all hooks that run.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    ended: bool,
    running: BTreeSet<u32>,
}

/// The processes of a hook, which end when this is dropped.
#[derive(Debug)]
pub(super) struct Group {
    groups: Groups,
    id: Option<u32>,
}

impl Groups {
    /// The group that a hook leads; it ends at once when all others have.
    pub(super) fn add(&self, child: &Child) -> Group {
        let id = child.id();
        let mut state = self.state();
        state.running.extend(id);
        if state.ended {
            id.into_iter().for_each(kill);
        }
        drop(state);
        Group {
            groups: self.clone(),
            id,
        }
    }

    /// Ends all that run, and each that starts from now on.
    pub(super) fn kill_all(&self) {
        let mut state = self.state();
        state.ended = true;
        state.running.iter().copied().for_each(kill);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock can leave the state half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    /// The hook has ended: those that it has left to themselves are left alone,
    /// and its id may become another's.
    pub(super) fn let_go(self) {
        let mut group = self;
        group.forget();
    }

    fn forget(&mut self) -> Option<u32> {
        let id = self.id.take()?;
        self.groups.state().running.remove(&id);
        Some(id)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.forget() {
            kill(id);
        }
    }
}

/// Kills a group. Of one that has ended there is nothing to kill.
#[cfg(unix)]
fn kill(id: u32) {
    let id = i32::try_from(id).ok();
    if let Some(group) = id.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// Elsewhere a hook ends alone.
#[cfg(not(unix))]
fn kill(_: u32) {}
