//! The effects of StopUpload, and their order.

use http::StatusCode;
use serde_json::{Value, json};

use crate::harness::patient;
use crate::harness::raw::{Ends, Http2};
use crate::harness::tus::{code, content, patch};
use crate::receiver::Receiver;
use crate::scene::{Scene, id, until};

async fn scene(args: &[&str]) -> (Scene, Receiver) {
    let replies = |event: &str| match event {
        "post-receive" => json!({"StopUpload": true, "HTTPResponse": {"StatusCode": 418}}),
        _ => json!({}),
    };
    let args = [&["-progress-hooks-interval=10ms"], args].concat();
    Scene::with_replies(replies, &args).await
}

/// Returns the next event of this type.
async fn event(receiver: &mut Receiver, kind: &str) -> Value {
    loop {
        let event = receiver.event().await;
        if event["Type"] == kind {
            return event;
        }
    }
}

#[tokio::test]
async fn a_trailer_that_is_announced_switches_no_stop_off() {
    let (scene, mut receiver) = scene(&[]).await;
    let url = scene.tus.create(1 << 30).await;
    let mut client = Http2::connect(scene.server.address()).await;
    let request = patch(&url, 0).header("Trailer", "X-Anything").body(());
    let mut stream = client.begin(request.unwrap(), Ends::Later).await;
    stream.send("hello".into(), Ends::Later).await;
    let answer = patient(stream.answer()).await;
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    event(&mut receiver, "post-terminate").await;
    assert_eq!(scene.files(), 0);
}

#[tokio::test]
async fn a_stop_at_the_end_of_a_short_request_counts() {
    let sha1 = "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=";
    for (name, value) in [
        ("X-None", ""),
        ("Trailer", "X-Y"),
        ("Upload-Checksum", sha1),
    ] {
        let (scene, mut receiver) = scene(&[]).await;
        let url = scene.tus.create(100).await;
        let request = patch(&url, 0).header(name, value);
        let answer = scene
            .tus
            .send(request.body(content("hello")).unwrap())
            .await;
        // The client need not wait for the hook.
        assert!([204, 418].contains(&answer.status().as_u16()), "{name}");
        let event = event(&mut receiver, "post-terminate").await;
        assert_eq!(event["Event"]["Upload"]["ID"], id(&url), "{name}");
        assert_eq!(scene.tus.head(&url).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(scene.files(), 0);
    }
}

#[tokio::test]
async fn a_finished_upload_is_not_stopped() {
    let (scene, mut receiver) = scene(&["-progress-hooks-interval=1h"]).await;
    let url = scene.tus.create(5).await;
    scene.tus.append(&url, 0, content("hello")).await;
    event(&mut receiver, "post-finish").await;
    assert_eq!(scene.tus.offset(&url).await, 5);
    assert_eq!(scene.stored(id(&url)), b"hello");
}

#[tokio::test]
async fn a_pending_final_goes_with_its_stopped_part_each_time() {
    let (scene, mut receiver) = scene(&["-concatenation-unfinished"]).await;
    for _ in 0..5 {
        let partial = scene.tus.post().header("Upload-Concat", "partial");
        let answer = scene.tus.ask(partial.header("Upload-Length", "100")).await;
        let part = scene.tus.location(&answer);
        let list = format!("final;{part}");
        let answer = scene
            .tus
            .ask(scene.tus.post().header("Upload-Concat", list))
            .await;
        let whole = scene.tus.location(&answer);
        let mut client = Http2::connect(scene.server.address()).await;
        let request = patch(&part, 0).body(()).unwrap();
        let mut stream = client.begin(request, Ends::Later).await;
        stream.send("hello".into(), Ends::Later).await;
        patient(stream.answer()).await;
        let mut gone = Vec::new();
        for _ in 0..2 {
            let event = event(&mut receiver, "post-terminate").await;
            gone.push(event["Event"]["Upload"]["ID"].as_str().unwrap().to_owned());
        }
        gone.sort_unstable();
        let mut expected = [id(&part), id(&whole)];
        expected.sort_unstable();
        assert_eq!(gone, expected);
        until(|| scene.files() == 0).await;
    }
}

#[tokio::test]
async fn a_creation_that_was_stopped_is_not_gone_on_with() {
    let (scene, mut receiver) = scene(&[]).await;
    let post = scene.tus.post().header("Upload-Length", "100");
    let post = post.header("Content-Type", "application/offset+octet-stream");
    let answer = scene.tus.send(post.body(content("hello")).unwrap()).await;
    event(&mut receiver, "post-terminate").await;
    assert_eq!(scene.files(), 0);
    if answer.status() == StatusCode::CREATED {
        let url = scene.tus.location(&answer);
        let answer = scene.tus.append(&url, 5, content("x")).await;
        assert_eq!(code(&answer), "ERR_UPLOAD_NOT_FOUND");
    }
}
