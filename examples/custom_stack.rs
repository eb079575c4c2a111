//! Builds a stack by hand, without one of the layers and with errors in JSON.
//!
//! ```text
//! cargo run --example custom_stack
//! ```

use std::error::Error as StdError;
use std::sync::Arc;

use axum::Router;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use tower::ServiceBuilder;
use tower_tus::layers::detach::DetachLayer;
use tower_tus::layers::discovery::DiscoveryLayer;
use tower_tus::layers::interrupt::InterruptLayer;
use tower_tus::layers::lock::LockLayer;
use tower_tus::layers::route::RouteLayer;
use tower_tus::layers::service::Core;
use tower_tus::layers::version::VersionLayer;
use tower_tus::{Body, Error, FileStore, MemoryLocker, RenderLayer, TusLayer};

fn app() -> Router {
    let core = Core::new(FileStore::new("data"));
    let stack = ServiceBuilder::new()
        .layer(DetachLayer::new())
        // `RenderLayer::new()`, which `Stack` uses, would write plain text.
        .layer(RenderLayer::with(write_json))
        .layer(VersionLayer::new())
        .layer(RouteLayer::new("/files/", core.upload_methods()))
        .layer(DiscoveryLayer::new())
        .layer(InterruptLayer::new())
        // CreationWithUploadLayer would go here. Without it, a POST cannot contain the
        // first bytes, and OPTIONS does not list `creation-with-upload`.
        .layer(LockLayer::new(Arc::new(MemoryLocker::default())))
        .service(core);
    // TusLayer converts the host's bodies, and detects truncated ones.
    Router::new().layer(TusLayer::over("/files/", stack))
}

/// Writes an error as JSON.
fn write_json(error: &Error, response: &mut Response<Body>) {
    let text = format!(r#"{{"code":"{}","message":"{error}"}}"#, error.code());
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    *response.body_mut() = text.into();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:3000");
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/files/", listener.local_addr()?);
    axum::serve(listener, app()).await?;
    Ok(())
}
