//! Uploads behind a bearer token: each user sees their own, and guests cannot upload.
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
use axum::response::Response;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tower_tus::{
    Action, Context, Error, FileStore, Gate, NewUpload, Rejection, Stack, Upload, async_trait,
};

/// The user who sent the request, passed as an extension from the outer layer to the
/// gate.
#[derive(Clone, Copy, PartialEq, Eq)]
struct User(&'static str);

const GUEST: User = User("guest");

fn user(headers: &HeaderMap) -> Option<User> {
    match headers.get(AUTHORIZATION)?.as_bytes() {
        b"Bearer alices-token" => Some(User("alice")),
        b"Bearer bobs-token" => Some(User("bob")),
        b"Bearer guests-token" => Some(GUEST),
        _ => None,
    }
}

/// Rejects a request without a known token with 401, before it reaches an upload.
async fn authenticate(mut request: Request, next: Next) -> Response {
    if let Some(user) = user(request.headers()) {
        request.extensions_mut().insert(user);
    } else if request.method() != Method::OPTIONS {
        // OPTIONS needs no token: browsers send it without one, and it reveals nothing.
        let unauthorized = Rejection::new(StatusCode::UNAUTHORIZED)
            .with_code("ERR_UNAUTHORIZED")
            .with_text("sign in first")
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Context::of_mut(request.extensions_mut()).reject(unauthorized.into());
    }
    next.run(request).await
}

/// Restricts each user to uploads whose ids start with the user's name.
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
        let user = Self::user(request)?;
        if user == GUEST {
            return Err(Rejection::new(StatusCode::FORBIDDEN)
                .with_code("ERR_READ_ONLY")
                .with_text("guests cannot upload")
                .into());
        }
        let id = format!("{}/{}", user.0, upload.id);
        upload.id = id.parse().map_err(Error::internal)?;
        Ok(())
    }

    async fn opened(&self, request: &Parts, upload: &Upload, _: Action) -> Result<(), Error> {
        let User(name) = Self::user(request)?;
        match upload.id.as_str().split_once('/') {
            Some((owner, _)) if owner == name => Ok(()),
            // The response does not even reveal that the upload exists.
            _ => Err(Error::NotFound),
        }
    }
}

fn app() -> Router {
    let uploads = Stack::new(FileStore::new("data"))
        .add_gate(Own)
        .into_layer();
    // The layer that is added last handles a request first.
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
