//! A server that is killed in the middle of finishing an upload, and its successor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::harness::tus::content;
use crate::harness::{Server, Signal};
use crate::receiver::{Answer, Call, Receiver, reply};
use crate::scene::{ALL_EVENTS, Scene, id};

/// Accepts every call. The answer to one that is `held` takes an hour, until the server
/// has been killed.
fn holding(held: fn(&Value) -> bool) -> (impl Fn(&Call, usize) -> Answer, Arc<AtomicBool>) {
    let killed = Arc::new(AtomicBool::new(false));
    let is_killed = Arc::clone(&killed);
    let answers = move |call: &Call, _| {
        let mut answer = reply(&serde_json::json!({"HTTPResponse": {"Body": "well done"}}));
        if held(&call.json()) && !is_killed.load(Ordering::SeqCst) {
            answer.delay = Duration::from_secs(3600);
        }
        answer
    };
    (answers, killed)
}

fn kind(event: &Value) -> &str {
    event["Type"].as_str().unwrap()
}

/// Appends the only bytes of an upload, for a client that sees no answer.
fn append(scene: &Scene, url: &str) -> tokio::task::JoinHandle<()> {
    let (tus, url) = (scene.tus.clone(), url.to_owned());
    tokio::spawn(async move {
        tus.append(&url, 0, content("hello")).await;
    })
}

/// Waits for the first event of this kind.
async fn hears(receiver: &mut Receiver, wanted: &str) -> Value {
    loop {
        let event = receiver.event().await;
        if kind(&event) == wanted {
            return event;
        }
    }
}

/// Kills the server, and starts another one on the same directory.
async fn replace(scene: &mut Scene, receiver: &Receiver, killed: &AtomicBool) -> Server {
    scene.server.signal(Signal::KILL);
    scene.server.exit().await;
    killed.store(true, Ordering::SeqCst);
    let hooks = format!("-hooks-http={}", receiver.url());
    Server::start_in(scene.home.path(), &[&hooks, ALL_EVENTS]).await
}

#[tokio::test]
async fn before_pre_finish_has_answered_the_next_server_finishes_the_upload_without_a_client() {
    let (answers, killed) = holding(|event| kind(event) == "pre-finish");
    let (mut scene, mut receiver) = Scene::with_answers(answers, &[]).await;
    let url = scene.tus.create(5).await;
    let client = append(&scene, &url);
    hears(&mut receiver, "pre-finish").await;
    client.abort();
    let mut server = replace(&mut scene, &receiver, &killed).await;

    // Asked twice, and told once.
    let asked = hears(&mut receiver, "pre-finish").await;
    let event = &asked["Event"];
    assert_eq!(event["Upload"]["ID"], id(&url));
    assert_eq!(event["HTTPRequest"]["Method"], "HEAD");
    assert_eq!(event["HTTPRequest"]["URI"], format!("/files/{}", id(&url)));
    let told = hears(&mut receiver, "post-finish").await;
    assert_eq!(told["Event"]["Upload"]["ID"], id(&url));
    assert!(server.line("UploadFinished").await.contains(id(&url)));
    server.line("CompleteUploadsFinished").await;
    // What the hook has answered there was for the client, which comes back now.
    let url = format!("{}{}", server.url(), id(&url));
    let answer = scene.tus.append(&url, 5, content("")).await;
    assert_eq!(answer.body(), "well done");
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn between_the_record_and_post_finish_nobody_is_told_any_more() {
    let (answers, killed) = holding(|event| {
        let is_first = event["Event"]["Upload"]["MetaData"]["which"] == "first";
        match kind(event) {
            "post-receive" => is_first,
            "pre-finish" => !is_first,
            _ => false,
        }
    });
    let (mut scene, mut receiver) = Scene::with_answers(answers, &[]).await;
    let mut urls = Vec::new();
    for which in ["Zmlyc3Q=", "c2Vjb25k"] {
        let post = scene.tus.post().header("Upload-Length", "5");
        let post = post.header("Upload-Metadata", format!("which {which}"));
        urls.push(scene.tus.location(&scene.tus.ask(post).await));
    }
    let first = urls[0].clone();
    let answer = scene.tus.append(&first, 0, content("hello")).await;
    assert_eq!(answer.headers()["upload-offset"], "5");
    // `post-finish` of the first upload waits behind it.
    hears(&mut receiver, "post-receive").await;
    let client = append(&scene, &urls[1]);
    hears(&mut receiver, "pre-finish").await;
    client.abort();
    let mut server = replace(&mut scene, &receiver, &killed).await;

    let told = hears(&mut receiver, "post-finish").await;
    assert_eq!(told["Event"]["Upload"]["ID"], id(&urls[1]));
    server.line("CompleteUploadsFinished").await;
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    assert!(receiver.types().is_empty(), "the first is told to nobody");
}
