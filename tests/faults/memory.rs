//! Memory of bodies, which is used again.

use std::fs;

use bytes::Bytes;
use h2::client::Builder;

use crate::harness::Server;
use crate::post::Post;

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
    let mut post = Post::begin(&server, &Builder::new(), LENGTH).await;
    let before = page_faults(&server);
    let piece = Bytes::from(vec![7; 16 << 10]);
    while post.left > 0 {
        let room = post.room(piece.len()).await;
        post.send(piece.slice(..room));
    }
    post.end().await;
    let faults = page_faults(&server) - before;
    let pages = LENGTH as u64 / 4096;
    assert!(faults < pages / 4, "{faults} page faults for {pages} pages");
}
