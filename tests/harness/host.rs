//! A host within the test, for settings without a flag.

use std::net::SocketAddr;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower_tus::TusService;

/// Serves `service` on a free port until the test ends.
pub(crate) async fn host(service: TusService) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = TowerToHyperService::new(service);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let server = Builder::new(TokioExecutor::new());
                // Many tests break their connections on purpose.
                drop(server.serve_connection(TokioIo::new(socket), service).await);
            });
        }
    });
    address
}
