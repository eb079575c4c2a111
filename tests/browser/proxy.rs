//! A TCP proxy that cuts one connection, like a network failure.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// Forwards connections to a server until the test ends, and returns its
/// address.
///
/// Resets the first connection that has carried `limit` bytes to the server, on
/// both sides. All other connections stay open.
pub(crate) async fn cutting_proxy(server: SocketAddr, limit: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let has_cut = Arc::new(AtomicBool::new(false));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(forward(client, server, limit, has_cut.clone()));
        }
    });
    address
}

/// Forwards until either side closes, or until the connection is cut.
async fn forward(
    mut client: TcpStream,
    server: SocketAddr,
    limit: usize,
    has_cut: Arc<AtomicBool>,
) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut client_reader, mut client_writer) = client.split();
    let (mut server_reader, mut server_writer) = server.split();
    let upwards = async {
        let mut buffer = vec![0; 64 << 10];
        let mut carried = 0;
        loop {
            let length = client_reader.read(&mut buffer).await.unwrap_or(0);
            let sent = server_writer.write_all(&buffer[..length]).await;
            if length == 0 || sent.is_err() {
                return false;
            }
            carried += length;
            if carried >= limit && !has_cut.swap(true, Ordering::Relaxed) {
                return true;
            }
        }
    };
    let cut = tokio::select! {
        cut = upwards => cut,
        _ = copy(&mut server_reader, &mut client_writer) => false,
    };
    if cut {
        for socket in [&client, &server] {
            let socket = SockRef::from(socket);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
}
