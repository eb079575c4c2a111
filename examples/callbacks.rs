//! Uses closures as hooks, which decide before changes to an upload and react after
//! them.
//!
//! ```text
//! cargo run --example callbacks
//! curl -i -X POST -H 'X-User: alice' -H 'Upload-Metadata: filename YS50eHQ=' \
//!     -H 'Content-Type: application/offset+octet-stream' --data-binary 'hello' \
//!     -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 5' http://127.0.0.1:3000/files/
//! ```

use std::error::Error;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use tower_tus::{BoxError, Callbacks, Event, FileStore, Reply, ResponseOverride, Stack};

/// The user, passed as an extension from an outer layer to the closures.
#[derive(Clone)]
struct User(HeaderValue);

/// Requires a user and a file name, and keeps uploads below the user's name.
async fn admit(event: Event) -> Result<Reply, BoxError> {
    let Some(User(user)) = event.extension() else {
        let no = ResponseOverride::default()
            .with_status(StatusCode::UNAUTHORIZED)
            .with_body("X-User is missing\n");
        return Ok(Reply::reject().with_response(no));
    };
    if event.upload.metadata.filename().is_none() {
        return Ok(Reply::reject());
    }
    let id = format!("{}/{}", user.to_str()?, event.upload.id).parse()?;
    Ok(Reply::accept().with_id(id))
}

/// Checks what was uploaded before the response, and adds what it found as JSON.
async fn inspect(event: Event) -> Result<Reply, BoxError> {
    let bytes = tokio::fs::read(event.upload.path().ok_or("not a file")?).await?;
    // On an error, the next HEAD or PATCH calls this again. The error is logged.
    let text = String::from_utf8(bytes)?;
    let json = format!("{{\"lines\":{}}}", text.lines().count());
    let json = ResponseOverride::default()
        .with_header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .with_body(json);
    Ok(Reply::accept().with_response(json))
}

fn app() -> Router {
    let hooks = Callbacks::new()
        .pre_create(admit)
        .pre_finish(inspect)
        .post_finish(|event| async move { println!("{} is there", event.upload.id) });
    let uploads = Stack::new(FileStore::new("data")).hooks(hooks).into_layer();
    // The layer that is added last handles a request first.
    Router::new().layer(uploads).layer(from_fn(identify))
}

/// Trusts the `X-User` header of every client. Never do this outside an example.
async fn identify(mut request: Request, next: Next) -> axum::response::Response {
    if let Some(user) = request.headers().get("x-user").cloned() {
        request.extensions_mut().insert(User(user));
    }
    next.run(request).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:3000");
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/files/", listener.local_addr()?);
    axum::serve(listener, app()).await?;
    Ok(())
}
