//! The background work.

use std::future::Future;
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Scene;
use crate::protocol::{Clock, Error};
use crate::uploads::Schedule;

/// A scene whose clock follows tokio's.
pub(super) fn scene() -> Scene {
    let begun = Instant::now();
    let clock = Clock::from_fn(move || SystemTime::UNIX_EPOCH + begun.elapsed());
    Scene::with_clock(clock, |store| store)
}

pub(super) fn run(scene: &Scene, schedule: Schedule) -> JoinHandle<()> {
    let uploads = scene.uploads.clone();
    tokio::spawn(async move { uploads.run(schedule).await })
}

/// Waits until something holds. Time passes meanwhile.
pub(super) async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    while !holds().await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_has_left_complete_is_finished_at_start_and_the_shutdown_ends_it() {
    let scene = scene();
    let id = scene.upload("a", "hello").await;
    let running = run(&scene, Schedule::default());
    until(|| scene.is_finished(&id)).await;
    assert!(scene.clock.now() < SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    assert!(!running.is_finished());
    scene.shutdown.begin();
    running.await.unwrap();
    scene.shutdown.drained().await;
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_fails_is_asked_after_1_2_4_seconds_between_the_passes() {
    let scene = scene();
    scene.decision.becomes(Err(Error::internal("down")));
    let id = scene.upload("a", "hello").await;
    let _running = run(&scene, Schedule::default());
    tokio::time::sleep(Duration::from_millis(60_500)).await;
    // At 0, 1, 3, 7, 15 and 31 seconds.
    assert_eq!(scene.decision.asked(), 6);
    scene.decision.becomes(Ok(()));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(scene.is_finished(&id).await);
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_takes_long_delays_the_next_one_instead_of_piling_up() {
    let scene = scene();
    scene.decision.answers.forget_permits(usize::MAX >> 3);
    scene.decision.becomes(Err(Error::internal("down")));
    scene.upload("a", "hello").await;
    let _running = run(&scene, Schedule::default().finish(Duration::from_secs(5)));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(scene.decision.asked(), 1);
    scene.decision.answers.add_permits(100);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(scene.decision.asked(), 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.decision.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_what_has_begun_and_begins_nothing_else() {
    let scene = scene();
    scene.decision.answers.forget_permits(usize::MAX >> 3);
    for number in 0..20 {
        scene.upload(&format!("{number}"), "hello").await;
    }
    let running = run(&scene, Schedule::default());
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.shutdown.begin();
    let drained = tokio::spawn({
        let shutdown = scene.shutdown.clone();
        async move { shutdown.drained().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!running.is_finished() && !drained.is_finished());
    scene.decision.answers.add_permits(100);
    running.await.unwrap();
    drained.await.unwrap();
    // The eight that had begun, and one for which the pass was waiting.
    let asked = scene.decision.asked();
    assert!((8..=9).contains(&asked), "{asked}");
}
