//! The quota around the store.

use std::sync::Arc;

use tower_tus::layers::lock::Locker;
use tower_tus::layers::uploads::Uploads;
use tower_tus::store::limited::{Evict, Limited};
use tower_tus::{Stack, Store};

use super::storage::Storage;
use crate::flags::{Flags, METRICS_PREFIX, QuotaFlags, StoreEvict};

/// The store with a quota, which may make room for uploads.
pub(crate) struct Quota {
    store: Limited,
    evict: Evict,
}

impl Quota {
    /// Lets the quota make room through the stack, as long as the handle lives.
    pub(crate) fn evict_through(&self, uploads: &Arc<Uploads>) {
        self.store.evict_through(uploads, self.evict);
    }
}

/// A stack over the storage, with its locks, and with a quota if the flags set one, which is
/// returned if it is to make room for uploads.
pub(super) fn stack(
    flags: &Flags,
    storage: &Storage,
    locker: &Arc<dyn Locker>,
) -> (Stack, Option<Quota>) {
    let store: Arc<dyn Store> = match storage {
        Storage::Files(store) => Arc::new(store.clone().min_free_space(flags.quota.min_free_space)),
        Storage::Objects(store) => Arc::new(store.clone()),
    };
    if !flags.quota.is_set() {
        return (Stack::new(store).locker(Arc::clone(locker)), None);
    }
    let mut store = limited(&flags.quota, store);
    if flags.metrics.expose_metrics {
        store = store.metrics(METRICS_PREFIX);
    }
    store.start();
    let stack = Stack::new(store.clone()).locker(Arc::clone(locker));
    let evict = flags.quota.store_evict.map(|evict| match evict {
        StoreEvict::Unfinished => Evict::OldestUnfinished,
        StoreEvict::Finished => Evict::OldestFinished,
    });
    (stack, evict.map(|evict| Quota { store, evict }))
}

fn limited(flags: &QuotaFlags, store: Arc<dyn Store>) -> Limited {
    let mut limited = Limited::new(store);
    if flags.store_size > 0 {
        limited = limited.total(flags.store_size);
    }
    if flags.store_size_per_owner > 0 {
        limited = limited.per_owner_key(flags.store_size_per_owner, &flags.owner_key);
    }
    limited
}
