//! Runs every request to its end, whether or not the client waits for it.
//!
//! A host drops the future of a request whose client has gone. Detach has the
//! request run in a task of its own, so that what arrived is stored and counted,
//! the lock is released, and a gate that decides is heard. It never aborts: a
//! body whose client has gone errs by itself, at once.
//!
//! When a request was answered early, with its body unread, the answer goes out
//! first and the rest of the body is read and thrown away for a while after it.
//! Else a client that is still sending would have its connection reset, and
//! never see why. That ends after 5 seconds without a byte, 30 seconds or
//! 256 MiB in all, and 2 seconds once the server shuts down. A client that
//! waits for `100 Continue` sends nothing, and so is not read from; one that was
//! too slow ([`Error::ReadTimeout`](crate::protocol::Error)) is cut (CORE-30).
//!
//! Layers inside learn from the request extension
//! [`Departure`](crate::protocol::Departure) that the client has gone, for work
//! that is worth nothing then.
//!
//! A panic inside becomes a `500` with `Tus-Resumable`.
//!
//! It is the outermost layer but for [Cors](crate::cors), and has to run inside tokio.
//!
//! # Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::detach::DetachLayer;
//! use tower_tus_layers::protocol::{Body, Shutdown};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let shutdown = Shutdown::default();
//! let service = ServiceBuilder::new()
//!     .layer(DetachLayer::new().shutdown(shutdown.clone()))
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::post("/").header("Upload-Length", "5").body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::CREATED);
//! shutdown.drained().await;
//! # Ok(())
//! # }
//! ```

mod body;
mod future;
mod layer;
mod linger;
mod service;

pub use self::body::RequestBody;
pub use self::future::ResponseFuture;
pub use self::layer::DetachLayer;
pub use self::service::Detach;

#[cfg(test)]
mod tests;
