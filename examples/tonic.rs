//! Serves resumable uploads and a gRPC service on one port.
//!
//! ```text
//! cargo run --example tonic
//! ```

use std::error::Error;

use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tower_tus::{FileStore, TusLayer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:3000");
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/files/", listener.local_addr()?);

    let (health, service) = tonic_health::server::health_reporter();
    health
        .set_service_status("uploads", ServingStatus::Serving)
        .await;

    Server::builder()
        // gRPC uses HTTP/2 only, but most tus clients use HTTP/1.1.
        .accept_http1(true)
        .layer(TusLayer::new(FileStore::new("data")))
        .add_service(service)
        .serve_with_incoming(TcpIncoming::from(listener))
        .await?;
    Ok(())
}
