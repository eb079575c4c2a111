//! Concurrent hooks, and deciding hooks whose client has disconnected.

use std::fs;
use std::time::Duration;

use futures_util::future::join_all;
use h2::Reason;
use http::{Method, Request, StatusCode};
use serde_json::json;

use crate::harness::raw::{Ends, Http1, Http2};
use crate::harness::tus::{code, content, request};
use crate::receiver::{Call, reply};
use crate::scene::{Scene, create, id, is_alive, until};

/// Writes its process id, and runs until the file `hold` is gone.
const HELD: &str = "echo $$ >self.new; mv self.new self; while [ -f hold ]; do sleep 0.02; done";

fn post(scene: &Scene, filename: &str) -> Request<()> {
    let post = request(Method::POST, scene.server.url()).header("Upload-Length", 5);
    let post = post.header("Upload-Metadata", format!("filename {filename}"));
    post.body(()).unwrap()
}

#[tokio::test]
async fn no_more_hooks_run_at_once_than_the_flag_says() {
    let script = "exec 2>&-; mkdir one || mkdir two || echo >third
        sleep 0.03; rmdir one || rmdir two";
    let scripts = [("pre-create", script), ("post-create", script)];
    let scene = Scene::with_scripts(&scripts, &["-hooks-concurrency=2"]).await;
    let answers = join_all((0..10).map(|_| create(&scene))).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status() == StatusCode::CREATED)
    );
    scene.heard(20).await;
    assert!(!scene.file("third").exists());
}

#[tokio::test]
async fn a_creation_that_waits_too_long_for_its_hook_is_503_and_an_end_waits_on() {
    let args = ["-hooks-concurrency=1", "-hooks-queue-timeout=100ms"];
    let mut scene = Scene::with_scripts(&[("pre-create", HELD)], &args).await;
    let url = scene.tus.create(5).await;
    let other = scene.tus.create(5).await;
    scene.heard(4).await;
    fs::write(scene.file("hold"), "").unwrap();
    let running = async {
        assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
    };
    let ending = async {
        scene.heard(5).await;
        let answer = scene.tus.append(&url, 0, content("hello")).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    };
    let waiting = async {
        scene.heard(5).await;
        let delete = request(Method::DELETE, &other);
        for answer in [create(&scene).await, scene.tus.ask(delete).await] {
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(code(&answer), "ERR_HOOKS_BUSY");
            assert_eq!(answer.headers()["retry-after"], "5");
        }
        fs::remove_file(scene.file("hold")).unwrap();
    };
    tokio::join!(running, ending, waiting);
    assert_eq!(scene.tus.offset(&other).await, 0);
    let line = scene.server.line("HooksBusy").await;
    assert!(
        line.contains("WARN") && line.contains("requests=2"),
        "{line}"
    );
}

#[tokio::test]
async fn many_creations_of_one_connection_delay_those_of_another_by_one() {
    let scripts = [("pre-create", HELD)];
    let args = ["-hooks-concurrency=1", "-hooks-queue-timeout=60s"];
    let scene = Scene::with_scripts(&scripts, &args).await;
    fs::write(scene.file("hold"), "").unwrap();
    let mut many = Http2::connect(scene.server.address()).await;
    let mut one = Http2::connect(scene.server.address()).await;
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(many.begin(post(&scene, "bWFueQ=="), Ends::Here).await);
    }
    many.is_heard().await;
    scene.heard(1).await;
    answers.push(one.begin(post(&scene, "b25l"), Ends::Here).await);
    one.is_heard().await;
    fs::remove_file(scene.file("hold")).unwrap();
    for answer in answers {
        assert_eq!(answer.answer().await.status(), StatusCode::CREATED);
    }
    let heard = scene.heard(42).await;
    let mut asked = heard.iter().filter(|line| line.contains("pre-create"));
    let at = asked.position(|line| line.contains(r#""filename":"one""#));
    assert!(at.unwrap() < 10, "it was asked for as number {at:?} of 21");
}

#[tokio::test]
async fn a_hook_whose_client_has_gone_before_the_creation_ends_and_nothing_is_made() {
    for way in [
        "a connection over http/1",
        "a stream",
        "a connection over http/2",
    ] {
        let scene = Scene::with_scripts(&[("pre-create", HELD)], &[]).await;
        fs::write(scene.file("hold"), "").unwrap();
        let asked = async || {
            until(|| scene.file("self").exists()).await;
            assert!(is_alive(&scene, "self"), "{way}");
        };
        if way.ends_with("http/1") {
            let mut client = Http1::connect(scene.server.address()).await;
            let length = ("Upload-Length", "5".to_owned());
            client.head("POST /files/", &[length]).await;
            asked().await;
            client.rst();
        } else {
            let mut client = Http2::connect(scene.server.address()).await;
            let stream = client.begin(post(&scene, ""), Ends::Here).await;
            asked().await;
            match way {
                "a stream" => stream.reset(Reason::CANCEL),
                _ => drop((client, stream)),
            }
        }
        until(|| !is_alive(&scene, "self")).await;
        assert_eq!(scene.files(), 0, "{way}");
    }
}

#[tokio::test]
async fn the_end_of_an_upload_is_decided_also_when_its_client_has_gone() {
    let scene = Scene::with_scripts(&[("pre-finish", HELD)], &[]).await;
    let url = scene.tus.create(5).await;
    fs::write(scene.file("hold"), "").unwrap();
    let mut client = Http2::connect(scene.server.address()).await;
    let patch = crate::harness::tus::patch(&url, 0).body(()).unwrap();
    let mut stream = client.begin(patch, Ends::Later).await;
    stream.send("hello".into(), Ends::Here).await;
    until(|| scene.file("self").exists()).await;
    stream.reset(Reason::CANCEL);
    client.is_heard().await;
    assert!(is_alive(&scene, "self"));
    fs::remove_file(scene.file("hold")).unwrap();
    let heard = scene.heard(5).await;
    assert!(heard[4].contains("post-finish"), "{heard:?}");
    assert!(heard[4].contains(id(&url)), "{heard:?}");
}

#[tokio::test]
async fn calls_of_a_url_are_bounded_as_well() {
    let answers = |call: &Call, _| {
        let mut answer = reply(&json!({}));
        if call.json()["Event"]["Upload"]["Size"] == 1 {
            answer.delay = Duration::from_secs(60);
        }
        answer
    };
    let args = [
        "-hooks-enabled-events=pre-create",
        "-hooks-concurrency=1",
        "-hooks-queue-timeout=100ms",
    ];
    let (scene, mut receiver) = Scene::with_answers(answers, &args).await;
    let mut client = Http2::connect(scene.server.address()).await;
    let slow = request(Method::POST, scene.server.url()).header("Upload-Length", 1);
    let slow = client.begin(slow.body(()).unwrap(), Ends::Here).await;
    receiver.call().await;
    let busy = create(&scene).await;
    assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(code(&busy), "ERR_HOOKS_BUSY");

    // Disconnecting frees the turn of the hook.
    slow.reset(Reason::CANCEL);
    client.is_heard().await;
    until_created(&scene).await;
}

async fn until_created(scene: &Scene) {
    crate::harness::patient(async { while create(scene).await.status() != StatusCode::CREATED {} })
        .await;
}
