//! Uploads that requests of clients leave complete but unfinished, while the background
//! work runs.

use std::time::Duration;

use http::{Method, StatusCode};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::Scene;
use super::run::{run, scene, until};
use crate::protocol::{Error, UploadId};
use crate::uploads::Schedule;

/// Starts the background work, and waits until its first pass is over.
async fn running() -> (Scene, JoinHandle<()>) {
    let scene = scene();
    let running = run(&scene, Schedule::default());
    sleep(Duration::from_secs(5)).await;
    (scene, running)
}

/// Sends the last bytes of a new upload, after which the gate says this.
async fn left(scene: &Scene, verdict: Error) -> UploadId {
    scene.decision.becomes(Err(verdict));
    let id = scene.upload("a", "he").await;
    assert!(!scene.client(Method::PATCH, &id).await.is_success());
    assert_eq!(scene.decision.asked(), 1);
    id
}

fn down() -> Error {
    Error::internal("down")
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_a_request_has_left_unfinished_is_asked_for_after_1_2_4_seconds() {
    let (scene, _running) = running().await;
    let id = left(&scene, down()).await;
    let (begun, moment) = (Instant::now(), Duration::from_millis(100));
    for seconds in [1, 3, 7, 15] {
        let at = begun + Duration::from_secs(seconds);
        sleep_until(at - moment).await;
        assert_eq!(scene.decision.asked(), 0, "before {seconds} seconds");
        sleep_until(at + moment).await;
        assert_eq!(scene.decision.asked(), 1, "after {seconds} seconds");
    }
    scene.decision.becomes(Ok(()));
    sleep(Duration::from_secs(16)).await;
    assert!(scene.is_finished(&id).await);
    assert_eq!(scene.uploads.back_off.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_second_failure_meanwhile_neither_shortens_nor_prolongs_the_wait() {
    let (scene, _running) = running().await;
    let id = left(&scene, down()).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(scene.decision.asked(), 1, "the wait is 2 seconds now");
    assert!(!scene.client(Method::HEAD, &id).await.is_success());
    assert_eq!(scene.decision.asked(), 1);
    sleep(Duration::from_millis(900)).await;
    assert_eq!(scene.decision.asked(), 0);
    sleep(Duration::from_millis(200)).await;
    assert_eq!(scene.decision.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_retry_of_a_client_is_not_disturbed() {
    let (scene, _running) = running().await;
    let id = left(&scene, down()).await;
    scene.decision.becomes(Ok(()));
    scene.decision.answers.forget_permits(usize::MAX >> 3);
    let retry = scene.client(Method::PATCH, &id);
    let meanwhile = async {
        sleep(Duration::from_secs(30)).await;
        assert_eq!(scene.decision.asked(), 1, "only by the client");
        scene.decision.answers.add_permits(100);
    };
    let (status, ()) = tokio::join!(retry, meanwhile);
    assert_eq!(status, StatusCode::NO_CONTENT);
    until(async || scene.uploads.back_off.len() == 0).await;
    assert_eq!(scene.decision.asked(), 0, "it is finished");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_a_request_finds_rejected_for_good_is_left_alone() {
    let (scene, _running) = running().await;
    let id = left(&scene, Error::Rejected).await;
    for _ in 0..9 {
        assert!(!scene.client(Method::HEAD, &id).await.is_success());
    }
    assert_eq!(scene.decision.asked(), 9);
    sleep(Duration::from_secs(1_200)).await;
    assert_eq!(scene.uploads.back_off.len(), 0);

    assert_eq!(
        scene.client(Method::HEAD, &id).await,
        StatusCode::BAD_REQUEST
    );
    sleep(Duration::from_millis(500)).await;
    assert_eq!(scene.uploads.back_off.len(), 0);
    assert_eq!(scene.decision.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_remembered_while_the_background_work_does_not_run() {
    let (scene, running) = running().await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    left(&scene, down()).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(scene.uploads.back_off.len(), 0);
    assert_eq!(scene.decision.asked(), 0);
}
