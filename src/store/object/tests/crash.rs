//! A server crashes in each call of a request, and another one goes on.

use tower_tus_layers::store::Terminator;

use super::clean::check_swept;
use super::*;

/// The step during which the server crashes.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create,
    /// So many bytes after others.
    Patch(u64, u64, WriteMode),
    Terminate(u64),
}

const LENGTH: u64 = 9 * PART;

async fn crashed(step: Step, length: u64, calls: usize, fault: Fault) -> bool {
    let bucket = Bucket::new();
    let faulty = bucket.again();
    let asked = new(Some(length));
    let id = asked.id.clone();
    if matches!(step, Step::Create) {
        faulty.fail(calls, fault);
    }
    let created = store(&faulty).create(asked.clone()).await;
    let Ok(mut handle) = created else {
        let _ = store(&bucket).create(asked).await;
        go_on(&bucket, &id, length).await;
        check_swept(&bucket, &id).await;
        return true;
    };
    match step {
        Step::Create => {}
        Step::Patch(before, len, mode) => {
            patch(&mut *handle, before, WriteMode::Streaming)
                .await
                .unwrap();
            faulty.calls();
            faulty.fail(calls, fault);
            let answer = patch(&mut *handle, len, mode).await;
            let found = store(&bucket).open(&id).await.unwrap();
            let offset = found.info().offset.get();
            assert!(offset >= before, "the offset went back");
            if let Ok(answered) = answer {
                assert_eq!(offset, answered);
            }
            if mode.is_atomic() {
                assert!(offset == before || offset == before + len, "{offset}");
            }
        }
        Step::Terminate(before) => {
            patch(&mut *handle, before, WriteMode::Streaming)
                .await
                .unwrap();
            faulty.calls();
            faulty.fail(calls, fault);
            let store = store(&faulty);
            let ended = store.terminator().unwrap().terminate(&id).await;
            let found = super::store(&bucket).open(&id).await;
            match (&ended, &found) {
                (Ok(()), Err(Error::NotFound)) => {
                    assert!(bucket.keys().iter().all(|key| key.ends_with(".part")));
                }
                (Ok(()), found) => panic!("{found:?}"),
                (Err(_), Err(Error::NotFound)) => {
                    // Another creation removes what is left.
                    let _ = super::store(&bucket).create(asked).await.unwrap();
                    go_on(&bucket, &id, length).await;
                    check_swept(&bucket, &id).await;
                }
                (Err(_), _) => {
                    go_on(&bucket, &id, length).await;
                    check_swept(&bucket, &id).await;
                }
            }
            return faulty.has_failed();
        }
    }
    drop(handle);
    go_on(&bucket, &id, length).await;
    check_swept(&bucket, &id).await;
    faulty.has_failed()
}

async fn every_crash(step: Step, length: u64) {
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        let mut calls = 0;
        while crashed(step, length, calls, fault).await {
            calls += 1;
        }
        assert!(calls > 0, "{step:?} made no call");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_creation_is_survived() {
    every_crash(Step::Create, LENGTH).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_request_loses_no_answered_byte() {
    for mode in [WriteMode::Streaming, WriteMode::Atomic] {
        for (before, len) in [
            (5, 4 * KIB),
            (5, 100 * KIB),
            (5, PART),
            (100 * KIB, 3 * PART + 5),
            (PART + 100 * KIB, 70 * KIB),
        ] {
            every_crash(Step::Patch(before, len, mode), LENGTH).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_the_last_request_is_survived() {
    for mode in [WriteMode::Streaming, WriteMode::Atomic] {
        for before in [5, 100 * KIB, PART + 5, 8 * PART, 8 * PART + 100 * KIB] {
            every_crash(Step::Patch(before, LENGTH - before, mode), LENGTH).await;
        }
        for before in [0, 5, 100 * KIB] {
            every_crash(Step::Patch(before, PART - before, mode), PART).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_termination_leaves_no_id_stuck() {
    for (before, length) in [
        (5, LENGTH),
        (100 * KIB, LENGTH),
        (2 * PART, LENGTH),
        (PART, PART),
    ] {
        every_crash(Step::Terminate(before), length).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_the_termination_of_a_finished_upload_leaves_its_chosen_id_free() {
    let bucket = Bucket::new();
    let faulty = bucket.again();
    let mut asked = new(Some(5));
    asked.id = "chosen".parse().unwrap();
    let mut handle = store(&bucket).create(asked.clone()).await.unwrap();
    patch(&mut *handle, 5, WriteMode::Streaming).await.unwrap();
    // After the swap that removes it.
    faulty.fail(1, Fault::CrashAfter);
    let ended = store(&faulty).terminate(&asked.id).await;
    ended.unwrap_err();
    assert_eq!(bucket.keys(), ["chosen", "chosen.info"]);
    store(&bucket).create(asked.clone()).await.unwrap();
    go_on(&bucket, &asked.id, 5).await;
}
