//! Between the last byte and the final response.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{Method, StatusCode};

use crate::harness::Server;
use crate::harness::tus::{Answer, code, content, request};
use crate::receiver::{Call, reply, status};
use crate::scene::{ALL_EVENTS, Scene};

/// Returns a script that fails until the given attempt.
fn fails_until(attempt: usize) -> String {
    format!(
        r#"echo x >>asked; test $(wc -l <asked) -ge {attempt} || {{ echo "a secret"; exit 1; }}"#
    )
}

fn is_unfinished(answer: &Answer) {
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.headers().contains_key("upload-offset"));
    let body = std::str::from_utf8(answer.body()).unwrap();
    assert!(!body.contains("secret"), "{body}");
}

#[tokio::test]
async fn the_third_attempt_finishes_and_is_told_once() {
    let scene = Scene::with_scripts(&[("pre-finish", &fails_until(3))], &[]).await;
    let url = scene.tus.create(5).await;
    is_unfinished(&scene.tus.append(&url, 0, content("hello")).await);
    // The second attempt, unless the server itself is faster.
    let second = scene.tus.head(&url).await;
    if second.status() != StatusCode::OK {
        is_unfinished(&second);
    }
    assert_eq!(scene.tus.offset(&url).await, 5);
    assert_eq!(scene.tus.offset(&url).await, 5);

    let heard = scene.heard(7).await;
    let types = heard.iter().map(|line| line.split('"').nth(3).unwrap());
    let mut types: Vec<_> = types.collect();
    // The client does not wait for notifications, so their order varies.
    types.sort_unstable();
    let expected = [
        "post-create",
        "post-finish",
        "post-receive",
        "pre-create",
        "pre-finish",
        "pre-finish",
        "pre-finish",
    ];
    assert_eq!(types, expected);
}

