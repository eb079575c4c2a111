//! Uploads behind a bearer token: each user sees their own.
//!
//! ```text
//! cargo run --example auth
//! curl -i -X POST -H 'Authorization: Bearer alices-token' \
//!     -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 5' http://127.0.0.1:3000/files/
//! ```

use std::error::Error as StdError;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use tower_tus::{Action, Error, FileStore, Gate, NewUpload, Stack, Upload, async_trait};

/// Who sends the request: an extension, from the layer in front to the gate.
#[derive(Clone, Copy)]
struct User(&'static str);

fn user(headers: &HeaderMap) -> Option<User> {
    match headers.get(AUTHORIZATION)?.as_bytes() {
        b"Bearer alices-token" => Some(User("alice")),
        b"Bearer bobs-token" => Some(User("bob")),
        _ => None,
    }
}

/// Lets nobody pass whom it does not know.
async fn authenticate(mut request: Request, next: Next) -> Response {
    if let Some(user) = user(request.headers()) {
        request.extensions_mut().insert(user);
    } else if request.method() != Method::OPTIONS {
        // What the server can do is no secret; browsers ask for it without a token.
        let headers = [
            (WWW_AUTHENTICATE.as_str(), "Bearer"),
            ("Tus-Resumable", "1.0.0"),
        ];
        return (StatusCode::UNAUTHORIZED, headers).into_response();
    }
    next.run(request).await
}

/// Keeps the uploads of each user below the user's name.
#[derive(Debug)]
struct Own;

impl Own {
    fn user(request: &Parts) -> Result<User, Error> {
        let user = request.extensions.get().copied();
        user.ok_or_else(|| Error::internal("no layer in front has found a user"))
    }
}

#[async_trait]
impl Gate for Own {
    async fn creating(&self, request: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        let User(name) = Self::user(request)?;
        let id = format!("{name}/{}", upload.id);
        upload.id = id.parse().map_err(Error::internal)?;
        Ok(())
    }

    async fn opened(&self, request: &Parts, upload: &Upload, _: Action) -> Result<(), Error> {
        let User(name) = Self::user(request)?;
        match upload.id.as_str().split_once('/') {
            Some((owner, _)) if owner == name => Ok(()),
            // Not even that it exists.
            _ => Err(Error::NotFound),
        }
    }
}

fn app() -> Router {
    let uploads = Stack::new(FileStore::new("data"))
        .add_gate(Own)
        .into_layer();
    // The last layer is the first that sees a request.
    Router::new().layer(uploads).layer(from_fn(authenticate))
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
