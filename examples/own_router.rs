//! Uses axum's router instead of the Route layer: each user has a collection.
//!
//! `nest_service` does the same with less code; see the docs of `tower_tus::mount`.
//!
//! ```text
//! cargo run --example own_router
//! curl -i -X POST -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 5' \
//!     http://127.0.0.1:3000/users/alice/uploads
//! ```

use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::routing::any;
use http::{Response, StatusCode};
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt};
use tower_tus::layers::context::{Context, Scope};
use tower_tus::layers::creation_with_upload::CreationWithUploadLayer;
use tower_tus::layers::detach::DetachLayer;
use tower_tus::layers::discovery::DiscoveryLayer;
use tower_tus::layers::interrupt::InterruptLayer;
use tower_tus::layers::lock::LockLayer;
use tower_tus::layers::lock::MemoryLocker;
use tower_tus::layers::protocol::{BaseUrl, Body, Target};
use tower_tus::layers::render::RenderLayer;
use tower_tus::layers::service::Core;
use tower_tus::layers::version::VersionLayer;
use tower_tus::store::FileStore;

/// All layers except Route.
type Uploads = BoxCloneSyncService<Request, Response<Body>, Infallible>;

fn uploads() -> Uploads {
    let uploads = ServiceBuilder::new()
        .map_request(|request: Request| request.map(Body::new))
        .layer(DetachLayer::new())
        .layer(RenderLayer::new())
        .layer(VersionLayer::new())
        .layer(DiscoveryLayer::new())
        .layer(InterruptLayer::new())
        .layer(CreationWithUploadLayer::new())
        .layer(LockLayer::new(Arc::new(MemoryLocker::default())))
        .service(Core::new(FileStore::new("data")));
    Uploads::new(uploads)
}

fn app() -> Router {
    Router::new()
        .route("/users/{user}/uploads", any(collection))
        .route("/users/{user}/uploads/{id}", any(upload))
        .with_state(uploads())
}

/// Does the work of Route for the collection.
async fn collection(
    State(uploads): State<Uploads>,
    Path(user): Path<String>,
    mut request: Request,
) -> Result<Response<Body>, StatusCode> {
    let base_url = BaseUrl::new(request.uri().path());
    let context = Context::of_mut(request.extensions_mut());
    context.set_target(Target::Collection);
    context.set_base_url(base_url);
    // The store knows the upload as `{user}/{id}`; its URL is this URL and the id.
    context.set_scope(scope(&user)?);
    let Ok(response) = uploads.oneshot(request).await;
    Ok(response)
}

/// Does the work of Route for an upload.
async fn upload(
    State(uploads): State<Uploads>,
    Path((user, id)): Path<(String, String)>,
    mut request: Request,
) -> Result<Response<Body>, StatusCode> {
    let scope = scope(&user)?;
    // An id cannot lead out of its directory: `alice/../bob` is invalid.
    let id = format!("{user}/{id}").parse();
    let target = Target::Upload(id.map_err(|_| StatusCode::NOT_FOUND)?);
    let context = Context::of_mut(request.extensions_mut());
    context.set_target(target);
    context.set_scope(scope);
    let Ok(response) = uploads.oneshot(request).await;
    Ok(response)
}

/// Returns the scope of a user's uploads.
fn scope(user: &str) -> Result<Scope, StatusCode> {
    Scope::new(user).map_err(|_| StatusCode::NOT_FOUND)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:3000");
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/users/", listener.local_addr()?);
    axum::serve(listener, app()).await?;
    Ok(())
}
