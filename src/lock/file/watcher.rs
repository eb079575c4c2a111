//! One task that watches all held locks of a locker.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower_tus_layers::protocol::{Error, Interrupt};

use super::Shared;
use super::lock_file::LockFile;
use super::quiet::Quiet;

/// The locks that are held, and the task that watches them while there are any.
#[derive(Debug, Default)]
pub(super) struct Watcher(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: u64,
    locks: HashMap<u64, Watch>,
    task: Option<JoinHandle<()>>,
}

/// A lock, and whom to tell that it is wanted.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// Not the file itself: once it is released, nothing must keep its inode.
    file: Weak<LockFile>,
    interrupt: Interrupt,
}

impl Watcher {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the last lock, or `None` if there were none since the last poll, so
    /// that the task ends. `last` is the last lock known to the task.
    fn last(&self, last: u64) -> Option<u64> {
        let mut state = self.state();
        if state.locks.is_empty() && state.last == last {
            state.task = None;
            return None;
        }
        Some(state.last)
    }

    fn locks(&self) -> Vec<Watch> {
        self.state().locks.values().cloned().collect()
    }

    #[cfg(test)]
    pub(super) fn is_running(&self) -> bool {
        self.state().task.is_some()
    }
}

/// A lock that is watched until this is dropped.
#[derive(Debug)]
pub(super) struct Watched {
    shared: Arc<Shared>,
    number: u64,
}

impl Watched {
    /// Fires `interrupt` when another process waits for the lock, which is
    /// looked at in this interval.
    pub(super) fn new(
        shared: &Arc<Shared>,
        file: &Arc<LockFile>,
        interrupt: Interrupt,
        interval: Duration,
    ) -> Self {
        let file = Arc::downgrade(file);
        let mut state = shared.watcher.state();
        state.last += 1;
        let number = state.last;
        state.locks.insert(number, Watch { file, interrupt });
        // It is also finished if its runtime has ended.
        if state.task.as_ref().is_none_or(JoinHandle::is_finished) {
            let watching = watch(Arc::downgrade(shared), interval);
            state.task = Some(tokio::spawn(watching));
        }
        drop(state);
        Self {
            shared: Arc::clone(shared),
            number,
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let removed = self.shared.watcher.state().locks.remove(&self.number);
        // Not under the mutex, since an interrupt may wake tasks.
        drop(removed);
    }
}

/// Polls for waiting processes until no lock was held for a while. Most locks are
/// released before the first poll.
async fn watch(shared: Weak<Shared>, interval: Duration) {
    let (mut quiet, mut last) = (Quiet::default(), 0);
    loop {
        sleep(interval).await;
        let Some(here) = shared.upgrade() else {
            return;
        };
        let steps = Arc::clone(&here.steps);
        let Some(newest) = here.watcher.last(last) else {
            let retire = move || {
                here.own.retire();
                Ok(())
            };
            // If this fails, the file goes with the locker.
            let _ = steps.short(retire).await;
            return;
        };
        drop(here);
        let is_new = mem::replace(&mut last, newest) != newest;
        // Without knowledge of the directories, the next poll looks at all.
        let mut now = mem::take(&mut quiet);
        let begin = move || {
            let nothing_has_happened = now.begin();
            Ok((now, nothing_has_happened))
        };
        let Ok((mut now, nothing_has_happened)) = steps.long(begin).await else {
            continue;
        };
        if nothing_has_happened && !is_new {
            now.end();
            quiet = now;
            continue;
        }
        let Some(locks) = shared.upgrade().map(|here| here.watcher.locks()) else {
            return;
        };
        let looked = steps.long(move || {
            look(&locks, &mut now);
            Ok(now)
        });
        quiet = looked.await.unwrap_or_default();
    }
}

/// Looks at the locks in a poll that has begun, and ends it.
fn look(locks: &[Watch], quiet: &mut Quiet) {
    for Watch { file, interrupt } in locks {
        let Some(file) = file.upgrade() else { continue };
        if quiet.is_unchanged(file.dir()) && file.was_watched() {
            continue;
        }
        match file.is_wanted() {
            Ok(true) => interrupt.fire(Error::Interrupted),
            Ok(false) => {}
            // A failed poll says nothing about waiters, and the next one may
            // succeed.
            Err(_) => quiet.forget(file.dir()),
        }
    }
    quiet.end();
}
