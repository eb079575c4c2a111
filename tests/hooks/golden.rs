//! Every event with its full text, equal through both transports.

use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::harness::raw::{Ends, Http2};
use crate::harness::tus::{content, request};
use crate::receiver::Receiver;
use crate::scene::{EVENTS, Scene};

/// One line per event, with `{HOME}` and `{HOST}` for values that vary.
const GOLDEN: &str = include_str!("golden.jsonl");

/// Sends the requests of an upload. `told` waits for a number of events.
async fn live<T: AsyncFnMut(usize)>(scene: &Scene, mut told: T) {
    let tus = &scene.tus;
    let post = tus
        .post()
        .header("Upload-Length", "11")
        .header("Upload-Metadata", "name PGEmYj4=,bytes /w==,empty")
        .header("X-Request-ID", "1")
        .header("x-list", "a")
        .header("X-List", "b");
    let url = tus.location(&tus.ask(post).await);
    told(2).await;
    tus.append(&url, 0, content("hello")).await;
    told(3).await;
    tus.append(&url, 5, content(" world")).await;
    told(6).await;
    let delete = request(Method::DELETE, &url);
    assert_eq!(tus.ask(delete).await.status(), StatusCode::NO_CONTENT);
    told(8).await;
}

fn compare(scene: &Scene, told: &[String]) {
    let home = scene.home.path().canonicalize().unwrap();
    let host = scene.server.address().to_string();
    let golden = GOLDEN
        .replace("{HOME}", home.to_str().unwrap())
        .replace("{HOST}", &host);
    let golden: Vec<_> = golden.lines().collect();
    let told: Vec<_> = told.iter().map(|line| without_peer(line)).collect();
    for (told, golden) in told.iter().zip(&golden) {
        assert_eq!(told, golden);
    }
    assert_eq!(told.len(), golden.len());
    // tusd knows no `post-expire`.
    for event in EVENTS.into_iter().filter(|it| *it != "post-expire") {
        let kind = format!(r#"{{"Type":"{event}","#);
        assert!(GOLDEN.contains(&kind), "{event} is not looked at");
    }
}

/// Removes the port of the client, which varies.
fn without_peer(line: &str) -> String {
    let json: Value = serde_json::from_str(line).unwrap();
    let peer = json["Event"]["HTTPRequest"]["RemoteAddr"].as_str().unwrap();
    assert!(peer.is_empty() || peer.starts_with("127.0.0.1:"), "{peer}");
    line.replace(&format!("\"{peer}\",\"Header\""), "\"{PEER}\",\"Header\"")
}

#[tokio::test]
async fn executables_are_told_what_tusd_tells_them() {
    let name = r#"echo '{"ChangeFileInfo": {"ID": "golden"}}'"#;
    let scene = Scene::with_scripts(&[("pre-create", name)], &[]).await;
    live(&scene, async |events| drop(scene.heard(events).await)).await;
    compare(&scene, &scene.heard(8).await);
}

#[tokio::test]
async fn servers_are_told_what_tusd_tells_them() {
    let name = |event: &str| match event {
        "pre-create" => json!({"ChangeFileInfo": {"ID": "golden"}}),
        _ => json!({}),
    };
    let (scene, mut receiver) = Scene::with_replies(name, &[]).await;
    let mut told = Vec::new();
    live(&scene, async |events| {
        while told.len() < events {
            told.push(receiver.call().await.text);
        }
    })
    .await;
    compare(&scene, &told);
}

async fn over_http_2(request: http::request::Builder) -> Value {
    let (scene, mut receiver): (_, Receiver) = Scene::with_replies(|_| json!({}), &[]).await;
    let mut client = Http2::connect(scene.server.address()).await;
    let request = request
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Defer-Length", "1");
    let stream = client.begin(request.body(()).unwrap(), Ends::Here).await;
    assert_eq!(stream.answer().await.status(), StatusCode::CREATED);
    receiver.event().await["Event"].take()
}

#[tokio::test]
async fn a_request_of_http_2_looks_like_any_other() {
    let request = Request::post("http://tus.example/files/?a=%20b");
    let request = request.header("cookie", "a=1").header("cookie", "b=2");
    let event = over_http_2(request).await;
    assert_eq!(event["Upload"]["Size"], 0);
    assert_eq!(event["Upload"]["SizeIsDeferred"], true);
    assert_eq!(event["HTTPRequest"]["URI"], "/files/?a=%20b");
    let expected = json!({
        "Cookie": ["a=1; b=2"],
        "Host": ["tus.example"],
        "Tus-Resumable": ["1.0.0"],
        "Upload-Defer-Length": ["1"],
    });
    assert_eq!(event["HTTPRequest"]["Header"], expected);
}

#[tokio::test]
async fn of_a_creation_with_bytes_all_is_told_as_the_client_sent_it() {
    let (scene, mut receiver) = Scene::with_replies(|_| json!({}), &[]).await;
    let post = scene.tus.post().header("Upload-Length", "5");
    let post = post.header("Content-Type", "application/offset+octet-stream");
    let answer = scene.tus.send(post.body(content("hello")).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let mut told = Vec::new();
    let mut offsets = Vec::new();
    for _ in 0..5 {
        let event = receiver.event().await;
        let request = &event["Event"]["HTTPRequest"];
        assert_eq!(request["Method"], "POST");
        assert_eq!(request["URI"], "/files/");
        assert_eq!(request["Header"]["Content-Length"], json!(["5"]));
        assert_eq!(request["Header"]["Upload-Length"], json!(["5"]));
        assert!(request["Header"]["Upload-Offset"].is_null());
        told.push(event["Type"].as_str().unwrap().to_owned());
        offsets.push(event["Event"]["Upload"]["Offset"].as_u64().unwrap());
    }
    // The client does not wait for notifications, so their order varies.
    assert_eq!(told.remove(0), "pre-create");
    let finish = told.iter().position(|event| event == "pre-finish").unwrap();
    told.remove(finish);
    assert_eq!(told, ["post-create", "post-receive", "post-finish"]);
    offsets.sort_unstable();
    assert_eq!(offsets, [0, 0, 5, 5, 5]);
}
