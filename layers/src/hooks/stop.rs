use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::protocol::{Error, Interrupt, Outcome, ResponseOverride, UploadId};

/// The way to end a request's upload: while the request runs by its interrupt,
/// and once it has been answered by a removal of its own.
pub(super) struct Stop {
    interrupt: Interrupt,
    state: Mutex<State>,
}

enum State {
    Running,
    /// A hook has stopped it, and wants the response changed so.
    Stopped(ResponseOverride),
    /// It has been answered.
    Over(Option<Removal>),
}

/// Removes an upload of which no request runs.
pub(super) type Removal = Arc<dyn Fn(UploadId) -> Removing + Send + Sync>;
/// Its outcome, when there was something to remove.
pub(super) type Removing = Pin<Box<dyn Future<Output = Option<Outcome>> + Send>>;

/// What a stop has met.
pub(super) enum Met {
    /// A request that runs: it removes the upload itself.
    Running,
    /// None: this is left to do, unless its upload was finished or removed.
    Over(Option<Removal>),
}

impl Stop {
    pub(super) const fn new(interrupt: Interrupt) -> Self {
        Self {
            interrupt,
            state: Mutex::new(State::Running),
        }
    }

    /// Ends the body that is being received.
    pub(super) fn stop(&self, response: ResponseOverride) -> Met {
        match &mut *self.state() {
            State::Over(removal) => return Met::Over(removal.clone()),
            State::Stopped(before) => before.merge(response),
            state @ State::Running => *state = State::Stopped(response),
        }
        self.interrupt.fire(Error::Stopped);
        Met::Running
    }

    /// Tells whether the request was stopped. From now on the `removal` does
    /// what is stopped later.
    pub(super) fn close(&self, removal: Option<Removal>) -> Option<ResponseOverride> {
        match std::mem::replace(&mut *self.state(), State::Over(removal)) {
            State::Stopped(response) => Some(response),
            State::Running | State::Over(_) => None,
        }
    }

    /// Leaves nothing to stop: the upload is finished, or removed.
    pub(super) fn forget(&self) {
        *self.state() = State::Over(None);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").finish_non_exhaustive()
    }
}
