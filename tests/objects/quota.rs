//! A limit on all uploads in a bucket together.

use http::{Method, StatusCode};

use super::harness::Server;
use super::harness::gateway::Gateway;
use super::harness::tus::{Answer, code, request};
use super::{append, at, client};

const FULL: StatusCode = StatusCode::INSUFFICIENT_STORAGE;

async fn create(server: &Server, length: u64) -> Answer {
    let tus = client(server);
    tus.ask(tus.post().header("Upload-Length", length)).await
}

async fn delete(server: &Server, url: &str) {
    let delete = request(Method::DELETE, &at(server, url));
    let answer = client(server).ask(delete).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_also_after_a_restart() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let args = ["-store-size=100", "-locks=memory"];
    let server = Server::start_over(&gateway, &args).await;
    let tus = client(&server);
    let (unfinished, finished) = (tus.create(60).await, tus.create(40).await);
    append(&server, &unfinished, 0, 50).await;
    append(&server, &finished, 0, 40).await;
    let refused = create(&server, 1).await;
    assert_eq!(refused.status(), FULL);
    assert_eq!(code(&refused), "ERR_INSUFFICIENT_STORAGE");
    let too_large = create(&server, 101).await;
    assert_eq!(too_large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    drop(server);

    let server = Server::start_over(&gateway, &args).await;
    assert_eq!(create(&server, 1).await.status(), FULL);
    delete(&server, &unfinished).await;
    assert_eq!(create(&server, 61).await.status(), FULL);
    let last = client(&server).create(60).await;
    delete(&server, &finished).await;
    let answer = append(&server, &last, 0, 60).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(create(&server, 41).await.status(), FULL);
    assert_eq!(create(&server, 40).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn servers_that_may_be_several_warn_that_they_count_each_for_itself() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let a = Server::start_over(&gateway, &["-store-size=100"]).await;
    let b = Server::start_over(&gateway, &["-store-size=100"]).await;
    let warning = |it: &String| it.contains("level=WARN") && it.contains("counts for itself");
    assert!(a.start_lines().iter().any(warning), "{:?}", a.start_lines());
    for server in [&a, &b] {
        assert_eq!(create(server, 0).await.status(), StatusCode::CREATED);
    }
    client(&a).create(100).await;
    // It has counted before.
    let other = client(&b).create(100).await;
    // Another one knows of both.
    let alone = ["-store-size=200", "-locks=memory"];
    let later = Server::start_over(&gateway, &alone).await;
    assert!(!later.start_lines().iter().any(warning));
    assert_eq!(create(&later, 1).await.status(), FULL);
    delete(&later, &other).await;
    assert_eq!(create(&later, 100).await.status(), StatusCode::CREATED);
}
