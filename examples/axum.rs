//! Adds resumable uploads to an axum application in two ways: as a layer, and as a
//! nested service.
//!
//! ```text
//! cargo run --example axum
//! ```

use std::error::Error;

use axum::Router;
use axum::routing::get;
use tower_tus::store::FileStore;
use tower_tus::{TusLayer, TusService};

fn app() -> Router {
    // A layer: it handles all paths below /files/, and the application all others.
    let files = TusLayer::new(FileStore::new("data/files"));

    // A service: axum strips the prefix, and `Location` begins with it.
    let photos = TusService::new(FileStore::new("data/photos"));

    Router::new()
        .route("/", get(|| async { "hello" }))
        .nest_service("/photos", photos)
        // Added last, so that it receives all requests without a route.
        .layer(files)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:3000");
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    axum::serve(listener, app()).await?;
    Ok(())
}
