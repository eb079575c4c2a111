//! More connections than the server may have files open.

use http::StatusCode;
use tokio::net::TcpStream;

use crate::harness::Server;
use crate::harness::raw::Http1;
use crate::harness::services::{has, require};

/// A server that may open 200 files, its first connection, and 300 idle ones.
async fn crowded(args: &[&str]) -> (Server, Http1, Vec<TcpStream>) {
    let server = Server::start_under(&["prlimit", "--nofile=200"], args).await;
    let mut first = Http1::connect(server.address()).await;
    assert_eq!(create(&mut first).await.status(), StatusCode::CREATED);
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(server.connect().await);
    }
    (server, first, idle)
}

async fn create(client: &mut Http1) -> http::Response<()> {
    let length = ("Upload-Length", "5".to_owned());
    client.head("POST /files/", &[length]).await;
    client.response().await.expect("the server answers")
}

#[tokio::test]
async fn connections_leave_files_to_the_requests_on_them() {
    if !require(
        "prlimit",
        has("prlimit").await,
        "apt-get install util-linux",
    ) {
        return;
    }
    let (_server, mut first, _idle) = crowded(&[]).await;
    for _ in 0..10 {
        assert_eq!(create(&mut first).await.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn without_a_file_to_open_a_request_is_told_to_come_again() {
    if !require(
        "prlimit",
        has("prlimit").await,
        "apt-get install util-linux",
    ) {
        return;
    }
    let (mut server, mut first, _idle) = crowded(&["-max-connections=1000"]).await;
    server.line("cannot accept a connection").await;
    let answer = create(&mut first).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "5");
}
