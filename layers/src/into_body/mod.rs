//! Fits foreign layers into a stack.
//!
//! Every layer of this crate takes a request with a
//! [`Body`](crate::protocol::Body) and returns a response with one. Foreign
//! layers use other body types: tower-http's `RequestBodyLimitLayer` passes a
//! `Limited<B>` to its inner service, and its `TraceLayer` responds with a body
//! type of its own. [`IntoBodyLayer`] erases both: the request body on the way
//! in, the response body on the way out.
//!
//! * Put it **inside** a layer that changes the request body.
//! * Put it **outside** a layer that changes the response body, and outermost
//!   in a stack that you build yourself.
//! * Use [`IntoBodyLayer::around`] for both at once, around one layer or a
//!   tuple of layers; it always fits.
//!
//! A `Body` passes through unchanged. Request bodies of other types are counted
//! here: a body that ends before its announced length ends with an error,
//! because HTTP/2 can cut a body short in a way that looks like a regular end.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, StatusCode};
//! use http_body_util::Full;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::into_body::IntoBodyLayer;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(IntoBodyLayer::new())
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::post("/").header("Upload-Length", "11").body(Full::<Bytes>::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::CREATED);
//! # Ok(())
//! # }
//! ```

mod future;
mod layer;
mod service;

pub use self::future::ResponseFuture;
pub use self::layer::{Around, IntoBodyLayer};
pub use self::service::IntoBody;
