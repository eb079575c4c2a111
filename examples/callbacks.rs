//! Hooks that are closures: asked before something happens to an upload, and
//! told after.
//!
//! ```text
//! cargo run --example callbacks
//! curl -i -X POST -H 'X-User: alice' -H 'Upload-Metadata: filename YS50eHQ=' \
//!     -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 5' http://127.0.0.1:3000/files/
//! ```

use std::error::Error;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use http::{HeaderValue, StatusCode};
use tower_tus::Stack;
use tower_tus::layers::hooks::{Callbacks, Event, Reply};
use tower_tus::layers::protocol::{BoxError, ResponseOverride};
use tower_tus::store::FileStore;

/// Who uploads: an extension, from a layer in front to the closures.
#[derive(Clone)]
struct User(HeaderValue);

/// Uploads need a user and a file name, and live below the user's name.
async fn admit(event: Event) -> Result<Reply, BoxError> {
    let Some(User(user)) = event.request.extensions.get() else {
        let no = ResponseOverride::default()
            .with_status(StatusCode::UNAUTHORIZED)
            .with_body("who are you?\n");
        return Ok(Reply::reject().with_response(no));
    };
    if event.upload.metadata.get("filename").is_none() {
        return Ok(Reply::reject());
    }
    let mut reply = Reply::accept();
    reply.id = Some(format!("{}/{}", user.to_str()?, event.upload.id).parse()?);
    Ok(reply)
}

/// Looks at what was uploaded before the client is told that all is well.
async fn inspect(event: Event) -> Result<Reply, BoxError> {
    let place = event
        .upload
        .storage
        .as_ref()
        .and_then(|storage| storage.get("Path"));
    let bytes = tokio::fs::read(place.ok_or("it is not a file")?).await?;
    // It is asked again by the next HEAD or PATCH; the error is for the log.
    let text = String::from_utf8(bytes)?;
    let lines =
        ResponseOverride::default().with_header("x-lines".parse()?, text.lines().count().into());
    Ok(Reply::accept().with_response(lines))
}

fn app() -> Router {
    let hooks = Callbacks::new()
        .pre_create(admit)
        .pre_finish(inspect)
        .post_finish(|event| async move {
            println!("{} is there", event.upload.id);
            Ok(Reply::accept())
        });
    let uploads = Stack::new(FileStore::new("data")).hooks(hooks).into_layer();
    // The last layer is the first that sees a request.
    Router::new().layer(uploads).layer(from_fn(identify))
}

/// Believes everybody, which is for examples only.
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
