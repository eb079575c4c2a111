//! Clients that do not read a download, or read it slowly.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::future::poll_fn;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::{RecvStream, client};
use http::{Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::harness::raw::{Ends, Http2};
use crate::harness::tus::{Tus, Version, request};
use crate::harness::{Server, patient};

const TIMEOUT: Duration = Duration::from_millis(500);
/// More than all buffers between a server and a client that does not read.
const LENGTH: usize = 64 << 20;

/// Starts a server with an upload of zeros, and returns its URL.
async fn serve(flag: &str) -> (Server, String) {
    with_upload(Server::start(&[flag]).await).await
}

async fn with_upload(server: Server) -> (Server, String) {
    let url = Tus::new(server.url(), Version::Http1)
        .create(LENGTH as u64)
        .await;
    let data = server.uploads().join(url.rsplit('/').next().unwrap());
    let data = File::options().write(true).open(data).unwrap();
    data.set_len(LENGTH as u64).unwrap();
    (server, url)
}

/// Returns how many files with bytes of uploads the server has open.
fn open_files(server: &Server) -> usize {
    let open = format!("/proc/{}/fd", server.pid().as_raw_pid());
    let links = fs::read_dir(open).unwrap().flatten();
    let files = links.filter_map(|link| fs::read_link(link.path()).ok());
    files
        .filter(|file| file.starts_with(server.uploads()))
        .filter(|file| file.extension().is_none_or(|kind| kind != "lock"))
        .count()
}

/// Waits until the server has disconnected the client, but not before the
/// timeout.
async fn is_cut(server: &Server, begin: Instant) {
    assert_eq!(open_files(server), 1, "it reads the upload");
    let closed = async {
        while open_files(server) > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    patient(closed).await;
    assert!(begin.elapsed() >= TIMEOUT, "{:?}", begin.elapsed());
}

/// Requests the upload over a new connection, and reads the head of the
/// response.
async fn http_1(server: &Server, url: &str) -> TcpStream {
    let mut socket = server.connect().await;
    let path = &url[url.find("/files/").unwrap()..];
    let get = format!("GET {path} HTTP/1.1\r\nHost: tus\r\n\r\n");
    patient(socket.write_all(get.as_bytes())).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(patient(socket.read_u8()).await.unwrap());
    }
    socket
}

type Connection = client::Connection<TcpStream, Bytes>;

/// Requests the upload over HTTP/2, with a window of this size.
async fn http_2(server: &Server, url: &str, window: u32) -> (Connection, RecvStream) {
    let client = client::Builder::new()
        .initial_window_size(window)
        .initial_connection_window_size(window.max(0xFFFF))
        .handshake::<_, Bytes>(server.connect().await);
    let (client, mut connection) = patient(client).await.unwrap();
    let mut client = patient(client.ready()).await.unwrap();
    let get = Request::get(url).body(()).unwrap();
    let (answer, _) = client.send_request(get, true).unwrap();
    let answer = async {
        tokio::select! {
            answer = answer => answer.unwrap(),
            ended = &mut connection => panic!("{ended:?}"),
        }
    };
    let answer = patient(answer).await;
    assert_eq!(answer.status(), 200);
    (connection, answer.into_body())
}

#[tokio::test]
async fn who_stops_to_read_over_http_1_is_cut() {
    let (server, url) = serve("-network-timeout=500ms").await;
    let begin = Instant::now();
    let mut client = http_1(&server, &url).await;
    is_cut(&server, begin).await;
    let mut rest = Vec::new();
    // Data in flight may still arrive, or a reset.
    drop(patient(client.read_to_end(&mut rest)).await);
    assert!(rest.len() < LENGTH, "{}", rest.len());
}

#[tokio::test]
async fn who_gives_a_stream_of_http_2_no_window_is_cut() {
    let (server, url) = serve("-network-timeout=500ms").await;
    let begin = Instant::now();
    let (connection, mut body) = http_2(&server, &url, 0).await;
    // The client keeps reading from the socket, and acknowledges every PING.
    let connection = tokio::spawn(connection);
    is_cut(&server, begin).await;
    let ended = patient(body.data()).await;
    assert!(!matches!(ended, Some(Ok(_))), "{ended:?}");
    drop(patient(connection).await);
}

#[tokio::test]
async fn who_stops_to_read_over_http_2_is_cut() {
    let (server, url) = serve("-network-timeout=500ms").await;
    let begin = Instant::now();
    // The client has a large window, but stops reading from the socket.
    let (_connection, _body) = http_2(&server, &url, i32::MAX as u32).await;
    is_cut(&server, begin).await;
}

/// Reads in pieces of at least 1 MiB. Each pause is shorter than the timeout,
/// all pauses together are far longer.
async fn reads_slowly(mut next: impl AsyncFnMut() -> usize) {
    let begin = Instant::now();
    let (mut came, mut pause_at) = (0, 0);
    while came < LENGTH {
        let bytes = patient(next()).await;
        assert!(
            bytes > 0,
            "it was cut after {came} bytes, {:?}",
            begin.elapsed()
        );
        came += bytes;
        if came >= pause_at {
            pause_at = came + (1 << 20);
            sleep(TIMEOUT / 20).await;
        }
    }
    assert!(begin.elapsed() > TIMEOUT * 2, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn who_reads_slowly_over_http_1_goes_on() {
    let (server, url) = serve("-network-timeout=500ms").await;
    let mut client = http_1(&server, &url).await;
    let mut buffer = vec![0; 64 << 10];
    reads_slowly(async || client.read(&mut buffer).await.unwrap()).await;
}

#[tokio::test]
async fn who_reads_slowly_over_http_2_goes_on() {
    let (server, url) = serve("-network-timeout=500ms").await;
    let (connection, mut body) = http_2(&server, &url, 1 << 20).await;
    tokio::spawn(connection);
    reads_slowly(async || {
        let bytes = poll_fn(|cx| body.poll_data(cx)).await.unwrap().unwrap();
        body.flow_control().release_capacity(bytes.len()).unwrap();
        bytes.len()
    })
    .await;
}

#[tokio::test]
async fn without_a_network_timeout_nobody_is_cut() {
    let (server, url) = serve("-network-timeout=0").await;
    let mut client = http_1(&server, &url).await;
    sleep(TIMEOUT * 3).await;
    assert_eq!(open_files(&server), 1);
    let mut rest = vec![0; LENGTH];
    patient(client.read_exact(&mut rest)).await.unwrap();
}

/// Opens streams on one connection, with a window of one byte each.
async fn streams(server: &Server, url: &str, count: usize) -> Vec<RecvStream> {
    let client = client::Builder::new()
        .initial_window_size(1)
        // Each byte arrives in a separate frame.
        .data_frame_budget(1 << 20)
        .handshake::<_, Bytes>(server.connect().await);
    let (mut client, connection) = patient(client).await.unwrap();
    tokio::spawn(connection);
    let mut bodies = Vec::new();
    for _ in 0..count {
        client = patient(client.ready()).await.unwrap();
        let get = Request::get(url).body(()).unwrap();
        let (answer, _) = client.send_request(get, true).unwrap();
        let answer = patient(answer).await.unwrap();
        assert_eq!(answer.status(), 200);
        bodies.push(answer.into_body());
    }
    bodies
}

#[tokio::test]
async fn one_stream_that_moves_keeps_no_other_alive() {
    let (server, url) = serve("-network-timeout=500ms").await;
    let mut bodies = streams(&server, &url, 20).await;
    let mut moving = bodies.pop().unwrap();
    let mut read = async || {
        let byte = patient(moving.data()).await.unwrap().unwrap();
        moving.flow_control().release_capacity(byte.len()).unwrap();
    };
    let moves = async {
        loop {
            read().await;
            sleep(TIMEOUT / 50).await;
        }
    };
    let others = async {
        for body in &mut bodies {
            let first = patient(body.data()).await;
            assert_eq!(first.unwrap().unwrap().len(), 1);
            let reset = patient(body.data()).await.unwrap().unwrap_err();
            assert_eq!(reset.reason(), Some(h2::Reason::CANCEL), "{reset}");
        }
    };
    tokio::select! {
        () = others => {}
        () = moves => unreachable!("it goes on"),
    }
    assert_eq!(
        open_files(&server),
        1,
        "of those that were cut nothing stays"
    );
    for _ in 0..3 {
        read().await;
    }
}

#[tokio::test]
async fn unread_downloads_hold_little_memory() {
    let (server, url) = serve("-network-timeout=60s").await;
    let mut sockets = Vec::new();
    for _ in 0..200 {
        sockets.push(http_1(&server, &url).await);
    }
    let tiny = streams(&server, &url, 150).await;
    let mut large = Http2::connect(server.address()).await;
    let mut unread = Vec::new();
    for _ in 0..50 {
        let get = request(Method::GET, &url).body(()).unwrap();
        unread.push(large.begin(get, Ends::Here).await.answer().await);
    }
    assert_eq!(open_files(&server), 400);
    let peak = server.peak_rss();
    assert!(peak < 100 << 20, "{peak} bytes");
    drop((tiny, unread));
}

#[tokio::test]
async fn downloads_leave_two_thirds_of_all_files_to_others() {
    // A third of 154 less the reserve of 64 is 30.
    let few = ["sh", "-c", "ulimit -n 154; exec \"$@\"", "sh"];
    let (server, url) = with_upload(Server::start_under(&few, &[]).await).await;
    let mut client = Http2::connect(server.address()).await;
    let mut unread = Vec::new();
    let mut get = async || {
        let get = request(Method::GET, &url).body(()).unwrap();
        client.begin(get, Ends::Here).await.answer().await
    };
    for _ in 0..30 {
        let answer = get().await;
        assert_eq!(answer.status(), 200);
        unread.push(answer);
    }
    let refused = get().await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "5");
    // The check for old uploads at the start may still have the directory open.
    let settled = async {
        while open_files(&server) > 30 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    patient(settled).await;
    Tus::new(server.url(), Version::Http1).create(1).await;
}
