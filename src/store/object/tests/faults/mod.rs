//! A call of a server fails, each one in each way, and another server goes on.
//!
//! No byte that was answered is lost, no offset goes back, the finished object has the
//! bytes that were sent, and a sweep leaves nothing else.

mod next;
mod scene;

use std::time::Duration;

use tower_tus_layers::store::{LeftoverKind, Terminator};

use self::next::Next;
use self::scene::{Scene, Step};
use super::*;
use crate::store::object::objects::{Objects, Rules};

const CRASHES: [Fault; 3] = [Fault::CrashBefore, Fault::CrashAfter, Fault::CrashLate];
/// The server goes on, and has to find out what became of the call.
const LOST: [Fault; 6] = [
    Fault::Lost,
    Fault::Unanswered,
    Fault::Slow,
    Fault::Late,
    Fault::Twice,
    Fault::Busy,
];

/// An upload that needs parts.
const LENGTH: u64 = 3 * PART + 5;

/// Returns a bucket in which parts are joined without a condition, and never copied.
fn without_conditions() -> Bucket {
    Bucket::with(Rules {
        conditional_complete: false,
        copies_parts: false,
        ..Bucket::RULES
    })
}

/// What came of a fault.
struct Outcome {
    /// Whether the server has made so many calls.
    has_failed: bool,
    /// Whether the call arrived while the other server went on.
    arrived_meanwhile: bool,
}

