//! Names that a hook may choose, and clients that repeat a creation after a
//! lost response.

use http::StatusCode;
use serde_json::{Value, json};

use crate::harness::tus::{Answer, code, content};
use crate::scene::{Scene, id};

/// Starts servers with this reply to `pre-create`: over HTTP, and from an
/// executable.
async fn scenes(reply: &Value) -> [Scene; 2] {
    let answer = reply.clone();
    let replies = move |event: &str| match event {
        "pre-create" => answer.clone(),
        _ => json!({}),
    };
    let script = format!("cat <<'JSON'\n{reply}\nJSON");
    [
        Scene::with_replies(replies, &[]).await.0,
        Scene::with_scripts(&[("pre-create", &script)], &[]).await,
    ]
}

async fn create(scene: &Scene) -> Answer {
    let post = scene.tus.post().header("Upload-Length", "5");
    scene.tus.ask(post).await
}

#[tokio::test]
async fn an_id_that_is_none_is_named_in_the_log_with_its_hook_and_the_rule() {
    for bad in ["a b", "\u{fc}ber", "a.info", "../a"] {
        for mut scene in scenes(&json!({"ChangeFileInfo": {"ID": bad}})).await {
            let answer = create(&scene).await;
            assert_eq!(code(&answer), "ERR_INTERNAL_SERVER_ERROR", "{bad}");
            let line = scene.server.line("HookInvocationError").await;
            assert!(line.contains("type=pre-create"), "{line}");
            assert!(line.contains(bad), "{line}");
            assert!(line.contains("A-Z a-z 0-9"), "{line}");
            assert_eq!(scene.files(), 0);
        }
    }
}

#[tokio::test]
async fn a_storage_path_never_ends_as_a_side_file() {
    for path in [
        "one.chunk",
        "one.info",
        "x/one.lock",
        "/tmp/one.stop",
        "one.new/",
        "one.part/.",
        "one.CHUNK",
    ] {
        let reply = json!({"ChangeFileInfo": {"ID": "two", "Storage": {"Path": path}}});
        for mut scene in scenes(&reply).await {
            let answer = create(&scene).await;
            assert_eq!(code(&answer), "ERR_INTERNAL_SERVER_ERROR", "{path}");
            let line = scene.server.line("HookInvocationError").await;
            assert!(line.contains("pre-create") && line.contains(path), "{line}");
            assert_eq!(scene.files(), 0);
        }
    }
}

#[tokio::test]
async fn a_storage_path_may_have_spaces_and_letters_beyond_ascii() {
    let path = "a b/\u{fc}ber.txt";
    for scene in scenes(&json!({"ChangeFileInfo": {"Storage": {"Path": path}}})).await {
        let url = scene.tus.location(&create(&scene).await);
        scene.tus.append(&url, 0, content("hello")).await;
        assert_eq!(scene.stored(path), b"hello");
    }
}

#[tokio::test]
async fn a_hook_lets_a_client_go_on_that_lost_the_answer_to_its_creation() {
    // The first call chooses the id, and later calls return the upload's URL.
    let script = r#"
        if [ -e created ]; then
            echo '{"RejectUpload": true, "HTTPResponse": {"StatusCode": 201,
                "Header": {"Location": "/files/alice/report"}}}'
        else
            touch created
            echo '{"ChangeFileInfo": {"ID": "alice/report"}}'
        fi"#;
    let scene = Scene::with_scripts(&[("pre-create", script)], &[]).await;
    goes_on(&scene).await;

    let replies = |call: &crate::receiver::Call, count: usize| {
        crate::receiver::reply(&match call.json()["Type"].as_str() {
            Some("pre-create") if count > 1 => {
                json!({"RejectUpload": true, "HTTPResponse": {"StatusCode": 201,
                    "Header": {"Location": "/files/alice/report"}}})
            }
            Some("pre-create") => json!({"ChangeFileInfo": {"ID": "alice/report"}}),
            _ => json!({}),
        })
    };
    goes_on(&Scene::with_answers(replies, &[]).await.0).await;
}

async fn goes_on(scene: &Scene) {
    let url = scene.tus.location(&create(scene).await);
    assert_eq!(id(&url), "alice/report");
    scene.tus.append(&url, 0, content("he")).await;

    let again = create(scene).await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(again.headers()["location"], "/files/alice/report");
    assert_eq!(again.body(), "", "the text of a refusal is no part of it");
    assert_eq!(scene.tus.offset(&url).await, 2);
    let answer = scene.tus.append(&url, 2, content("llo")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(scene.stored("alice/report"), b"hello");

    // The same holds for a creation with bytes.
    let post = scene.tus.post().header("Upload-Length", "5");
    let post = post.header("Content-Type", "application/offset+octet-stream");
    let again = scene.tus.send(post.body(content("hello")).unwrap()).await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(scene.stored("alice/report"), b"hello");
}
