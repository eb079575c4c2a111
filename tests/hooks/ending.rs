//! Hooks end together with their server.

use std::fs;

use crate::harness::raw::{Ends, Http2};
use crate::harness::tus::request;
use crate::harness::{Signal, patient};
use crate::scene::{Scene, is_alive, until};

/// Writes its process id and that of a child to files, and hangs.
const HANG: &str = "sleep 1000 & echo $! >$event.child; echo $$ >$event.self; sleep 1000";

/// Starts a server with a notification that hangs beyond its timeout.
async fn hanging() -> Scene {
    // Long enough for all other hooks.
    let args = [
        "-hooks-enabled-events=post-create",
        "-hooks-process-timeout=20ms",
    ];
    let scene = Scene::with_scripts(&[("post-create", HANG)], &args).await;
    scene.tus.create(5).await;
    until(|| scene.file("post-create.self").exists()).await;
    scene
}

async fn have_ended(scene: &Scene, event: &str) {
    for process in ["self", "child"] {
        until(|| !is_alive(scene, &format!("{event}.{process}"))).await;
    }
}

#[tokio::test]
async fn a_hook_that_nobody_waits_for_any_more_ends_with_the_server() {
    let mut scene = hanging().await;
    scene.server.line("a hook is still running").await;
    assert!(is_alive(&scene, "post-create.self"));
    scene.server.signal(Signal::TERM);
    patient(scene.server.exit()).await;
    have_ended(&scene, "post-create").await;
}

#[tokio::test]
async fn a_question_ends_with_the_time_for_the_shutdown_and_with_a_second_signal() {
    for timeout in ["-shutdown-timeout=100ms", "-shutdown-timeout=1h"] {
        let scripts = [("pre-create", HANG)];
        let mut scene = Scene::with_scripts(&scripts, &[timeout]).await;
        let mut client = Http2::connect(scene.server.address()).await;
        let post = request(http::Method::POST, scene.server.url()).header("Upload-Length", 5);
        let _stream = client.begin(post.body(()).unwrap(), Ends::Here).await;
        until(|| scene.file("pre-create.self").exists()).await;
        scene.server.signal(Signal::TERM);
        if timeout.ends_with('h') {
            scene.server.line("SIGTERM").await;
            scene.server.signal(Signal::TERM);
        }
        patient(scene.server.exit()).await;
        have_ended(&scene, "pre-create").await;
    }
}

#[tokio::test]
async fn what_a_hook_has_left_in_the_background_outlives_the_server() {
    let script = "while [ -e heard ]; do sleep 0.05; done >&- & echo $! >child";
    let mut scene = Scene::with_scripts(&[("pre-create", script)], &[]).await;
    scene.tus.create(5).await;
    scene.server.signal(Signal::TERM);
    patient(scene.server.exit()).await;
    assert!(is_alive(&scene, "child"));
    fs::remove_file(scene.file("heard")).unwrap();
    until(|| !is_alive(&scene, "child")).await;
}
