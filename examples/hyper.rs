//! Serves resumable uploads with hyper alone, over HTTP/1.1 and HTTP/2.
//!
//! ```text
//! cargo run --example hyper
//! ```

use std::error::Error;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tower_tus::{FileStore, TusService};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:3000");
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/files/", listener.local_addr()?);

    let uploads = TowerToHyperService::new(TusService::new(FileStore::new("data")));
    loop {
        let (socket, _) = listener.accept().await?;
        let uploads = uploads.clone();
        tokio::spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            let connection = server.serve_connection(TokioIo::new(socket), uploads);
            if let Err(error) = connection.await {
                eprintln!("connection ended: {error}");
            }
        });
    }
}
