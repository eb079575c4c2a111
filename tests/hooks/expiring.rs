//! `post-expire`, over HTTP and as an executable.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use crate::harness::tus::content;
use crate::harness::{Signal, aged};
use crate::scene::{Scene, id, until};

const FLAGS: [&str; 2] = ["-expiration=1h", "-expiration-scan-interval=100ms"];

/// Creates an upload of which three bytes have arrived two hours ago.
async fn abandoned(scene: &Scene) -> String {
    let url = scene.tus.create(5).await;
    let answer = scene.tus.append(&url, 0, content("hel")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    aged::upload(scene.server.uploads(), id(&url), Duration::from_secs(7200));
    url
}

async fn removed(scene: &Scene, url: &str) {
    until(|| scene.files() == 0).await;
    let head = scene.tus.head(url).await;
    assert_eq!(head.status(), StatusCode::GONE, "EXP-07");
}

#[tokio::test]
async fn who_listens_over_http_hears_the_last_state_of_an_expired_upload() {
    let (mut scene, mut receiver) = Scene::with_replies(|_| json!({}), &FLAGS).await;
    let url = abandoned(&scene).await;
    for expected in ["pre-create", "post-create", "post-receive"] {
        assert_eq!(receiver.event().await["Type"], expected);
    }
    let event = receiver.event().await;
    assert_eq!(event["Type"], "post-expire");
    let upload = &event["Event"]["Upload"];
    assert_eq!(upload["ID"], id(&url));
    assert_eq!(upload["Offset"], 3);
    assert_eq!(upload["Size"], 5);
    assert_eq!(upload["Storage"]["Type"], "filestore");
    let request = &event["Event"]["HTTPRequest"];
    assert_eq!(request["Method"], "DELETE");
    assert_eq!(request["URI"], format!("/files/{}", id(&url)));
    assert_eq!(request["Header"], json!({}));
    removed(&scene, &url).await;
    assert_eq!(scene.metric("tusd_uploads_expired").await, "1");
    assert_eq!(scene.metric("tusd_uploads_terminated").await, "0");
    scene.server.signal(Signal::TERM);
    let lines = scene.server.rest().await.concat();
    assert!(lines.contains("event=UploadExpired"), "{lines}");
    assert!(!lines.contains("event=UploadTerminated"), "{lines}");
    assert!(
        receiver.types().is_empty(),
        "neither pre- nor post-terminate"
    );
}

#[tokio::test]
async fn an_executable_of_that_name_hears_of_an_expired_upload() {
    let scene = Scene::with_scripts(&[], &FLAGS).await;
    let url = abandoned(&scene).await;
    let heard = scene.heard(4).await;
    assert!(
        heard[3].starts_with(r#"{"Type":"post-expire""#),
        "{heard:?}"
    );
    assert!(heard[3].contains(&format!(r#""ID":"{}""#, id(&url))));
    assert!(heard[3].contains(r#""Offset":3"#));
    removed(&scene, &url).await;
}

#[tokio::test]
async fn expiry_is_told_to_those_only_who_ask_for_it() {
    let events = "-hooks-enabled-events=pre-create,post-create,post-receive,post-terminate";
    let flags = [FLAGS[0], FLAGS[1], events];
    let (mut scene, mut receiver) = Scene::with_replies(|_| json!({}), &flags).await;
    let url = abandoned(&scene).await;
    removed(&scene, &url).await;
    // The server waits for the events that are on their way.
    scene.server.signal(Signal::TERM);
    assert_eq!(scene.server.exit().await.code(), Some(0));
    assert_eq!(
        receiver.types(),
        ["pre-create", "post-create", "post-receive"]
    );
}
