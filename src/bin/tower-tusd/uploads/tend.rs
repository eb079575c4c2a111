//! The background work on uploads.

use std::time::Duration;

use tower_tus::Uploads;
use tower_tus::layers::protocol::Shutdown;
use tower_tus::layers::uploads::Schedule;

use crate::flags::{Flags, Place};

/// Time between two searches for complete uploads to finish, in an object store.
const OBJECTS: Duration = Duration::from_secs(24 * 60 * 60);

/// Finishes the uploads that a crash or a failing hook has left complete, and removes
/// those that have expired, until the shutdown begins.
pub(crate) fn tend(uploads: Uploads, flags: &Flags, shutdown: &Shutdown) {
    let running = shutdown.task();
    let mut schedule = Schedule::default();
    if flags.place() != Place::Directory {
        // Each pass reads every upload there.
        schedule = schedule.finish(OBJECTS);
    }
    if let Some(interval) = flags.removes_every() {
        schedule = schedule.expire(interval);
    }
    tokio::spawn(async move {
        uploads.run(schedule).await;
        // The shutdown waits for the last clone of the locker, which removes a file.
        drop(uploads);
        drop(running);
    });
}
