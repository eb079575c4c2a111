//! Logs each request, what it did, and its response.
//!
//! Everything goes through [`tracing`], so the program chooses the destination
//! and the format. Each request has a span, `request`, with its `method`, its
//! `path` and its `requestId` (the first 36 characters of `X-Request-ID`, or of
//! the [`Context`](crate::context::Context::request_id) if the client sent
//! none), and with `remoteAddr` if the [`Peer`](crate::protocol::Peer) has an
//! address. Events that other layers, stores and gates log inside it belong to
//! that span. Names and levels are those of tusd, except that nothing a client
//! can cause is a warning:
//!
//! | event | level | fields | |
//! |---|---|---|---|
//! | `RequestIncoming` | info | | |
//! | `UploadCreated` | info | `id`, `size`, `url` | logged as soon as the upload exists |
//! | `UploadFinished` | info | `id`, `size` | |
//! | `UploadTerminated` | info | `id` | |
//! | `UploadExpired` | info | `id` | removed because it had expired |
//! | `UploadInterrupted` | info | `id` | another request wanted the upload |
//! | `NetworkTimeoutError` | info | `id`, `error` | the client sent nothing for too long |
//! | `ResponseOutgoing` | info | `id`, `status`, `body` | `body` is the text of an error |
//!
//! Requests that the server itself makes (see [`uploads`](crate::uploads)) have no
//! span, and only what they do to uploads is logged.
//!
//! The layer also enables logging in the core, which is off without it:
//! `ChunkWriteStart` (`id`, `maxSize`, `offset`), `ChunkWriteComplete` (`id`,
//! `bytesWritten`) and `BodyReadError` (`id`, `error`) at info, and failures of
//! gates that do not decide at warn. [Render](crate::render) logs the sources of
//! errors, which clients do not see, even without this layer.
//!
//! Place the layer next to Metrics: outside all others except Detach and layers
//! that change the method.
//!
//! | response extension | if missing |
//! |---|---|
//! | [`Error`](crate::protocol::Error) | `body` is empty |
//! | [`Outcome`](crate::protocol::Outcome) | the events of uploads are not logged |
//!
//! # Example
//!
//! ```
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::log::LogLayer;
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(LogLayer::new())
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::post("/").header("Upload-Length", "5").body(Body::default())?;
//! // Logs RequestIncoming, UploadCreated and ResponseOutgoing.
//! service.oneshot(request).await?;
//! # Ok(())
//! # }
//! ```

mod creations;
mod future;
mod layer;
mod service;

pub use self::future::ResponseFuture;
pub use self::layer::LogLayer;
pub use self::service::Log;

#[cfg(test)]
mod tests;
