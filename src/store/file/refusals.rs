//! Which file system refuses reads that must not wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::sys::Seen;

/// No file system has this number.
const NONE: u64 = u64::MAX;

/// Remembers the last file system that has refused, such as tmpfs or NFS: nothing but
/// a read tells, and each of them would be in vain.
///
/// One is enough: all uploads of a store are on one, but for those that a hook puts
/// elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Refusals(Arc<AtomicU64>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(NONE)))
    }
}

impl Refusals {
    /// Whether the file system of this file has refused.
    pub(super) fn include(&self, file: Seen) -> bool {
        self.0.load(Ordering::Relaxed) == file.device
    }

    pub(super) fn add(&self, file: Seen) {
        self.0.store(file.device, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn the_last_file_system_that_has_refused_is_known_to_all_clones() {
        let [first, other] = [0, 7].map(|device| Seen {
            len: 1,
            modified: SystemTime::UNIX_EPOCH,
            device,
        });
        let refusals = Refusals::default();
        let clone = refusals.clone();
        assert!(!refusals.include(first) && !refusals.include(other));
        refusals.add(first);
        assert!(clone.include(first) && !clone.include(other));
        clone.add(other);
        assert!(refusals.include(other));
    }
}
