//! The response to the request that finishes an upload, which a client may lose.

use std::fs;

use http::{HeaderName, Request, StatusCode};
use rustix::process::{Pid, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::harness::services::{has, kernel_has, require};
use crate::harness::tus::{Answer, Tus, Version, content, patch, request};
use crate::harness::{Server, Signal};
use crate::receiver::{Call, Receiver, reply};
use crate::scene::{ALL_EVENTS, Scene, id, until};

const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

/// The reply of each hook. That of `pre-finish` names the upload.
fn replies(call: &Call, _: usize) -> crate::receiver::Answer {
    let event = call.json();
    let id = event["Event"]["Upload"]["ID"].as_str().unwrap().to_owned();
    reply(&match event["Type"].as_str() {
        Some("pre-finish") => json!({"HTTPResponse": {"StatusCode": 201, "Body": id, "Header": {
            "Content-Type": "text/html", "Location": "/assets/1", "Upload-Length": "1"}}}),
        Some("pre-create") => json!({"HTTPResponse": {"Header": {"X-Create": "1"}}}),
        _ => json!({}),
    })
}

/// Everything in a response that is not of its request.
fn all(answer: &Answer) -> (StatusCode, Vec<(String, String)>, String) {
    let is_own = |name: &HeaderName| ["date", "x-request-id"].contains(&name.as_str());
    let headers = answer.headers().iter().filter(|(name, _)| !is_own(name));
    let headers = headers.map(|(name, value)| {
        let value = value.to_str().unwrap();
        (name.to_string(), value.to_owned())
    });
    let body = String::from_utf8(answer.body().to_vec()).unwrap();
    (answer.status(), headers.collect(), body)
}

fn is_the_answer(answer: &Answer, id: &str) {
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()["location"], "/assets/1");
    assert_eq!(answer.headers()["content-type"], "text/html");
    assert_eq!(answer.headers()["upload-offset"], "5");
    assert_eq!(answer.body(), id);
}

fn is_the_heads(head: &Answer) {
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()["location"], "/assets/1");
    assert_eq!(head.headers()["upload-offset"], "5");
    assert_eq!(head.headers()["upload-length"], "5");
    for header in ["content-type", "x-create"] {
        assert!(!head.headers().contains_key(header), "{header}");
    }
    assert_eq!(head.body(), "");
}

/// Returns how many of the events so far were a `pre-finish`.
fn finishes(receiver: &mut Receiver) -> usize {
    let types = receiver.types().into_iter();
    types.filter(|event| event == "pre-finish").count()
}

#[tokio::test]
async fn a_client_that_has_lost_the_last_response_gets_it_again() {
    let (scene, mut receiver) = Scene::with_answers(replies, &[]).await;
    for version in VERSIONS {
        let tus = Tus::new(scene.server.url(), version);
        let url = tus.create(5).await;
        let first = tus.append(&url, 0, content("hello")).await;
        is_the_answer(&first, id(&url));
        for _ in 0..2 {
            let again = tus.append(&url, 5, content("")).await;
            assert_eq!(all(&again), all(&first));
            is_the_heads(&tus.head(&url).await);
        }
        assert_eq!(finishes(&mut receiver), 1);
        // A download is the stored bytes.
        let get = tus.ask(Request::get(&url)).await;
        assert_eq!(get.status(), StatusCode::OK);
        assert_eq!(get.body(), "hello");
        assert!(!get.headers().contains_key("location"));
    }
}

#[tokio::test]
async fn a_client_that_has_lost_the_response_to_a_creation_with_all_bytes_finds_it_by_head() {
    let (scene, mut receiver) = Scene::with_answers(replies, &[]).await;
    let post = scene.tus.post().header("Upload-Length", "5");
    let post = post.header("Content-Type", "application/offset+octet-stream");
    let created = scene.tus.send(post.body(content("hello")).unwrap()).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.headers()["x-create"], "1");
    let body = String::from_utf8(created.body().to_vec()).unwrap();
    let url = format!("{}{body}", scene.server.url());
    is_the_heads(&scene.tus.head(&url).await);
    is_the_answer(&scene.tus.append(&url, 5, content("")).await, &body);
    assert_eq!(finishes(&mut receiver), 1);
}

