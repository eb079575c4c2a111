//! Fits layers of others into a stack.
//!
//! Every layer of this crate takes a request with a
//! [`Body`](crate::protocol::Body) and gives a response with one. Layers of others
//! bring body types of their own: tower-http's `RequestBodyLimitLayer` gives its
//! inner service a `Limited<B>`, its `TraceLayer` answers with a body that it
//! watches. [`IntoBodyLayer`] erases both: the request's body on the way in, the
//! response's body on the way out.
//!
//! * Put it **inside** a layer that changes the request's body.
//! * Put it **outside** a layer that changes the response's body, and at the door
//!   of a stack of your own.
//! * [`IntoBodyLayer::around`] does both for one layer, or for several as a tuple,
//!   which always fits.
//!
//! A body that is a `Body` already stays what it is. A request's body is counted
//! here: one that ends with bytes of its announced length missing ends with an
//! error, since HTTP/2 can cut a body short in a way that looks like its end.
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
