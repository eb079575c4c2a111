//! Replaces the Route layer with axum's router: each user has a separate upload URL.
//!
//! ```text
//! cargo run --example own_router
//! curl -i -X POST -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 5' \
//!     http://127.0.0.1:3000/users/alice/uploads
//! ```

use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::routing::any;
use http::request::Parts;
use http::{Response, StatusCode};
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt};
use tower_tus::layers::context::Context;
use tower_tus::layers::creation_with_upload::CreationWithUploadLayer;
use tower_tus::layers::detach::DetachLayer;
use tower_tus::layers::discovery::DiscoveryLayer;
use tower_tus::layers::gate::Gate;
use tower_tus::layers::interrupt::InterruptLayer;
use tower_tus::layers::lock::LockLayer;
use tower_tus::layers::lock::MemoryLocker;
use tower_tus::layers::protocol::{BaseUrl, Body, Error, NewUpload, Target, UploadId};
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

/// Does the work of Route for the collection, and adds a gate that chooses the id.
async fn collection(
    State(uploads): State<Uploads>,
    Path(user): Path<String>,
    mut request: Request,
) -> Result<Response<Body>, StatusCode> {
    let user = user_id(&user)?;
    // The store knows the upload as `{user}/{id}`; its URL is this URL followed by
    // `{id}`.
    let base_url = BaseUrl::new(request.uri().path()).within(user.as_str());
    let context = Context::of_mut(request.extensions_mut());
    context.set_target(Target::Collection);
    context.set_base_url(base_url);
    context.add_gate(Arc::new(Below(user)));
    let Ok(response) = uploads.oneshot(request).await;
    Ok(response)
}

/// Does the work of Route for an upload.
async fn upload(
    State(uploads): State<Uploads>,
    Path((user, id)): Path<(String, String)>,
    mut request: Request,
) -> Result<Response<Body>, StatusCode> {
    let id = format!("{}/{id}", user_id(&user)?);
    // An id cannot lead out of its directory: `alice/../bob` is invalid.
    let id = id.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    Context::of_mut(request.extensions_mut()).set_target(Target::Upload(id));
    let Ok(response) = uploads.oneshot(request).await;
    Ok(response)
}

/// Parses a user name as one segment of an id, so that no user's ids are below
/// another's.
fn user_id(user: &str) -> Result<UploadId, StatusCode> {
    match user.parse() {
        Ok(user_id) if !user.contains('/') => Ok(user_id),
        _ => Err(StatusCode::NOT_FOUND),
    }
}

/// Prefixes the id of a new upload with the user.
#[derive(Debug)]
struct Below(UploadId);

#[async_trait]
impl Gate for Below {
    async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        let id = format!("{}/{}", self.0, upload.id);
        upload.id = id.parse().map_err(Error::internal)?;
        Ok(())
    }
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