#[tokio::test]
async fn a_part_is_answered_for_itself_and_its_final_for_the_final() {
    let args = ["-concatenation-unfinished"];
    let (scene, mut receiver) = Scene::with_answers(replies, &args).await;
    let part = scene.tus.post().header("Upload-Concat", "partial");
    let part = scene.tus.ask(part.header("Upload-Length", "5")).await;
    let part = scene.tus.location(&part);
    let whole = scene.tus.post();
    let whole = whole.header("Upload-Concat", format!("final;{part}"));
    let whole = scene.tus.ask(whole).await;
    let whole = scene.tus.location(&whole);

    let first = scene.tus.append(&part, 0, content("hello")).await;
    is_the_answer(&first, id(&part));
    assert_eq!(finishes(&mut receiver), 2, "one of each");
    let again = scene.tus.append(&part, 5, content("")).await;
    assert_eq!(all(&again), all(&first));
    is_the_heads(&scene.tus.head(&whole).await);
    let info = fs::read(scene.server.uploads().join(format!("{}.info", id(&whole))));
    let info: Value = serde_json::from_slice(&info.unwrap()).unwrap();
    assert_eq!(info["TowerTus"]["Answer"]["Body"], id(&whole));
    // What was finished once is not asked for again.
    assert_eq!(finishes(&mut receiver), 0);
}

/// Returns whether strace can run the server.
async fn can_be_traced() -> bool {
    if !require("strace", has("strace").await, "apt-get install strace") {
        return false;
    }
    let mut traced = Command::new("strace");
    let status = traced.args(["-o", "/dev/null", "true"]).status().await;
    let is_permitted = status.is_ok_and(|status| status.success());
    kernel_has("ptrace", is_permitted)
}

/// The strace that traces a server. It would outlive the server.
struct Tracer(Pid);

impl Tracer {
    fn of(server: &Server) -> Self {
        let path = format!("/proc/{}/status", server.pid().as_raw_pid());
        let status = fs::read_to_string(path).unwrap();
        let (_, tracer) = status.split_once("TracerPid:").unwrap();
        let tracer = tracer.split_whitespace().next().unwrap();
        Self(Pid::from_raw(tracer.parse().unwrap()).expect("it is traced"))
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

/// strace holds the server back as soon as `.info` is replaced by one that records
/// the answer. So the server is killed after the record, and before the response.
#[tokio::test]
async fn a_server_that_is_killed_before_it_responds_gives_the_answer_after_a_restart() {
    if !can_be_traced().await {
        return;
    }
    for durability in ["none", "finish", "offset"] {
        killed_before_it_responds(&format!("-durability={durability}")).await;
    }
}

async fn killed_before_it_responds(durability: &str) {
    let mut receiver = Receiver::start(std::sync::Arc::new(replies)).await;
    let hooks = format!("-hooks-http={}", receiver.url());
    let args = [&*hooks, ALL_EVENTS, durability];
    let renames = "?rename,?renameat";
    let (trace, inject) = (
        format!("trace={renames}"),
        format!("inject={renames}:delay_exit=120000000"),
    );
    // The server itself is the child: strace runs beside it.
    let strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null"];
    let wrapper = [&strace[..], &["-e", &trace, "-e", &inject]].concat();
    let mut scene = Scene::start_under(&wrapper, TempDir::new().unwrap(), &args, &[]).await;
    let tracer = Tracer::of(&scene.server);
    let url = scene.tus.create(5).await;
    let id = id(&url).to_owned();

    let last = patch(&url, 0).body(content("hello")).unwrap();
    let tus = Tus::new(scene.server.url(), Version::Http1);
    let sending = tokio::spawn(async move { tus.try_send(last).await });
    let info = scene.server.uploads().join(format!("{id}.info"));
    until(|| fs::read_to_string(&info).is_ok_and(|json| json.contains(r#""Answer""#))).await;
    scene.server.signal(Signal::KILL);
    // Until its tracer has seen it, the end of the server is not announced.
    drop(tracer);
    scene.server.exit().await;
    assert!(sending.await.unwrap().is_none(), "there was no response");
    assert_eq!(finishes(&mut receiver), 1);

    let server = Server::start_in(scene.home.path(), &args).await;
    let tus = Tus::new(server.url(), Version::Http1);
    let url = format!("{}{id}", server.url());
    is_the_heads(&tus.head(&url).await);
    is_the_answer(&tus.append(&url, 5, content("")).await, &id);
    assert_eq!(finishes(&mut receiver), 0);
    let delete = request(http::Method::DELETE, &url);
    assert_eq!(tus.ask(delete).await.status(), StatusCode::NO_CONTENT);
}
