//! Runs every request to its end, whether or not the client waits for it.
//!
//! A host drops the future of a request whose client has gone. Detach has the
//! request run in a task of its own, so that what arrived is stored and counted,
//! the lock is released, and a gate that decides is heard. It never aborts: a
//! body whose client has gone errs by itself, at once.
//!
//! When a request is answered early, with its body unread, the answer goes out
//! first, and then the rest of the body is read and discarded for a while.
//! Otherwise a client that is still sending would have its connection reset and
//! might never see the answer. Reading ends after a pause of 5 seconds, after 30
//! seconds or 256 MiB in all, and 150 milliseconds after a shutdown begins. All of
//! these limits, and those below, are settings of [`DetachLayer`].
//! A client that waits for `100 Continue` sends nothing, so nothing is read from
//! it, and one that was too slow ([`Error::ReadTimeout`](crate::protocol::Error))
//! is cut off (CORE-30).
//!
//! Over HTTP/1 such an answer has `Connection: close`, so that the client's next
//! request does not wait behind the rest of this body. A small rest (64 KiB) that
//! arrives within 20 milliseconds is read before the answer instead, and the
//! connection stays open.
//!
//! Over HTTP/2 a success waits for the end of an unread body, until the client
//! pauses for a second and within the limits above: curl stops reading once it has
//! a success, and would then never send its body to the end. A refusal is answered
//! at once.
//!
//! Layers inside learn from the request's
//! [`Disconnect`](crate::protocol::Disconnect) that the client has gone, for work
//! that is worth nothing then.
//!
//! A panic inside becomes a `500` with `Tus-Resumable`, and with `Retry-After` if
//! [that is set](DetachLayer::retry_after).
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
mod limits;
mod linger;
mod service;

pub use self::future::ResponseFuture;
pub use self::layer::DetachLayer;
pub use self::service::Detach;

#[cfg(test)]
mod tests;
