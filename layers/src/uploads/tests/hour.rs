//! An hour of uploads, in a moment.

use std::time::Duration;

use super::Scene;
use super::run::{run, scene};
use crate::expiration::Expiration;
use crate::protocol::{Error, UploadId};
use crate::store::ListRequest;
use crate::uploads::Schedule;

/// Returns the ids of all uploads.
async fn ids(scene: &Scene) -> Vec<UploadId> {
    let all = ListRequest::default().limit(usize::MAX);
    let page = scene.uploads.list(&all).await.unwrap();
    page.uploads.into_iter().map(|upload| upload.id).collect()
}

/// Removes all uploads that are finished, as an application does.
async fn remove_finished(scene: &Scene) {
    for id in ids(scene).await {
        if scene.is_finished(&id).await {
            scene.uploads.remove(&id).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_uploads_in_an_hour_leave_nothing_in_memory() {
    const BATCHES: u32 = 100;
    let mut scene = scene();
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let expiration = Expiration::after(minutes(5)).clock(scene.clock.clone());
    scene.uploads = scene.uploads.expiration(expiration.clone());
    let schedule = Schedule::default().finish(minutes(1)).expire(minutes(1));
    let running = run(&scene, schedule);
    let mut most_waiting = 0;
    for batch in 0..BATCHES {
        // The gate of every third batch is down.
        scene.decision.becomes(match batch % 3 {
            0 => Err(Error::internal("down")),
            _ => Ok(()),
        });
        for number in 0..50 {
            scene
                .upload(&format!("{batch}/complete-{number}"), "hello")
                .await;
            scene
                .upload(&format!("{batch}/abandoned-{number}"), "he")
                .await;
        }
        tokio::time::sleep(Duration::from_secs(36)).await;
        most_waiting = most_waiting.max(scene.uploads.back_off.len());
        remove_finished(&scene).await;
    }
    assert!(most_waiting >= 50, "some had to wait: {most_waiting}");
    scene.decision.becomes(Ok(()));
    tokio::time::sleep(minutes(15)).await;
    remove_finished(&scene).await;

    assert!(ids(&scene).await.is_empty());
    assert!(expiration.is_buried(&"99/abandoned-0".parse().unwrap()));
    assert_eq!(scene.uploads.back_off.len(), 0);
    assert_eq!(scene.locker.len(), 0);
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(tasks, 1, "only the background work");
    scene.shutdown.begin();
    running.await.unwrap();
    scene.shutdown.drained().await;
}
