//! The layers by hand: one of them left out, and one replaced by our own.
//!
//! ```text
//! cargo run --example custom_stack
//! ```

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response};
use tower::{Service, ServiceBuilder};
use tower_tus::layers::detach::DetachLayer;
use tower_tus::layers::discovery::DiscoveryLayer;
use tower_tus::layers::interrupt::InterruptLayer;
use tower_tus::layers::lock::LockLayer;
use tower_tus::layers::lock::MemoryLocker;
use tower_tus::layers::protocol::{Body, Error};
use tower_tus::layers::route::RouteLayer;
use tower_tus::layers::service::Core;
use tower_tus::store::FileStore;

fn app() -> Router {
    let core = Core::new(FileStore::new("data"));
    let uploads = ServiceBuilder::new()
        // The host's body becomes ours, which tells a body cut short from a whole one.
        .map_request(|request: Request<axum::body::Body>| request.map(Body::new))
        .layer(DetachLayer::new())
        // Ours, where the stack has VersionLayer.
        .layer_fn(Json)
        .layer(RouteLayer::new("/files/", core.upload_methods()))
        .layer(DiscoveryLayer::new())
        .layer(InterruptLayer::new())
        // CreationWithUploadLayer would stand here. Without it a POST brings no
        // bytes, and OPTIONS does not announce `creation-with-upload`.
        .layer(LockLayer::new(Arc::new(MemoryLocker::default())))
        .service(core);
    Router::new().nest_service("/files", uploads)
}

/// Checks and stamps the version, and writes errors as JSON.
#[derive(Clone)]
struct Json<S>(S);

impl<S, B> Service<Request<B>> for Json<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let method = request.method().clone();
        if speaks_tus(&request) {
            let answer = self.0.call(request);
            Box::pin(async move { Ok(in_json(&method, answer.await?)) })
        } else {
            // A refusal is a response that carries its error.
            let refusal = in_json(&method, Error::UnsupportedVersion.into_response());
            Box::pin(async { Ok(refusal) })
        }
    }
}

fn speaks_tus<B>(request: &Request<B>) -> bool {
    let version = request.headers().get("Tus-Resumable");
    request.method() == Method::OPTIONS || version.is_some_and(|version| version == "1.0.0")
}

fn in_json(method: &Method, mut response: Response<Body>) -> Response<Body> {
    let version = HeaderValue::from_static("1.0.0");
    response.headers_mut().insert("Tus-Resumable", version);
    match response.extensions().get::<Error>() {
        // Nothing may follow the head of an answer to HEAD.
        Some(error) if method != Method::HEAD => {
            let text = format!(r#"{{"code":"{}","message":"{error}"}}"#, error.code());
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            response.map(|_| Body::new(text))
        }
        _ => response,
    }
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
