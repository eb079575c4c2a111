//! Sweeps away what a kill has left, beside the next server.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tower_tus::layers::store::LeftoverKind;
use tower_tus::layers::sweep::{SweepOptions, SweepReport, Sweeper};
use tower_tus::{FileLocker, FileStore};

/// The number of leftovers of each kind.
pub(crate) type Swept = BTreeMap<LeftoverKind, u64>;

/// Sweeps a directory in which no request is at work. Returns what should have been
/// removed and was not.
pub(crate) async fn sweep(data: &Path, swept: &mut Swept) -> Vec<String> {
    grow_old(data);
    let sweeper = Sweeper::new(FileStore::new(data), FileLocker::new(data));
    let hour = SweepOptions::default().older_than(Duration::from_secs(3600));
    let SweepReport {
        removed,
        kept,
        failed,
        ..
    } = sweeper.sweep(&hour).await.unwrap();
    for (kind, tally) in removed {
        *swept.entry(kind).or_default() += tally.count;
    }
    let kept = kept.into_iter().map(|kept| format!("kept: {kept:?}"));
    let failed = failed
        .into_iter()
        .map(|failed| format!("failed: {failed:?}"));
    kept.chain(failed).collect()
}

/// Sets the times of all files back by two hours: a sweep leaves young ones alone.
fn grow_old(data: &Path) {
    let old = SystemTime::now() - Duration::from_secs(7200);
    for file in data.read_dir().unwrap() {
        // The server may just have removed a lock.
        if let Ok(file) = File::options().append(true).open(file.unwrap().path()) {
            file.set_modified(old).unwrap();
        }
    }
}
