//! `post-terminate` of uploads that the server removes to make room for others.

use http::StatusCode;
use serde_json::json;

use crate::harness::Signal;
use crate::harness::tus::{Content, content};
use crate::scene::{Scene, create, id};

const FLAGS: [&str; 3] = [
    "-store-size=10",
    "-store-evict=unfinished",
    "-hooks-concurrency=1",
];

/// Writes bytes of an upload, so that it is younger than those before.
async fn append(scene: &Scene, url: &str, bytes: impl Into<bytes::Bytes>) {
    let content: Content = content(bytes);
    let answer = scene.tus.append(url, 0, content).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn who_listens_over_http_hears_of_an_upload_that_made_room() {
    let (mut scene, mut receiver) = Scene::with_replies(|_| json!({}), &FLAGS).await;
    let old = scene.tus.create(5).await;
    append(&scene, &old, "hel").await;
    let young = scene.tus.create(5).await;
    append(&scene, &young, "h").await;
    // Creations, and bytes of both.
    for _ in 0..6 {
        receiver.event().await;
    }
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
    assert_eq!(receiver.event().await["Type"], "pre-create");
    // In no order: they are about two uploads.
    let events = [receiver.event().await, receiver.event().await];
    let of = |kind: &str| events.iter().find(|event| event["Type"] == kind).unwrap();
    of("post-create");
    let event = &of("post-terminate")["Event"];
    assert_eq!(event["Upload"]["ID"], id(&old));
    assert_eq!(event["Upload"]["Offset"], 3);
    assert_eq!(event["HTTPRequest"]["Method"], "DELETE");
    assert_eq!(event["HTTPRequest"]["URI"], format!("/files/{}", id(&old)));

    assert_eq!(scene.tus.head(&old).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(scene.tus.head(&young).await.status(), StatusCode::OK);
    assert_eq!(scene.metric("tusd_uploads_terminated").await, "1");
    assert_eq!(scene.metric("tusd_store_bytes_used").await, "10");
    scene.server.signal(Signal::TERM);
    let lines = scene.server.rest().await.concat();
    for line in ["event=UploadTerminated", "UploadEvicted"] {
        assert!(lines.contains(line), "{lines}");
    }
    assert!(receiver.types().is_empty(), "no pre-terminate");
}

#[tokio::test]
async fn an_executable_of_that_name_hears_of_an_upload_that_made_room_for_one_being_written() {
    let scene = Scene::with_scripts(&[], &FLAGS).await;
    let old = scene.tus.create(5).await;
    let post = scene.tus.post().header("Upload-Defer-Length", "1");
    let url = scene.tus.location(&scene.tus.ask(post).await);
    append(&scene, &url, "1234567890").await;
    let heard = scene.heard(6).await;
    let told = heard.iter().find(|it| it.contains("post-terminate"));
    assert!(told.unwrap().contains(&format!(r#""ID":"{}""#, id(&old))));
    assert!(!heard.iter().any(|it| it.contains("pre-terminate")));
}
