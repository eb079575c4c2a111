//! Events of one upload are delivered in order, and counted.

use std::fs;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use crate::harness::tus::{content, request};
use crate::harness::{Signal, patient};
use crate::receiver::{Call, reply};
use crate::scene::Scene;

fn types(heard: &[String]) -> Vec<&str> {
    let types = heard.iter().map(|line| line.split('"').nth(3));
    types.map(Option::unwrap).collect()
}

#[tokio::test]
async fn a_slow_hook_hears_all_in_the_order_in_which_it_happened() {
    let wait = "until [ -f go ] || [ ! -e heard ]; do sleep 0.01; done";
    let scene = Scene::with_scripts(&[("post-create", wait)], &[]).await;
    let url = scene.tus.create(3).await;
    for offset in 0..3 {
        let answer = scene.tus.append(&url, offset, content("x")).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    scene.tus.ask(request(Method::DELETE, &url)).await;
    // Events of another upload are delivered meanwhile.
    let mut heard = scene.heard(4).await;
    assert_eq!(
        types(&heard),
        ["pre-create", "post-create", "pre-finish", "pre-terminate"]
    );

    fs::write(scene.file("go"), "").unwrap();
    heard = scene.heard(7).await;
    assert_eq!(
        types(&heard)[4..],
        ["post-receive", "post-finish", "post-terminate"]
    );
    assert!(
        heard[4].contains(r#""Offset":3"#),
        "the latest: {}",
        heard[4]
    );
}

#[tokio::test]
async fn a_shutdown_waits_for_what_is_still_to_be_told() {
    let answers = |call: &Call, _| {
        let mut answer = reply(&json!({}));
        if call.json()["Type"] == "post-create" {
            answer.delay = Duration::from_millis(300);
        }
        answer
    };
    let (mut scene, mut receiver) = Scene::with_answers(answers, &[]).await;
    let url = scene.tus.create(5).await;
    scene.tus.append(&url, 0, content("hello")).await;
    scene.server.signal(Signal::TERM);
    assert_eq!(scene.server.exit().await.code(), Some(0));
    let expected = [
        "pre-create",
        "post-create",
        "pre-finish",
        "post-receive",
        "post-finish",
    ];
    assert_eq!(receiver.types(), expected);
}

#[tokio::test]
async fn a_shutdown_waits_no_longer_than_it_may() {
    let scripts = [("post-create", "while [ -e heard ]; do sleep 0.05; done")];
    let mut scene = Scene::with_scripts(&scripts, &["-shutdown-timeout=200ms"]).await;
    scene.tus.create(5).await;
    scene.heard(2).await;
    scene.server.signal(Signal::TERM);
    assert_eq!(patient(scene.server.exit()).await.code(), Some(1));
}

#[tokio::test]
async fn progress_is_told_while_bytes_arrive() {
    let args = ["-progress-hooks-interval=10ms"];
    let (scene, mut receiver) = Scene::with_replies(|_| json!({}), &args).await;
    let url = scene.tus.create(10).await;
    let (sender, body) = tokio::sync::mpsc::unbounded_channel::<&str>();
    let body = futures_util::stream::unfold(body, |mut body| async {
        let text = body.recv().await?;
        Some((text.into(), body))
    });
    let appending = tokio::spawn({
        let (tus, url) = (scene.tus.clone(), url.clone());
        async move {
            let body = crate::harness::tus::streamed(body);
            tus.append(&url, 0, body).await
        }
    });
    receiver.event().await;
    receiver.event().await;
    for (text, offset) in [("hel", 3), ("lo", 5)] {
        sender.send(text).unwrap();
        let event = receiver.event().await;
        assert_eq!(event["Type"], "post-receive");
        assert_eq!(event["Event"]["Upload"]["Offset"], offset);
    }
    drop(sender);
    assert_eq!(appending.await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(scene.tus.offset(&url).await, 5);
    assert!(receiver.types().is_empty(), "nothing is told twice");
}

#[tokio::test]
async fn calls_and_failures_are_counted() {
    let scripts = [("post-create", "exit 1"), ("pre-terminate", "exit 1")];
    let scene = Scene::with_scripts(&scripts, &[]).await;
    let url = scene.tus.create(5).await;
    for _ in 0..2 {
        let delete = scene.tus.ask(request(Method::DELETE, &url)).await;
        assert_eq!(delete.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    scene.heard(4).await;
    let metrics = format!("http://{}/metrics", scene.server.address());
    let has = async |line: &str| {
        let page = scene.tus.ask(request(Method::GET, &metrics)).await;
        let page = String::from_utf8(page.body().to_vec()).unwrap();
        page.lines().any(|found| found == line)
    };
    for line in [
        r#"tusd_hook_invocations_total{hooktype="pre-create"} 1"#,
        r#"tusd_hook_errors_total{hooktype="pre-create"} 0"#,
        r#"tusd_hook_errors_total{hooktype="post-create"} 1"#,
        r#"tusd_hook_invocations_total{hooktype="pre-terminate"} 2"#,
        r#"tusd_hook_errors_total{hooktype="pre-terminate"} 2"#,
        r#"tusd_hook_invocations_total{hooktype="post-terminate"} 0"#,
    ] {
        // The client does not wait for notifications.
        patient(async {
            while !has(line).await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    }
}
