//! Log lines: what a request is, what it did, and how it was answered.
//!
//! Everything goes through [`tracing`], so the program decides where it ends up
//! and in which form. Each request has a span, `request`, with its `method`, its
//! `path` and its `requestId` (the first 36 characters of `X-Request-ID`, or of
//! the [`Context`](crate::context::Context::request_id) if the client sent none), and with
//! `remoteAddr` where the [`Peer`](crate::protocol::Peer) has an address: what is
//! logged inside, by other layers, stores and gates too, belongs to it. Names
//! are tusd's, and levels but for what any client can cause, which is no warning:
//!
//! | event | level | fields | |
//! |---|---|---|---|
//! | `RequestIncoming` | info | | |
//! | `UploadCreated` | info | `id`, `size`, `url` | as soon as it is there |
//! | `UploadFinished` | info | `id`, `size` | |
//! | `UploadTerminated` | info | `id` | |
//! | `UploadInterrupted` | info | `id` | another request wanted the upload |
//! | `NetworkTimeoutError` | info | `id`, `error` | the client did not send for too long |
//! | `ResponseOutgoing` | info | `id`, `status`, `body` | `body` is the text of an error |
//!
//! The layer also turns on the log of the core, which by itself logs nothing:
//! `ChunkWriteStart` (`id`, `maxSize`, `offset`), `ChunkWriteComplete` (`id`,
//! `bytesWritten`) and `BodyReadError` (`id`, `error`) at info, and a gate that fails
//! without deciding at warn. [Render](crate::render) logs the sources of errors, which
//! clients do not see, also where this layer is absent.
//!
//! The layer belongs where Metrics is: outside all others but Detach and
//! whatever changes the method.
//!
//! | response extension | without it |
//! |---|---|
//! | [`Error`](crate::protocol::Error) | `body` is empty |
//! | [`Outcome`](crate::protocol::Outcome) | the events of uploads are missing |
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
//! // A subscriber is told RequestIncoming, UploadCreated and ResponseOutgoing.
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
