//! The effects of replies.

use std::fs;

use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::patient;
use crate::harness::raw::{Ends, Http2};
use crate::harness::tus::{code, content, patch, request};
use crate::scene::{Scene, id};

/// Replies to one event, and accepts all others.
async fn scene(event: &'static str, reply: Value) -> Scene {
    let replies = move |asked: &str| match asked == event {
        true => reply.clone(),
        false => json!({}),
    };
    // The received events do not matter here.
    Scene::with_replies(replies, &[]).await.0
}

#[tokio::test]
async fn a_rejected_creation_makes_nothing_and_the_hook_has_the_word() {
    let scene = scene("pre-create", json!({"RejectUpload": true})).await;
    let create = || scene.tus.post().header("Upload-Length", "5");
    let answer = scene.tus.ask(create()).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(code(&answer), "ERR_UPLOAD_REJECTED");
    assert!(!answer.headers().contains_key("location"));
    assert_eq!(scene.files(), 0);

    let scene = self::scene(
        "pre-create",
        json!({"rejectupload": true, "HTTPResponse": {
            "StatusCode": 402, "Body": "{\"price\": 2}", "Header": {"Content-Type": "application/json"}}}),
    )
    .await;
    let answer = scene
        .tus
        .ask(scene.tus.post().header("Upload-Length", "5"))
        .await;
    assert_eq!(answer.status(), StatusCode::PAYMENT_REQUIRED);
    assert_eq!(answer.body(), r#"{"price": 2}"#);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["tus-resumable"], "1.0.0");
    assert_eq!(scene.files(), 0);

    let metrics = format!("http://{}/metrics", scene.server.address());
    let metrics = scene.tus.ask(request(Method::GET, &metrics)).await;
    let counted = "tusd_errors_total{status=\"402\",code=\"ERR_UPLOAD_REJECTED\"} 1";
    let metrics = std::str::from_utf8(metrics.body()).unwrap();
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn an_upload_has_the_id_that_its_hook_gives_it() {
    let reply = json!({"ChangeFileInfo": {"ID": "/2026/a b+c~/".replace(' ', "")}});
    let scene = scene("pre-create", reply).await;
    let url = scene.tus.create(5).await;
    assert_eq!(id(&url), "2026/ab+c~");
    scene.tus.append(&url, 0, content("hello")).await;
    assert_eq!(scene.stored("2026/ab+c~"), b"hello");
    assert_eq!(scene.tus.offset(&url).await, 5);
}

#[tokio::test]
async fn an_id_that_is_taken_is_a_conflict_and_touches_nothing() {
    let scene = scene("pre-create", json!({"ChangeFileInfo": {"ID": "one"}})).await;
    let url = scene.tus.create(11).await;
    scene.tus.append(&url, 0, content("hello")).await;
    let info = scene.stored("one.info");

    let post = scene.tus.post().header("Upload-Length", "5");
    let post = post.header("Content-Type", "application/offset+octet-stream");
    let answer = scene.tus.send(post.body(content("other")).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    assert_eq!(code(&answer), "ERR_UPLOAD_EXISTS");
    assert!(!answer.headers().contains_key("location"));
    assert_eq!(scene.stored("one"), b"hello");
    assert_eq!(scene.stored("one.info"), info);
    assert_eq!(scene.tus.offset(&url).await, 5);
}

#[tokio::test]
async fn an_id_that_is_none_fails_the_hook_and_makes_nothing() {
    for id in ["../escape", "/", "a b", "a.info"] {
        let scene = scene("pre-create", json!({"ChangeFileInfo": {"ID": id}})).await;
        let answer = scene
            .tus
            .ask(scene.tus.post().header("Upload-Length", "5"))
            .await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{id}");
        assert_eq!(
            answer.body(),
            "ERR_INTERNAL_SERVER_ERROR: internal server error\n"
        );
        assert_eq!(scene.files(), 0, "{id}");
        assert!(!scene.home.path().join("escape").exists());
    }
}

#[tokio::test]
async fn metadata_is_replaced_as_a_whole_or_taken_away() {
    for (reply, metadata) in [
        (json!({"MetaData": {"b": "2"}}), Some("b Mg==")),
        (json!({"MetaData": {}}), None),
        (json!({"MetaData": null}), Some("a MQ==")),
        (json!({}), Some("a MQ==")),
    ] {
        let scene = scene("pre-create", json!({"ChangeFileInfo": reply})).await;
        let post = scene.tus.post().header("Upload-Length", "5");
        let answer = scene
            .tus
            .ask(post.header("Upload-Metadata", "a MQ=="))
            .await;
        let head = scene.tus.head(&scene.tus.location(&answer)).await;
        let found = head.headers().get("upload-metadata");
        assert_eq!(found.map(|found| found.to_str().unwrap()), metadata);
    }
}

#[tokio::test]
async fn a_hook_reads_and_writes_metadata_keys_beyond_ascii() {
    const METADATA: &str = "gr\u{f6}\u{df}e MQ==,a YQ==";
    let post = |scene: &Scene| {
        let post = scene.tus.post().header("Upload-Length", "0");
        let metadata = HeaderValue::from_bytes(METADATA.as_bytes()).unwrap();
        post.header("Upload-Metadata", metadata)
    };
    let (scene, mut receiver) = Scene::with_replies(|_| json!({}), &["-lenient"]).await;
    let answer = scene.tus.ask(post(&scene)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    for _ in ["pre-create", "pre-finish", "post-create", "post-finish"] {
        let event = receiver.event().await;
        let told = &event["Event"]["Upload"]["MetaData"];
        assert_eq!(*told, json!({"gr\u{f6}\u{df}e": "1", "a": "a"}));
    }

    // The metadata of the event, and one more pair.
    let reply = json!({"ChangeFileInfo": {"MetaData": {"gr\u{f6}\u{df}e": "2", "\u{4f60}": "x"}}});
    let scene = self::scene("pre-create", reply).await;
    let answer = scene
        .tus
        .ask(scene.tus.post().header("Upload-Length", "5"))
        .await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let head = scene.tus.head(&scene.tus.location(&answer)).await;
    let found = head.headers()["upload-metadata"].as_bytes();
    assert_eq!(found, "gr\u{f6}\u{df}e Mg==,\u{4f60} eA==".as_bytes());
}

#[tokio::test]
async fn the_bytes_of_an_upload_lie_where_its_hook_puts_them() {
    let elsewhere = tempfile::tempdir().unwrap();
    let absolute = elsewhere.path().join("deep/absolute");
    for path in [absolute.to_str().unwrap(), "deep/relative"] {
        let reply = json!({"ChangeFileInfo": {"ID": "one", "Storage": {"Path": path}}});
        let scene = scene("pre-create", reply).await;
        let url = scene.tus.create(5).await;
        scene.tus.append(&url, 0, content("hello")).await;
        // Joining an absolute path replaces the directory.
        let place = scene.server.uploads().join(path);
        assert_eq!(fs::read(&place).unwrap(), b"hello");
        assert!(!scene.server.uploads().join("one").exists());
        assert_eq!(scene.tus.offset(&url).await, 5);
        let info: Value = serde_json::from_slice(&scene.stored("one.info")).unwrap();
        let place_there = info["Storage"]["Path"].as_str().unwrap();
        assert!(place_there.ends_with(path) && place_there.starts_with('/'));

        scene.tus.ask(request(Method::DELETE, &url)).await;
        assert!(!place.exists());
    }
}

#[tokio::test]
async fn a_response_is_what_its_hook_makes_of_it() {
    let change = json!({"HTTPResponse": {"StatusCode": 202, "Body": "<p>later", "Header": {
        "location": "https://else.example/1", "Content-Type": "text/html", "X-Hook": "yes"}}});
    let replies = move |_: &str| change.clone();
    let (scene, _receiver) = Scene::with_replies(replies, &[]).await;
    let created = scene
        .tus
        .ask(scene.tus.post().header("Upload-Length", "0"))
        .await;

    let (scene, _receiver) = Scene::with_replies(
        |event| match event {
            "pre-create" => json!({"HTTPResponse": {"StatusCode": 0, "Body": "", "Header": {"X-Hook": "create"}}}),
            "pre-finish" => json!({"HTTPResponse": {"StatusCode": 200, "Body": "done", "Header": {"X-Hook": "finish"}}}),
            "pre-terminate" => json!({"HTTPResponse": {"StatusCode": 200, "Body": "gone"}}),
            // No response depends on these.
            _ => json!({"HTTPResponse": {"StatusCode": 500, "Body": "late"}}),
        },
        &[],
    )
    .await;

    assert_eq!(created.status(), StatusCode::ACCEPTED);
    assert_eq!(created.headers()["location"], "https://else.example/1");
    assert_eq!(created.headers()["content-type"], "text/html");
    assert_eq!(created.headers().get_all("location").iter().count(), 1);
    assert_eq!(created.body(), "<p>later");

    let answer = scene
        .tus
        .ask(scene.tus.post().header("Upload-Length", "5"))
        .await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()["x-hook"], "create");
    assert_eq!(answer.body(), "");
    let url = scene.tus.location(&answer);
    let answer = scene.tus.append(&url, 0, content("hello")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["upload-offset"], "5");
    assert_eq!(answer.headers()["x-hook"], "finish");
    assert_eq!(answer.body(), "done");
    let answer = scene.tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(
        (answer.status(), &answer.body()[..]),
        (StatusCode::OK, &b"gone"[..])
    );
}

#[tokio::test]
async fn both_hooks_of_a_creation_with_bytes_amend_its_one_response() {
    let replies = |event: &str| match event {
        "pre-create" => json!({"HTTPResponse": {"Header": {"X-Create": "1"}, "Body": "created"}}),
        "pre-finish" => json!({"HTTPResponse": {"Header": {"X-Finish": "1"}, "Body": "finished"}}),
        _ => json!({}),
    };
    let (scene, _receiver) = Scene::with_replies(replies, &[]).await;
    let create = || {
        let post = scene.tus.post().header("Upload-Length", "5");
        post.header("Content-Type", "application/offset+octet-stream")
    };
    let answer = scene
        .tus
        .send(create().body(content("hello")).unwrap())
        .await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()["x-create"], "1");
    assert_eq!(answer.headers()["x-finish"], "1");
    assert_eq!(answer.body(), "finished");

    // An error response has no headers that were meant for success.
    let chunked = crate::harness::tus::chunked(&["hello", " world"]);
    let answer = scene.tus.send(create().body(chunked).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(code(&answer), "ERR_UPLOAD_SIZE_EXCEEDED");
    assert!(!answer.headers().contains_key("x-create"));
}

#[tokio::test]
async fn an_upload_that_is_stopped_ends_and_is_gone() {
    let reply = |event: &str| match event {
        "post-receive" => {
            json!({"StopUpload": true, "HTTPResponse": {"StatusCode": 418, "Body": "stop"}})
        }
        _ => json!({}),
    };
    let args = ["-progress-hooks-interval=10ms"];
    let (scene, mut receiver) = Scene::with_replies(reply, &args).await;
    let url = scene.tus.create(1 << 30).await;
    let mut client = Http2::connect(scene.server.address()).await;
    // A client that sends for as long as the server lets it.
    let mut stream = client
        .begin(patch(&url, 0).body(()).unwrap(), Ends::Later)
        .await;
    stream.send("hello".into(), Ends::Later).await;
    let answer = patient(stream.answer()).await;
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    for expected in [
        "pre-create",
        "post-create",
        "post-receive",
        "post-terminate",
    ] {
        assert_eq!(receiver.event().await["Type"], expected);
    }
    assert!(receiver.types().is_empty());
    assert_eq!(scene.tus.head(&url).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(scene.files(), 0);
}

#[tokio::test]
async fn a_stopped_upload_is_told_so_where_the_hook_says_nothing_else() {
    let scripts = [("post-receive", r#"echo '{"StopUpload": true}'"#)];
    let scene = Scene::with_scripts(&scripts, &["-progress-hooks-interval=10ms"]).await;
    let mut client = Http2::connect(scene.server.address()).await;
    let post = scene.tus.post().header("Upload-Length", "100");
    let post = post.header("Content-Type", "application/offset+octet-stream");
    let mut stream = client.begin(post.body(()).unwrap(), Ends::Later).await;
    stream.send("hello".into(), Ends::Later).await;
    let answer = patient(stream.answer()).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert!(!answer.headers().contains_key("location"), "there is none");
    let mut body = answer.into_body();
    let text = patient(body.data()).await.unwrap().unwrap();
    assert!(text.starts_with(b"ERR_UPLOAD_STOPPED: "), "{text:?}");
    let heard = scene.heard(4).await;
    assert!(heard[3].starts_with(r#"{"Type":"post-terminate""#));
}

#[tokio::test]
async fn an_upload_is_not_ended_when_its_hook_says_no() {
    let replies = json!({"RejectTermination": true, "RejectUpload": true});
    let scene = scene("pre-terminate", replies).await;
    let url = scene.tus.create(5).await;
    let answer = scene.tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(code(&answer), "ERR_UPLOAD_TERMINATION_REJECTED");
    assert_eq!(scene.tus.offset(&url).await, 0);
}

#[tokio::test]
async fn a_no_that_comes_at_another_moment_is_none() {
    let all = json!({"RejectUpload": true, "RejectTermination": true, "StopUpload": true});
    for (event, wrong) in [
        ("post-create", &all),
        ("pre-finish", &all),
        ("post-finish", &all),
    ] {
        let scene = scene(event, wrong.clone()).await;
        let url = scene.tus.create(5).await;
        let answer = scene.tus.append(&url, 0, content("hello")).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{event}");
        assert_eq!(scene.tus.offset(&url).await, 5, "{event}");
    }
}
