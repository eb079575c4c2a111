//! Removes what crashes have left.

use std::sync::Arc;

use tower_tus::layers::lock::Locker;
use tower_tus::layers::metrics::TimedStore;
use tower_tus::layers::protocol::Shutdown;
use tower_tus::layers::store::Store;
use tower_tus::layers::sweep::{SweepOptions, Sweeper};

use super::storage::Storage;
use crate::flags::{Flags, METRICS_PREFIX};

/// Looks in the background what crashes have left, and removes what is older than 24
/// hours now and then, until the shutdown begins.
pub(crate) fn sweep(
    storage: &Storage,
    locker: Arc<dyn Locker>,
    flags: &Flags,
    shutdown: &Shutdown,
) {
    let store = storage.to_store();
    let store: Arc<dyn Store> = match flags.metrics.expose_metrics {
        true => Arc::new(TimedStore::new(store, METRICS_PREFIX)),
        false => store,
    };
    let sweeper = Sweeper::new(store, locker).shutdown(shutdown.clone());
    let interval = flags.scan_interval();
    let running = shutdown.task();
    tokio::spawn(async move {
        let options = SweepOptions::default();
        sweeper.run(&options, interval).await;
        // The shutdown waits for the last clone of the locker, which removes a file.
        drop(sweeper);
        drop(running);
    });
}
