//! `tower-tusd rm`

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::harness::tus::{code, content, streamed};
use crate::harness::{Server, names};
use crate::{client, home, id, run};

#[tokio::test]
async fn an_upload_is_removed_with_all_its_files() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let url = tus.create(11).await;
    tus.append(&url, 0, content("hello")).await;
    let removed = run(home(&server), &["rm", id(&url)]).await.fine();
    assert_eq!(removed.out, format!("removed {} (5 bytes)\n", id(&url)));
    assert_eq!(names(server.uploads()), [""; 0]);
    assert_eq!(tus.head(&url).await.status(), 404);
}

#[tokio::test]
async fn a_removal_calls_post_terminate_and_waits_for_it() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let url = tus.create(11).await;
    let hooks = home(&server).join("hooks");
    fs::create_dir(&hooks).unwrap();
    for (name, script) in [
        ("post-terminate", "#!/bin/sh\nsleep 0.3\ncat > told\n"),
        ("pre-terminate", "#!/bin/sh\necho no > told\nexit 1\n"),
    ] {
        let hook = hooks.join(name);
        fs::write(&hook, script).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let events = "-hooks-enabled-events=pre-terminate,post-terminate";
    let args = ["rm", id(&url), "-hooks-dir=hooks", events];
    run(home(&server), &args).await.fine();
    let told = fs::read_to_string(hooks.join("told")).unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["Type"], "post-terminate");
    assert_eq!(told["Event"]["Upload"]["ID"], id(&url));
}

#[tokio::test]
async fn a_request_that_writes_is_asked_to_let_go() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let url = tus.create(11).await;
    let (begun, has_begun) = oneshot::channel();
    let hello = stream::once(async move {
        let _ = begun.send(());
        Bytes::from("hello")
    });
    let patch = tokio::spawn({
        let (tus, url) = (tus.clone(), url.clone());
        let body = streamed(Box::pin(hello.chain(stream::pending())).fuse());
        async move { tus.append(&url, 0, body).await }
    });
    has_begun.await.unwrap();
    run(home(&server), &["rm", id(&url)]).await.fine();
    let answer = patch.await.unwrap();
    let stopped = ["ERR_UPLOAD_INTERRUPTED", "ERR_UPLOAD_NOT_FOUND"];
    assert!(stopped.contains(&&*code(&answer)), "{answer:?}");
    assert_eq!(names(server.uploads()), [""; 0]);
}

#[tokio::test]
async fn one_that_does_not_exist_keeps_no_other() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let urls = [tus.create(5).await, tus.create(5).await];
    let args = ["rm", id(&urls[0]), "nothing", id(&urls[1])];
    let removed = run(home(&server), &args).await;
    assert_eq!(removed.code, Some(1));
    assert_eq!(removed.out.lines().count(), 2, "{removed:?}");
    assert_eq!(removed.err, "tower-tusd: nothing: upload not found\n");
    assert_eq!(names(server.uploads()), [""; 0]);
}

#[tokio::test]
async fn with_locks_in_memory_a_removal_says_what_it_cannot_see() {
    let server = Server::start(&["-locks=memory"]).await;
    let url = client(&server).create(5).await;
    let removed = run(home(&server), &["rm", "-locks=memory", id(&url)]).await;
    assert_eq!(removed.code, Some(0));
    assert!(removed.err.contains("-locks=memory"), "{removed:?}");
    let listed = run(home(&server), &["ls", "-locks=memory"]).await;
    listed.fine();
}
