//! Uploads that are made of other uploads: `concatenation`.
//!
//! A client that uploads the parts of a file side by side creates each with
//! `Upload-Concat: partial`, and at last an upload of them all, in the order of
//! its list: `Upload-Concat: final;/files/a /files/b`. The partials stay.
//!
//! | a final | is answered |
//! |---|---|
//! | of an upload that is unknown, or a URL that leads to none | `404 ERR_UPLOAD_NOT_FOUND` |
//! | of one that is no partial | `400 ERR_INVALID_CONCAT` |
//! | of one that is unfinished | `400 ERR_UPLOAD_NOT_FINISHED`, unless [`unfinished`](ConcatenationLayer::unfinished) ones are taken |
//! | that names more parts than [`max_parts`](ConcatenationLayer::max_parts), repeats included | `400 ERR_TOO_MANY_PARTS` |
//! | with a length of its own | `400 ERR_INVALID_UPLOAD_LENGTH` |
//! | of more bytes than an upload may have | `413 ERR_MAX_SIZE_EXCEEDED` |
//!
//! URLs may be absolute or relative to the collection. Where a proxy has stripped
//! a prefix that the client's URLs have, a suffix of their path that is a partial
//! upload counts; URLs of other hosts count behind a proxy only. See
//! [`BaseUrl::candidates`](crate::protocol::BaseUrl::candidates). Each part is shown to
//! the gates with [`Action::Concatenate`](crate::protocol::Action::Concatenate)
//! and locked while the final is made. A final has no metadata but that of its
//! own creation (CAT-07).
//!
//! A list of 1,000 URLs has to fit into the header that the host accepts. hyper's
//! limit is 400 KiB over HTTP/1.1, but 16 KiB over HTTP/2: raise it with
//! `max_header_list_size`.
//!
//! The copy of a final ends, and leaves nothing, when somebody waits for one of
//! its parts (`423 ERR_LOCK_TIMEOUT`, so that the client retries), when the client
//! has gone and when the server shuts down. A copy of less than 16 MiB is too short
//! to end.
//!
//! A final of unfinished parts is *pending*: it has no bytes and no offset
//! (CAT-12) until the request that finishes the last part completes it, or
//! whoever asks for it later. If its copy is cut short, it stays pending. Ending a part ends the finals that are pending
//! for it.
//!
//! HEAD, and PATCH, which is refused (CAT-10), are the core's: without this
//! layer the uploads that exist go on, and creations with `Upload-Concat` are
//! refused.
//!
//! Of the request's [`Context`](crate::context::Context) it reads the base URL, the
//! maximum size, the gates, the interrupt and the disconnect. Where the responses of
//! the service inside have no [`Outcome`](crate::protocol::Outcome), no pending final
//! is completed.
//!
//! It belongs just outside the core, inside the
//! [lock](crate::lock), and needs the store and the locker that these have.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::concatenation::ConcatenationLayer;
//! use tower_tus_layers::lock::MemoryLocker;
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let core = Core::new(MemoryStore::default());
//! let locker = Arc::new(MemoryLocker::default());
//! let service = ServiceBuilder::new()
//!     .layer(ConcatenationLayer::new(Arc::clone(core.store()), locker))
//!     .service(core);
//!
//! let mut parts = Vec::new();
//! for _ in 0..2 {
//!     let partial = Request::post("/").header("Upload-Concat", "partial");
//!     let partial = partial.header("Upload-Length", "0").body(Body::default())?;
//!     let response = service.clone().oneshot(partial).await?;
//!     parts.push(response.headers()["Location"].to_str()?.to_owned());
//! }
//! let list = format!("final;{} {}", parts[1], parts[0]);
//! let request = Request::post("/").header("Upload-Concat", &list).body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::CREATED);
//! assert_eq!(response.headers()["Upload-Concat"], list);
//! # Ok(())
//! # }
//! ```

mod asked;
mod create;
mod ending;
mod inside;
mod layer;
mod named;
mod partials;
mod service;
mod settings;

pub use self::layer::ConcatenationLayer;
pub use self::service::Concatenation;
pub use crate::future::ResponseFuture;

#[cfg(test)]
mod tests;
