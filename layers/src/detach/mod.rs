//! Runs every request to its end, whether or not the client waits for it.
//!
//! A host drops the future of a request when its client disconnects. Detach then lets
//! the request go on in a task of its own, so that the bytes received are stored and
//! counted, the lock is released, and the verdict of a deciding gate counts. It never
//! aborts a request: when the client disconnects, the body fails by itself, at once.
//! As long as the client waits, the host's own task runs the request.
//!
//! If a request is answered before its body was read, the response is sent first, and
//! then the rest of the body is read and discarded for a while. Otherwise a client
//! that is still sending would have its connection reset, and might never see the
//! response. Reading stops after a pause of 5 seconds, after 30 seconds or 256 MiB in
//! total, and 150 milliseconds after a shutdown begins. These limits, and those
//! below, are settings of [`DetachLayer`]. A client that waits for `100 Continue`
//! sends nothing, so nothing is read from it. A client that was too slow
//! ([`Error::ReadTimeout`](crate::protocol::Error::ReadTimeout)) is cut off.
//!
//! Over HTTP/1 such a response carries `Connection: close`, so that the client's next
//! request does not wait behind the rest of this body. A small rest (64 KiB) that
//! arrives within 20 milliseconds is read before the response instead, and the
//! connection stays open.
//!
//! Over HTTP/2 a success waits for the end of an unread body, until the client pauses
//! for a second or one of the limits above is reached: curl stops reading once it has
//! a success, and would then never finish sending its body. A refusal is sent at
//! once.
//!
//! Layers inside can observe the request's
//! [`Disconnect`](crate::protocol::Disconnect), to stop work that is useless once the
//! client has gone.
//!
//! A panic inside becomes a `500` with `Tus-Resumable`, and with `Retry-After` if
//! [set](DetachLayer::retry_after).
//!
//! Place this layer outermost, except for [Cors](crate::cors). It requires a tokio
//! runtime.
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
