//! Sweeps after a crash in each call of a request, and of a sweep.

use async_trait::async_trait;
use tower_tus_layers::protocol::{Concat, Role};
use tower_tus_layers::store::conformance::crash::{self, Crashable, Promises};
use tower_tus_layers::store::{Concatenator, Lister, Reader, Terminator};

use super::*;

/// The step during which the server crashes.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create,
    /// So many bytes after others.
    Patch(u64, u64, WriteMode),
    Terminate(u64),
    /// Of parts with these lengths.
    Concatenate(u64, u64),
}

/// What comes after the crash.
#[derive(Clone, Copy, Debug)]
enum Next {
    GoOn,
    Terminate,
    Sweep,
}

/// Plays a step, and returns the id and the length of the upload.
async fn play(step: Step, length: u64, bucket: &Bucket, faulty: &Faulty) -> (UploadId, u64) {
    let asked = new(Some(length));
    let id = asked.id.clone();
    let before = match step {
        Step::Create => {
            faulty.begin();
            let _ = faulty.store().create(asked).await;
            return (id, length);
        }
        Step::Concatenate(one, other) => {
            let parts = [
                part(bucket, 0, one).await,
                part(bucket, one, one + other).await,
            ];
            let asked = concatenated(&parts);
            let id = asked.id.clone();
            faulty.begin();
            let store = faulty.store();
            let _ = store.concatenate(asked, &Interrupt::default()).await;
            return (id, one + other);
        }
        Step::Patch(before, ..) | Step::Terminate(before) => before,
    };
    let mut handle = faulty.store().create(asked).await.unwrap();
    let patched = patch(&mut *handle, before, WriteMode::Streaming).await;
    patched.unwrap();
    faulty.begin();
    if let Step::Patch(_, len, mode) = step {
        let _ = patch(&mut *handle, len, mode).await;
    } else {
        let _ = faulty.store().terminate(&id).await;
    }
    (id, length)
}

/// A server that crashes in a call of its step.
struct Faulty {
    bucket: Bucket,
    calls: usize,
    fault: Fault,
}

impl Faulty {
    fn store(&self) -> ObjectStore {
        store(&self.bucket)
    }

    fn begin(&self) {
        self.bucket.fail(self.calls, self.fault);
    }
}

async fn part(bucket: &Bucket, from: u64, to: u64) -> UploadId {
    let mut asked = new(Some(to - from));
    asked.concat = Some(Concat::new(
        Role::Partial {
            awaited_by: Vec::new(),
        },
        None,
    ));
    let mut handle = store(bucket).create(asked).await.unwrap();
    let mut body = StreamBody::new(stream::iter([Ok(Frame::data(bytes(from, to)))]));
    let chunk = Chunk::new(&mut body);
    let appended = handle.append(chunk, options(WriteMode::Streaming)).await;
    assert!(appended.error.is_none());
    handle.finish_and_record().await.unwrap();
    handle.info().id.clone()
}

fn concatenated(parts: &[UploadId]) -> NewUpload {
    let mut asked = new(None);
    asked.concat = Some(Concat::new(
        Role::Final {
            parts: parts.to_vec(),
            pending: false,
        },
        None,
    ));
    asked
}

/// Goes on with an upload, or removes it. Either way there is no trace of the crash.
async fn end(bucket: &Bucket, id: &UploadId, length: u64, next: Next) {
    let store = store(bucket);
    match store.open(id).await {
        Err(Error::NotFound) => {}
        Err(error) => panic!("{error:?}"),
        Ok(_) if matches!(next, Next::Terminate) => store.terminate(id).await.unwrap(),
        Ok(_) => go_on(bucket, id, length).await,
    }
}

async fn crashed(step: Step, length: u64, calls: usize, fault: Fault, next: Next) -> bool {
    let bucket = Bucket::new();
    let other = create(&store(&bucket), Some(LENGTH))
        .await
        .info()
        .id
        .clone();
    let mut handle = store(&bucket).open(&other).await.unwrap();
    let uploaded = patch(&mut *handle, PART + 100 * KIB, WriteMode::Streaming).await;
    uploaded.unwrap();
    let faulty = Faulty {
        bucket: bucket.again(),
        calls,
        fault,
    };
    let (id, length) = play(step, length, &bucket, &faulty).await;
    if matches!(next, Next::Sweep) {
        let before = state_of(&bucket, &id).await;
        sweep_all(&bucket).await;
        assert_eq!(state_of(&bucket, &id).await, before);
    }
    end(&bucket, &id, length, next).await;
    sweep_all(&bucket).await;
    go_on(&bucket, &other, LENGTH).await;
    faulty.bucket.has_failed()
}

/// Returns what a state says about bytes.
async fn state_of(bucket: &Bucket, id: &UploadId) -> Option<State> {
    let info = Info::read(bucket, &Keys::new("", id)).await.ok()?;
    let mut state = info.state;
    (state.epoch, state.token) = (0, String::new());
    (!state.gone).then_some(state)
}

async fn every_crash(step: Step, length: u64) {
    for next in [Next::GoOn, Next::Terminate, Next::Sweep] {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let mut calls = 0;
            while crashed(step, length, calls, fault, next).await {
                calls += 1;
            }
            assert!(calls > 0, "{step:?} made no call");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_creation_or_a_termination_that_crashed() {
    every_crash(Step::Create, LENGTH).await;
    for (before, length) in [
        (5, LENGTH),
        (100 * KIB, LENGTH),
        (2 * PART + 100 * KIB, LENGTH),
        (PART, PART),
    ] {
        every_crash(Step::Terminate(before), length).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_request_that_crashed() {
    for mode in [WriteMode::Streaming, WriteMode::Atomic] {
        for (before, len) in [
            (5, 100 * KIB),
            (100 * KIB, 3 * PART + 5),
            (PART + 100 * KIB, 70 * KIB),
        ] {
            every_crash(Step::Patch(before, len, mode), LENGTH).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_finish_that_crashed() {
    for mode in [WriteMode::Streaming, WriteMode::Atomic] {
        every_crash(Step::Patch(8 * PART, PART, mode), LENGTH).await;
        every_crash(Step::Patch(100 * KIB, PART - 100 * KIB, mode), PART).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_concatenation_that_crashed() {
    every_crash(Step::Concatenate(3, 4), 0).await;
    every_crash(Step::Concatenate(PART + 1, 5), 0).await;
}

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

/// A store that concatenates nothing. Otherwise the suite would have a part appended to
/// by a handle that does not know who waits for the part, which this store refuses.
#[derive(Debug)]
struct WithoutFinals(ObjectStore);

#[async_trait]
impl Store for WithoutFinals {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.0.create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        self.0.open(id).await
    }

    fn needs_finish(&self) -> bool {
        self.0.needs_finish()
    }

    fn defers_length(&self) -> bool {
        self.0.defers_length()
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        self.0.terminator()
    }

    fn lister(&self) -> Option<&dyn Lister> {
        self.0.lister()
    }

    fn reader(&self) -> Option<&dyn Reader> {
        self.0.reader()
    }

    fn cleaner(&self) -> Option<&dyn Cleaner> {
        self.0.cleaner()
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
        Arc::new(WithoutFinals(store(bucket)))
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
