//! A proxy that cuts one connection in the middle.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Passes on what comes, whatever it is, until the test ends. Only the first
/// connection that brings so many bytes is cut then.
pub(crate) async fn cutting_proxy(server: SocketAddr, after: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let cut = Arc::new(AtomicBool::new(false));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let cut = Arc::clone(&cut);
            tokio::spawn(async move { pass(client, server, after, &cut).await });
        }
    });
    address
}

/// A connection ends with the first of its directions that does.
async fn pass(client: TcpStream, server: SocketAddr, after: usize, cut: &AtomicBool) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_server, to_server) = server.into_split();
    let (from_client, mut to_client) = client.into_split();
    tokio::select! {
        _ = copy(&mut from_server, &mut to_client) => {}
        () = pass_until_cut(from_client, to_server, after, cut) => {}
    }
}

async fn pass_until_cut(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut left: usize,
    cut: &AtomicBool,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        left = left.saturating_sub(read);
        if left == 0 && !cut.swap(true, Ordering::Relaxed) {
            return;
        }
    }
}
