//! The background work on uploads.

use tower_tus::Uploads;
use tower_tus::layers::protocol::Shutdown;
use tower_tus::layers::uploads::Schedule;

use crate::flags::ExpirationFlags;

/// Finishes the uploads that a crash or a failing hook has left complete, and removes
/// those that have expired, until the shutdown begins.
pub(crate) fn tend(uploads: Uploads, flags: &ExpirationFlags, shutdown: &Shutdown) {
    let running = shutdown.task();
    let schedule = match flags.removes_every() {
        Some(interval) => Schedule::default().expire(interval),
        None => Schedule::default(),
    };
    tokio::spawn(async move {
        uploads.run(schedule).await;
        // The shutdown waits for the last clone of the locker, which removes a file.
        drop(uploads);
        drop(running);
    });
}
