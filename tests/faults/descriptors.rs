//! More connections than the server may open files.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::{Method, Request, StatusCode};
use tokio::net::TcpStream;

use crate::harness::raw::{Ends, Http1, Http2};
use crate::harness::services::{has, require};
use crate::harness::tus::{Tus, Version, content, patch, request};
use crate::harness::{Server, patient};

/// Starts a server with a limit of 200 open files. Returns one used and 300
/// idle connections.
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

#[tokio::test]
async fn many_uploads_of_one_http2_connection_leave_files_to_other_requests() {
    const UPLOADS: usize = 100;
    /// A third of 200 less the reserve of 64, at two files per request.
    const MOST: usize = 22;
    if !require(
        "prlimit",
        has("prlimit").await,
        "apt-get install util-linux",
    ) {
        return;
    }
    let server = Server::start_under(&["prlimit", "--nofile=200"], &[]).await;
    let tus = Tus::new(server.url(), Version::Http2);
    let mut client = Http2::connect(server.address()).await;
    let mut urls = Vec::new();
    for _ in 0..=UPLOADS {
        urls.push(tus.create(5).await);
    }
    let other = urls.pop().unwrap();

    let mut sending = Vec::new();
    let mut answers = FuturesUnordered::new();
    for url in &urls {
        let stream = client.begin(patch(url, 0).body(()).unwrap(), Ends::Later);
        let mut stream = stream.await;
        stream.send("he".into(), Ends::Later).await;
        let (answer, send) = stream.split();
        answers.push(answer);
        sending.push(send);
    }
    for _ in MOST..UPLOADS {
        let answer = patient(answers.next()).await.unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()["retry-after"], "5");
        let body = answer.into_body().data().await.unwrap().unwrap();
        assert!(body.starts_with(b"ERR_SERVER_BUSY"), "{body:?}");
    }

    // The response to a creation with bytes contains the URL to continue at.
    let post = tus.post().header("Upload-Length", 5);
    let post = post.header("Content-Type", "application/offset+octet-stream");
    let answer = tus.send(post.body(content("hello")).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(tus.offset(&tus.location(&answer)).await, 0);
    for _ in 0..20 {
        assert_eq!(tus.offset(&other).await, 0);
        let url = tus.create(5).await;
        let delete: Request<()> = request(Method::DELETE, &url).body(()).unwrap();
        let answer = client.begin(delete, Ends::Here).await.answer().await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    // The accepted requests are stored.
    for send in &mut sending {
        let _ = send.send_data("llo".into(), true);
    }
    for _ in 0..MOST {
        let answer = patient(answers.next()).await.unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    let answer = tus.append(&other, 0, content("hello")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}
