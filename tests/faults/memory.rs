//! Memory of bodies, which is used again.

use std::fs;
use std::future::poll_fn;

use bytes::Bytes;
use h2::client::handshake;
use http::{Method, StatusCode};

use crate::harness::tus::request;
use crate::harness::{Server, patient};

const LENGTH: usize = 192 << 20;

/// Each costs as much as copying several pages.
fn page_faults(server: &Server) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid().as_raw_pid())).unwrap();
    // Behind the name, which may contain anything: minflt, the tenth field of all.
    let fields = stat.rsplit_once(") ").unwrap().1;
    fields.split(' ').nth(7).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_body_over_http_2_takes_no_new_memory_from_the_kernel_for_each_of_its_pieces() {
    let server = Server::start(&[]).await;
    let (mut client, connection) = patient(handshake(server.connect().await)).await.unwrap();
    tokio::spawn(connection);
    let post = request(Method::POST, server.url())
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Length", LENGTH)
        .body(());
    let (answer, mut body) = client.send_request(post.unwrap(), false).unwrap();
    let before = page_faults(&server);
    let piece = Bytes::from(vec![7; 16 << 10]);
    let mut left = LENGTH;
    while left > 0 {
        body.reserve_capacity(piece.len());
        let room = patient(poll_fn(|cx| body.poll_capacity(cx))).await;
        let room = room.unwrap().unwrap().min(piece.len()).min(left);
        left -= room;
        body.send_data(piece.slice(..room), left == 0).unwrap();
    }
    let answer = patient(answer).await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let faults = page_faults(&server) - before;
    let pages = LENGTH as u64 / 4096;
    assert!(faults < pages / 4, "{faults} page faults for {pages} pages");
}
