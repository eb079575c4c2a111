use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::protocol::{Error, Interrupt, Outcome, ResponseOverride, UploadId};

/// Stops the upload of a request: by the request's interrupt while it runs, and
/// by a separate removal after its response.
pub(super) struct Stop {
    interrupt: Interrupt,
    state: Mutex<State>,
}

enum State {
    Running,
    /// Stopped by a hook, with these changes to the response.
    Stopped(ResponseOverride),
    /// The inner service has responded.
    Over(Option<Removal>),
}

/// Removes an upload while no request is running on it.
pub(super) type Removal = Arc<dyn Fn(UploadId) -> Removing + Send + Sync>;
/// Resolves to an outcome if there was something to remove.
pub(super) type Removing = Pin<Box<dyn Future<Output = Option<Outcome>> + Send>>;

/// What a stop has found.
pub(super) enum Met {
    /// A running request, which removes the upload itself.
    Running,
    /// No request. The removal is still to be done; `None` if the upload was
    /// finished or removed.
    Over(Option<Removal>),
}

impl Stop {
    pub(super) const fn new(interrupt: Interrupt) -> Self {
        Self {
            interrupt,
            state: Mutex::new(State::Running),
        }
    }

    /// Interrupts the request while it is running.
    pub(super) fn stop(&self, response: ResponseOverride) -> Met {
        match &mut *self.state() {
            State::Over(removal) => return Met::Over(removal.clone()),
            State::Stopped(before) => before.merge(response),
            state @ State::Running => *state = State::Stopped(response),
        }
        self.interrupt.fire(Error::Stopped);
        Met::Running
    }

    /// Returns the changes to the response if the request was stopped. From now
    /// on, stops are left to `removal`.
    pub(super) fn close(&self, removal: Option<Removal>) -> Option<ResponseOverride> {
        match std::mem::replace(&mut *self.state(), State::Over(removal)) {
            State::Stopped(response) => Some(response),
            State::Running | State::Over(_) => None,
        }
    }

    /// Makes later stops do nothing: the upload is finished or removed.
    pub(super) fn forget(&self) {
        *self.state() = State::Over(None);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the mutex cannot leave the state inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").finish_non_exhaustive()
    }
}
