//! The process groups of hooks, which end together with the server.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::process::Child;

/// The process groups of all running hooks.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    ended: bool,
    running: BTreeSet<u32>,
}

/// The process group of one hook. Dropping it kills the group.
#[derive(Debug)]
pub(super) struct Group {
    groups: Groups,
    id: Option<u32>,
}

impl Groups {
    /// Registers the group that a hook leads. After
    /// [`kill_all`](Self::kill_all), it is killed at once.
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

    /// Kills all running groups, and every group that is added later.
    pub(super) fn kill_all(&self) {
        let mut state = self.state();
        state.ended = true;
        state.running.iter().copied().for_each(kill);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic with the state half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    /// Forgets the group after the hook has ended: its background processes
    /// keep running, and the system may reuse its id.
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

/// Kills a group, unless it has already ended.
#[cfg(unix)]
fn kill(id: u32) {
    let id = i32::try_from(id).ok();
    if let Some(group) = id.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// Without process groups, a hook is killed alone.
#[cfg(not(unix))]
fn kill(_: u32) {}
