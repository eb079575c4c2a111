//! The quota around the store.

use tower_tus::layers::lock::{Locker, MemoryLocker};
use tower_tus::store::FileStore;
use tower_tus::store::limited::{Evict, Limited};
use tower_tus::{FileLocker, Stack};

use crate::flags::{Flags, METRICS_PREFIX, QuotaFlags, StoreEvict};

/// A stack over `store`, with its locks, and with a quota if the flags set one.
pub(super) fn stack(flags: &Flags, store: FileStore, locker: Option<&FileLocker>) -> Stack {
    let quota = &flags.quota;
    let store = store.min_free_space(quota.min_free_space);
    // Eviction needs the locks of the stack.
    match locker {
        Some(locker) => over(flags, store, locker.clone()),
        None => over(flags, store, MemoryLocker::default()),
    }
}

fn over(flags: &Flags, store: FileStore, locker: impl Locker + Clone) -> Stack {
    if !flags.quota.is_set() {
        return Stack::new(store).locker(locker);
    }
    let mut limited = limited(&flags.quota, store, locker.clone());
    if flags.metrics.expose_metrics {
        limited = limited.metrics(METRICS_PREFIX);
    }
    limited.start();
    Stack::new(limited).locker(locker)
}

fn limited(flags: &QuotaFlags, store: FileStore, locker: impl Locker) -> Limited {
    let mut limited = Limited::new(store);
    if flags.store_size > 0 {
        limited = limited.total(flags.store_size);
    }
    if flags.store_size_per_owner > 0 {
        limited = limited.per_owner_key(flags.store_size_per_owner, &flags.owner_key);
    }
    match flags.store_evict {
        Some(StoreEvict::Unfinished) => limited.evict(Evict::OldestUnfinished, locker),
        Some(StoreEvict::Finished) => limited.evict(Evict::OldestFinished, locker),
        None => limited,
    }
}
