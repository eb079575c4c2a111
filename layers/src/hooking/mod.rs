//! Asks [`Hooks`](crate::hook::Hooks) before something happens to an upload,
//! and tells them after.
//!
//! What is told of one upload is told in its order, one event at a time, and
//! the client does not wait for it. While a hook is slower than the bytes,
//! only the latest `post-receive` waits for it. Events that wait take 32 MiB at
//! most; an event beyond that is dropped, and the log has a line with the number of
//! dropped events every few seconds.
//!
//! A client that goes while it waits for `pre-create` ends the question: the
//! future of the hook is dropped, and no upload is made. `pre-finish` and
//! `pre-terminate` are answered whether or not the client waits.
//!
//! A hook that stops an upload ends the request that brings its bytes
//! ([`Error::Stopped`]), and the upload is removed. A stop that arrives after
//! the request has been answered removes the upload as well, unless it is
//! finished by then. The way a response is to be
//! amended stands in its extensions, as an
//! [`Amendment`](crate::protocol::Amendment), for Version to carry out.
//!
//! The layer belongs under the lock, and around the core: a creation that
//! brings bytes along is two steps here.
//!
//! | request extension | without it |
//! |---|---|
//! | [`Interrupt`](crate::protocol::Interrupt) | an upload that is stopped is removed when the request has ended by itself |
//! | [`Departure`](crate::protocol::Departure) | a client that has gone is asked about to the end, and its upload is made |
//! | [`Sent`](crate::protocol::Sent) | the request is told as it is |
//!
//! # Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::hook::{Callbacks, Reply};
//! use tower_tus_layers::hooking::HooksLayer;
//! use tower_tus_layers::protocol::{Body, UploadId};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Uploads of a user are kept below the user's name, which a layer in front knows.
//! let hooks = Callbacks::new().pre_create(|event| async move {
//!     let Some(user) = event.request.extensions.get::<&str>() else {
//!         return Ok(Reply::reject());
//!     };
//!     let mut reply = Reply::accept();
//!     reply.id = Some(format!("{user}/{}", event.upload.id).parse()?);
//!     Ok(reply)
//! });
//! let service = ServiceBuilder::new()
//!     .layer(HooksLayer::new(hooks))
//!     .service(Core::new(MemoryStore::default()));
//!
//! let create = |request: http::request::Builder| {
//!     request.uri("/").method("POST").header("Upload-Length", "5").body(Body::default())
//! };
//! let response = service.clone().oneshot(create(Request::builder().extension("alice"))?).await?;
//! let location = response.headers()["Location"].to_str()?;
//! assert!(location.starts_with("/alice/"));
//!
//! let response = service.oneshot(create(Request::builder())?).await?;
//! assert_eq!(response.status(), StatusCode::BAD_REQUEST);
//! # Ok(())
//! # }
//! ```

mod backlog;
mod body;
mod late;
mod layer;
mod service;
mod session;
mod stop;
mod tally;
mod teller;
#[cfg(test)]
mod tests;

#[cfg(doc)]
use crate::protocol::Error;

pub use self::body::RequestBody;
pub use self::layer::HooksLayer;
pub use self::service::Hooked;
pub use crate::answer::ResponseFuture;
