//! Sweeps that crash.

use tower_tus_layers::store::conformance::crash::{self, Crashable, Promises};

use super::*;
use crate::store::object::tests::clients::{Clients, Lacks};

#[tokio::test(start_paused = true)]
async fn a_sweep_that_crashes_is_done_by_the_next_one() {
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        for calls in 0.. {
            let bucket = Bucket::new();
            let live = leave_all(&bucket).await;
            let faulty = bucket.again();
            faulty.fail(calls, fault);
            let _ = sweep(&store(&faulty)).await;
            sweep_all(&bucket).await;
            go_on(&bucket, &live, LENGTH).await;
            assert!(calls < 1_000);
            if !faulty.has_failed() {
                assert!(calls > 20, "{calls}");
                break;
            }
        }
    }
}

/// A store on a bucket that stops.
struct InMemory;

impl Crashable for InMemory {
    type Storage = Bucket;

    fn empty(&self) -> Bucket {
        Bucket::new()
    }

    fn stop_after(&self, bucket: &Bucket, changes: u64) {
        bucket.fail(usize::try_from(changes).unwrap(), Fault::CrashBefore);
    }

    fn has_stopped(&self, bucket: &Bucket) -> bool {
        bucket.has_failed()
    }

    fn open(&self, bucket: &Bucket) -> Arc<dyn Store> {
        // The suite would append to a part by a handle that does not know who waits for
        // the part, which this store refuses.
        Arc::new(Clients::new([store(bucket)]).without(Lacks::Finals))
    }

    fn after_crash(&self, bucket: Bucket) -> Vec<(String, Bucket)> {
        vec![("the bucket as it was".to_owned(), bucket.again())]
    }

    fn promises(&self) -> Promises {
        Promises::ALL
    }

    fn unowned(&self, bucket: &Bucket, uploads: &[UploadId]) -> Vec<String> {
        let is_owned = |key: &String| {
            let is_of = |id: &UploadId| *key == *id.as_str() || *key == format!("{id}.info");
            uploads.iter().any(is_of)
        };
        bucket
            .keys()
            .into_iter()
            .filter(|key| !is_owned(key))
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn it_passes_the_crash_suite_with_its_sweeps() {
    let ran = crash::run(&InMemory).await;
    assert!(ran.sweeps > 400, "{ran:?}");
}
