//! Keeps some space on the disk free.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tower_tus_layers::protocol::Length;

use super::sys;

/// How long a look at the disk counts. A look takes as long as a tenth of a creation.
const FRESH: Duration = Duration::from_secs(1);

/// Refuses creations that would leave too little space.
#[derive(Clone, Debug, Default)]
pub(super) struct FreeSpace {
    /// In bytes.
    min: u64,
    seen: Arc<Mutex<Option<Seen>>>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Instant,
    bytes: u64,
}

impl FreeSpace {
    pub(super) fn at_least(min: u64) -> Self {
        Self {
            min,
            seen: Arc::default(),
        }
    }

    /// Fails with [`ErrorKind::StorageFull`] if an upload of this length leaves too little
    /// space in `dir`.
    pub(super) fn check(&self, dir: &Path, length: Option<Length>) -> io::Result<()> {
        if self.min == 0 {
            return Ok(());
        }
        let wanted = self.min.saturating_add(length.map_or(0, Length::get));
        // Space may have become free since the last look.
        if self.recent().is_some_and(|bytes| bytes >= wanted) {
            return Ok(());
        }
        let bytes = sys::free_space(dir)?;
        let at = Instant::now();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { at, bytes });
        match bytes >= wanted {
            true => Ok(()),
            false => Err(io::Error::new(
                ErrorKind::StorageFull,
                format!("{bytes} bytes are free, {wanted} are needed"),
            )),
        }
    }

    fn recent(&self) -> Option<u64> {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.filter(|seen| seen.at.elapsed() < FRESH);
        seen.map(|seen| seen.bytes)
    }
}

#[cfg(test)]
mod tests {
    use tower_tus_layers::protocol::{Concat, Interrupt, Metadata, NewUpload, Role};
    use tower_tus_layers::store::{Concatenator, Store};

    use super::*;
    use crate::fs::sim::Disk;
    use crate::store::FileStore;

    fn new(length: Option<u64>) -> NewUpload {
        NewUpload::new(length.map(Length::saturating), Metadata::EMPTY)
    }

    async fn create(store: &FileStore, new: NewUpload) -> Result<(), &'static str> {
        let created = store.create(new).await;
        created.map(drop).map_err(|error| error.code())
    }

    const FULL: Result<(), &str> = Err("ERR_INSUFFICIENT_STORAGE");

    #[tokio::test]
    async fn creations_that_would_leave_too_little_space_are_refused_and_leave_nothing() {
        let disk = Disk::new();
        let store = FileStore::new(disk.root()).min_free_space(100);
        disk.set_free_space(99);
        assert_eq!(create(&store, new(Some(0))).await, FULL);
        assert_eq!(create(&store, new(None)).await, FULL);
        disk.set_free_space(110);
        assert_eq!(create(&store, new(Some(11))).await, FULL);
        let mut chosen = new(Some(11));
        chosen.id = "chosen".parse().unwrap();
        assert_eq!(create(&store, chosen).await, FULL);
        assert!(disk.files().is_empty());
        for length in [Some(10), None, Some(0)] {
            assert_eq!(create(&store, new(length)).await, Ok(()));
        }
    }

    #[tokio::test]
    async fn a_final_needs_space_for_its_bytes() {
        let disk = Disk::new();
        let store = FileStore::new(disk.root()).min_free_space(100);
        disk.set_free_space(1_000);
        let mut part = new(Some(0));
        part.concat = Some(Concat::new(Role::Partial { awaited_by: vec![] }, None));
        let part = store.create(part).await.unwrap().info().id.clone();
        let mut joined = new(None);
        let role = Role::Final {
            parts: vec![part],
            pending: false,
        };
        joined.concat = Some(Concat::new(role, None));
        let again = joined.clone();
        let interrupt = Interrupt::default();
        store.concatenate(joined, &interrupt).await.unwrap();
        disk.set_free_space(99);
        let store = FileStore::new(disk.root()).min_free_space(100);
        let refused = store.concatenate(again, &interrupt).await.unwrap_err();
        assert_eq!(refused.code(), "ERR_INSUFFICIENT_STORAGE");
    }

    #[test]
    fn a_look_counts_for_a_moment_unless_it_refuses() {
        let disk = Disk::new();
        let looks = || disk.calls().len();
        let free = FreeSpace::at_least(100);
        disk.set_free_space(1_000);
        for _ in 0..100 {
            free.check(disk.root(), None).unwrap();
        }
        assert!(looks() < 100);
        disk.set_free_space(5_000);
        free.check(disk.root(), Some(Length::from(4_900))).unwrap();
        free.check(disk.root(), Some(Length::from(4_901)))
            .unwrap_err();
        // Where nothing is kept free, nothing is looked at.
        let seen = looks();
        FreeSpace::default().check(disk.root(), None).unwrap();
        assert_eq!(looks(), seen);
    }

    #[test]
    fn the_free_space_of_a_real_disk_is_known() {
        let dir = tempfile::tempdir().unwrap();
        assert!(sys::free_space(dir.path()).unwrap() > 0);
        let none = FreeSpace::at_least(u64::MAX);
        let refused = none.check(dir.path(), None).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::StorageFull);
    }
}