/// Says at the end of a test that fails what was played.
struct Told(String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

/// Lets the call after `calls` others fail. If it is late, it arrives before the call
/// after `moment` others of the server that goes on, or at the end.
async fn run(
    bucket: &Bucket,
    scene: Scene,
    next: Next,
    (calls, fault): (usize, Fault),
    moment: usize,
) -> Outcome {
    let (faulty, other) = (bucket.again(), bucket.again());
    let played = scene.play(bucket, &faulty, calls, fault).await;
    // Slow calls are done by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let failed = faulty.failed().unwrap_or_default();
    let _told = Told(format!(
        "{scene:?}: {fault:?} at call {calls} ({failed}), then {next:?}, late at {moment}"
    ));
    let is_survived = played.ended.is_ok() || CRASHES.contains(&fault) || is_read(&failed);
    assert!(is_survived, "{:?}", played.ended);
    other.release_before(moment, &faulty);
    next.play(&other, &played).await;
    let arrived_meanwhile = other.has_released();
    faulty.release().await;
    next.check(bucket, &played, &failed).await;
    Outcome {
        has_failed: faulty.has_failed(),
        arrived_meanwhile,
    }
}

/// Not each read is repeated: a client repeats the request.
fn is_read(call: &str) -> bool {
    let reads = ["get ", "head ", "list ", "parts "];
    reads.iter().any(|read| call.starts_with(read))
}

async fn every_moment(
    new: fn() -> Bucket,
    scene: Scene,
    next: Next,
    fault: (usize, Fault),
) -> bool {
    let mut moment = 0;
    loop {
        let ran = run(&new(), scene, next, fault, moment).await;
        if !ran.arrived_meanwhile {
            return ran.has_failed;
        }
        moment += 1;
    }
}

async fn every_call(scene: Scene, faults: &[Fault]) {
    let kinds = Bucket::KINDS.into_iter();
    for new in kinds.chain([without_conditions as fn() -> Bucket]) {
        for fault in faults {
            for next in Next::after(*fault) {
                let mut calls = 0;
                while every_moment(new, scene, *next, (calls, *fault)).await {
                    calls += 1;
                }
                assert!(calls > 0, "{scene:?} made no call");
            }
        }
    }
}

async fn every_scene(scenes: impl IntoIterator<Item = Scene>, faults: &[Fault]) {
    for scene in scenes {
        every_call(scene, faults).await;
    }
}

fn creations() -> impl Iterator<Item = Scene> {
    let steps = [
        (LENGTH, Step::Create),
        (5, Step::CreateWithUpload),
        (LENGTH, Step::CreateWithUpload),
    ];
    steps.into_iter().map(|(length, step)| Scene {
        length,
        before: 0,
        step,
    })
}

/// Requests that end in the state, in a piece beside it, in parts, and in both.
fn requests(mode: WriteMode) -> impl Iterator<Item = Scene> {
    let requests = [
        (5, 4 * KIB),
        (5, 100 * KIB),
        (0, 2 * PART),
        (100 * KIB, 2 * PART + 5),
        (PART + 100 * KIB, 70 * KIB),
    ];
    requests.into_iter().map(move |(before, len)| Scene {
        length: LENGTH,
        before,
        step: Step::Patch(len, mode),
    })
}

/// The last requests of uploads that fit into a part, and of others.
fn last_requests(mode: WriteMode) -> impl Iterator<Item = Scene> {
    let requests = [
        (0, PART),
        (5, PART),
        (100 * KIB, PART),
        (5, 2 * PART),
        (PART + 100 * KIB, 2 * PART + 5),
    ];
    requests.into_iter().map(move |(before, length)| Scene {
        length,
        before,
        step: Step::Patch(length - before, mode),
    })
}

fn finishes() -> impl Iterator<Item = Scene> {
    let finishes = [
        (5, Step::Finish),
        (PART, Step::Finish),
        (LENGTH, Step::Finish),
        (PART, Step::FinishOverDraft),
        (LENGTH, Step::FinishOverDraft),
    ];
    finishes.into_iter().map(|(length, step)| Scene {
        length,
        before: length,
        step,
    })
}

/// Of few bytes, and of parts that are copied or sent again.
fn concatenations() -> impl Iterator<Item = Scene> {
    let finals = [&[3, 4][..], &[PART + 1, 5, PART], &[100 * KIB]];
    finals.into_iter().flat_map(|lens| {
        [Step::Concatenate(lens), Step::Assemble(lens)].map(|step| Scene {
            length: lens.iter().sum(),
            before: 0,
            step,
        })
    })
}

/// Of new, unfinished and finished uploads.
fn terminations() -> impl Iterator<Item = Scene> {
    let uploads = [
        (0, LENGTH),
        (5, LENGTH),
        (100 * KIB, LENGTH),
        (2 * PART + 100 * KIB, LENGTH),
        (PART, PART),
        (2 * PART, 2 * PART),
    ];
    uploads.into_iter().map(|(before, length)| Scene {
        length,
        before,
        step: Step::Terminate,
    })
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_creation_is_survived() {
    every_scene(creations(), &CRASHES).await;
}

#[tokio::test(start_paused = true)]
async fn answer_lost_after_commit_of_a_creation() {
    every_scene(creations(), &LOST).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_request_is_survived() {
    every_scene(requests(WriteMode::Streaming), &CRASHES).await;
}

#[tokio::test(start_paused = true)]
async fn answer_lost_after_commit_of_a_request() {
    every_scene(requests(WriteMode::Streaming), &LOST).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_checksummed_request_is_survived() {
    every_scene(requests(WriteMode::Atomic), &CRASHES).await;
}

#[tokio::test(start_paused = true)]
async fn answer_lost_after_commit_of_a_checksummed_request() {
    every_scene(requests(WriteMode::Atomic), &LOST).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_the_last_request_is_survived() {
    for mode in [WriteMode::Streaming, WriteMode::Atomic] {
        every_scene(last_requests(mode), &CRASHES).await;
    }
}

#[tokio::test(start_paused = true)]
async fn answer_lost_after_commit_of_the_last_request() {
    for mode in [WriteMode::Streaming, WriteMode::Atomic] {
        every_scene(last_requests(mode), &LOST).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_finish_is_survived() {
    every_scene(finishes(), &CRASHES).await;
}

#[tokio::test(start_paused = true)]
async fn answer_lost_after_commit_of_a_finish() {
    every_scene(finishes(), &LOST).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_concatenation_is_survived() {
    every_scene(concatenations(), &CRASHES).await;
}

#[tokio::test(start_paused = true)]
async fn answer_lost_after_commit_of_a_concatenation() {
    every_scene(concatenations(), &LOST).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_termination_is_survived() {
    every_scene(terminations(), &CRASHES).await;
}

#[tokio::test(start_paused = true)]
async fn answer_lost_after_commit_of_a_termination() {
    every_scene(terminations(), &LOST).await;
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
