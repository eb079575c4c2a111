//! Builds uploads out of other uploads: `concatenation`.
//!
//! A client that uploads the parts of a file in parallel creates each with
//! `Upload-Concat: partial`, and finally creates an upload that joins them in the
//! order of its list: `Upload-Concat: final;/files/a /files/b`. The partials are
//! kept.
//!
//! | creation of a final | response |
//! |---|---|
//! | that names an unknown upload, or a URL that leads to none | `404 ERR_UPLOAD_NOT_FOUND` |
//! | that names an upload that is no partial | `400 ERR_INVALID_CONCAT`, unless [`lenient`](ConcatenationLayer::lenient) is set |
//! | that names an unfinished upload | `400 ERR_UPLOAD_NOT_FINISHED`, unless [`unfinished`](ConcatenationLayer::unfinished) is set |
//! | with more parts than [`max_parts`](ConcatenationLayer::max_parts), repeats included | `400 ERR_TOO_MANY_PARTS` |
//! | with a length of its own | `400 ERR_INVALID_UPLOAD_LENGTH` |
//! | with more bytes than the maximum size | `413 ERR_MAX_SIZE_EXCEEDED` |
//!
//! URLs may be absolute or relative to the collection. If a proxy has stripped a
//! prefix from the client's URLs, a suffix of the path that names a partial upload
//! counts. URLs of other hosts are accepted only behind a proxy. See
//! [`BaseUrl::candidates`](crate::protocol::BaseUrl::candidates). The gates see each
//! part with [`Action::Concatenate`](crate::protocol::Action::Concatenate), and it is
//! locked while the final is created. A final has only the metadata of its own
//! creation.
//!
//! The host must accept a header large enough for the list. For 1,000 URLs hyper's
//! limit of 400 KiB over HTTP/1.1 suffices, but not its 16 KiB over HTTP/2: raise
//! that with `max_header_list_size`.
//!
//! The copy of a final stops, and leaves nothing behind, when another request waits
//! for one of its parts (`423 ERR_LOCK_TIMEOUT`, so that the client retries), when
//! the client disconnects, and when the server shuts down. A copy of less than 16 MiB
//! is too short to be interrupted.
//!
//! A final of unfinished parts is *pending*: it has no bytes and no offset until the
//! request that finishes the last part completes it, or a later HEAD or GET of the
//! final does. If its copy is interrupted, it stays pending. Terminating a part
//! terminates the finals that wait for it.
//!
//! The core answers HEAD of a final, and refuses PATCH. Without this layer existing
//! finals remain usable, and creations with `Upload-Concat` are refused.
//!
//! From the request's [`Context`](crate::context::Context) the layer reads the base
//! URL, the maximum size, the gates, the interrupt and the disconnect. If the
//! responses of the inner service have no [`Outcome`](crate::protocol::Outcome),
//! pending finals are not completed.
//!
//! Place this layer just outside the core and inside the [lock](crate::lock), with
//! the same store and locker as these.
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

mod concat_header;
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