#[tokio::test]
async fn an_upload_whose_hook_has_failed_once_is_finished_soon_without_any_request() {
    let mut scene = Scene::with_scripts(&[("pre-finish", &fails_until(2))], &[]).await;
    let url = scene.tus.create(5).await;
    is_unfinished(&scene.tus.append(&url, 0, content("hello")).await);
    // Long before the next pass over all uploads.
    scene.server.line("event=UploadFinished").await;
    let heard = scene.heard(6).await;
    let asked = r#"{"Type":"pre-finish""#;
    let asked: Vec<_> = heard.iter().filter(|it| it.starts_with(asked)).collect();
    assert_eq!(asked.len(), 2, "{heard:#?}");
    assert!(asked[1].contains(r#""Method":"HEAD""#), "{asked:?}");
    assert!(asked[1].contains(r#""Header":{}"#), "{asked:?}");
    assert_eq!(scene.tus.offset(&url).await, 5);
}

#[tokio::test]
async fn an_empty_patch_at_the_end_is_an_attempt_as_well() {
    let scene = Scene::with_scripts(&[("pre-finish", &fails_until(2))], &[]).await;
    let url = scene.tus.create(5).await;
    is_unfinished(&scene.tus.append(&url, 0, content("hello")).await);
    let answer = scene.tus.append(&url, 5, content("")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(answer.headers()["upload-offset"], "5");
}

#[tokio::test]
async fn what_is_unfinished_when_the_server_is_killed_is_finished_by_the_next() {
    let is_down = Arc::new(AtomicBool::new(true));
    let answers_down = Arc::clone(&is_down);
    let answers = move |call: &Call, _| match call.json()["Type"].as_str() {
        Some("pre-finish") if answers_down.load(Ordering::SeqCst) => status(503),
        _ => reply(&serde_json::json!({})),
    };
    let args = ["-hooks-http-retry=1"];
    let (mut scene, mut receiver) = Scene::with_answers(answers, &args).await;
    let url = scene.tus.create(5).await;
    assert_eq!(receiver.event().await["Type"], "pre-create");
    assert_eq!(receiver.event().await["Type"], "post-create");
    is_unfinished(&scene.tus.append(&url, 0, content("hello")).await);
    scene.server.signal(crate::harness::Signal::KILL);
    scene.server.exit().await;
    // The client and perhaps the server itself have asked.
    assert!(receiver.types().contains(&"pre-finish".to_owned()));
    is_down.store(false, Ordering::SeqCst);
    let hooks = format!("-hooks-http={}", receiver.url());
    let server = Server::start_in(scene.home.path(), &[&hooks, ALL_EVENTS]).await;
    let id = url.rsplit('/').next().unwrap();
    let url = format!("{}{id}", server.url());
    assert_eq!(scene.tus.offset(&url).await, 5);
    while receiver.event().await["Type"] != "post-finish" {}
}

#[tokio::test]
async fn after_so_many_attempts_only_a_delete_is_left() {
    let scripts = [("pre-finish", "exit 1")];
    let scene = Scene::with_scripts(&scripts, &["-hooks-finish-attempts=2"]).await;
    let url = scene.tus.create(5).await;
    is_unfinished(&scene.tus.append(&url, 0, content("hello")).await);
    // The second attempt, unless the server itself is faster.
    let second = scene.tus.head(&url).await;
    if second.status() != StatusCode::BAD_REQUEST {
        is_unfinished(&second);
    }
    let head = scene.tus.head(&url).await;
    assert_eq!(head.status(), StatusCode::BAD_REQUEST);
    assert!(!head.headers().contains_key("upload-offset"));
    let patch = scene.tus.append(&url, 5, content("")).await;
    assert_eq!(code(&patch), "ERR_UPLOAD_REJECTED");
    let delete = scene.tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(delete.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn without_a_bound_it_is_tried_for_ever() {
    let scripts = [("pre-finish", "exit 1")];
    let scene = Scene::with_scripts(&scripts, &["-hooks-finish-attempts=0"]).await;
    let url = scene.tus.create(5).await;
    scene.tus.append(&url, 0, content("hello")).await;
    for _ in 0..12 {
        is_unfinished(&scene.tus.head(&url).await);
    }
}

#[tokio::test]
async fn a_hook_that_is_down_is_asked_again_without_a_limit() {
    // A signal, a timeout, and a missing command.
    for (failure, heads) in [("kill -9 $$", 12), ("sleep 100", 3), ("exit 127", 12)] {
        let script = format!("test -e up || {{ {failure}; }}");
        let args = ["-hooks-finish-attempts=2", "-hooks-process-timeout=200ms"];
        let scene = Scene::with_scripts(&[("pre-finish", &script)], &args).await;
        let url = scene.tus.create(5).await;
        is_unfinished(&scene.tus.append(&url, 0, content("hello")).await);
        for _ in 0..heads {
            is_unfinished(&scene.tus.head(&url).await);
        }
        std::fs::write(scene.file("up"), "").unwrap();
        assert_eq!(scene.tus.offset(&url).await, 5, "{failure}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_down_is_asked_again_without_a_limit_and_one_that_says_no_is_not() {
    for (answered, last) in [
        (503, "ERR_INTERNAL_SERVER_ERROR"),
        (404, "ERR_INTERNAL_SERVER_ERROR"),
        (403, "ERR_UPLOAD_REJECTED"),
    ] {
        let answers = move |call: &Call, _| match call.json()["Type"].as_str() {
            Some("pre-finish") => status(answered),
            _ => reply(&serde_json::json!({})),
        };
        let args = ["-hooks-http-retry=1", "-hooks-finish-attempts=2"];
        let (scene, _receiver) = Scene::with_answers(answers, &args).await;
        let url = scene.tus.create(5).await;
        is_unfinished(&scene.tus.append(&url, 0, content("hello")).await);
        // The second attempt, unless the server itself is faster.
        let second = scene.tus.append(&url, 5, content("")).await;
        if code(&second) != last {
            is_unfinished(&second);
        }
        let answer = scene.tus.append(&url, 5, content("")).await;
        assert_eq!(code(&answer), last, "{answered}");
    }
}

#[tokio::test]
async fn what_a_hook_has_not_let_pass_is_not_given_out() {
    let script = "test -e up || exit 1";
    let scene = Scene::with_scripts(&[("pre-finish", script)], &[]).await;
    let partial = scene.tus.post().header("Upload-Concat", "partial");
    let answer = scene.tus.ask(partial.header("Upload-Length", "5")).await;
    let url = scene.tus.location(&answer);
    is_unfinished(&scene.tus.append(&url, 0, content("hello")).await);
    let answer = scene.tus.ask(http::Request::get(&url)).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(code(&answer), "ERR_INCOMPLETE_UPLOAD");
    // It cannot be a part of a final upload either.
    let join = || {
        scene
            .tus
            .post()
            .header("Upload-Concat", format!("final;{url}"))
    };
    assert_eq!(
        code(&scene.tus.ask(join()).await),
        "ERR_UPLOAD_NOT_FINISHED"
    );

    std::fs::write(scene.file("up"), "").unwrap();
    assert_eq!(scene.tus.offset(&url).await, 5);
    let answer = scene.tus.ask(http::Request::get(&url)).await;
    assert_eq!(answer.body(), "hello");
    assert_eq!(scene.tus.ask(join()).await.status(), StatusCode::CREATED);
}
