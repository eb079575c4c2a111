//! How many bytes a client may send before the server reads them.

use bytes::Bytes;
use h2::client::Builder;

use crate::harness::Server;
use crate::post::Post;

const LENGTH: usize = 16 << 20;

/// Half of the largest window: a window is renewed when half of it is used.
const LARGE: usize = 2 << 20;

#[tokio::test]
async fn a_body_that_is_read_gets_a_large_window() {
    let server = Server::start(&[]).await;
    // Makes the capacity of a stream depend on the server's windows only.
    let mut client = Builder::new();
    client.max_send_buffer_size(64 << 20);
    let mut post = Post::begin(&server, &client, LENGTH).await;
    let mut rooms = Vec::new();
    while post.left > 0 {
        let room = post.room(LENGTH).await;
        rooms.push(room);
        // The second half waits for a window that is large enough.
        if post.left <= LENGTH / 2 && room < LARGE.min(post.left) {
            continue;
        }
        post.send(Bytes::from(vec![0; room]));
    }
    assert!(rooms[0] <= 128 << 10, "{} before it is read", rooms[0]);
    assert!(rooms.iter().any(|&room| room >= LARGE), "{rooms:?}");
    post.end().await;
}
