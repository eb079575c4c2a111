//! The background work on uploads.

use tower_tus::Uploads;
use tower_tus::layers::protocol::Shutdown;
use tower_tus::layers::uploads::Schedule;

/// Finishes the uploads that a crash or a failing hook has left complete, until the
/// shutdown begins.
pub(crate) fn tend(uploads: Uploads, shutdown: &Shutdown) {
    let running = shutdown.task();
    let schedule = Schedule::default();
    tokio::spawn(async move {
        uploads.run(schedule).await;
        // The shutdown waits for the last clone of the locker, which removes a file.
        drop(uploads);
        drop(running);
    });
}
