//! The quota around the store.

use std::sync::Arc;

use tower_tus::Stack;
use tower_tus::layers::lock::Locker;
use tower_tus::store::FileStore;
use tower_tus::store::limited::{Evict, Limited};

use crate::flags::{Flags, METRICS_PREFIX, QuotaFlags, StoreEvict};

/// A stack over `store`, with its locks, and with a quota if the flags set one.
pub(super) fn stack(flags: &Flags, store: FileStore, locker: &Arc<dyn Locker>) -> Stack {
    let store = store.min_free_space(flags.quota.min_free_space);
    if !flags.quota.is_set() {
        return Stack::new(store).locker(Arc::clone(locker));
    }
    // Eviction needs the locks of the stack.
    let mut limited = limited(&flags.quota, store, Arc::clone(locker));
    if flags.metrics.expose_metrics {
        limited = limited.metrics(METRICS_PREFIX);
    }
    limited.start();
    Stack::new(limited).locker(Arc::clone(locker))
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
