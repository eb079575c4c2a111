//! HEAD that a cache has turned into GET.
//!
//! nginx with `proxy_cache`, Cloudflare and other caches ask the server for the
//! whole where a client has asked for its headers alone. A tus client that
//! wants to know where its upload stands then gets what is stored of it, or
//! `405` where downloads are off, and cannot resume. No browser sends
//! `Tus-Resumable` with a download, so a GET that has it is answered like HEAD:
//!
//! | the upload | the answer to GET with `Tus-Resumable` |
//! |---|---|
//! | finished | GET's, or HEAD's where GET is not served |
//! | any other, or none | HEAD's: its status, its headers and no body |
//!
//! On a path where HEAD is not served either, the answer is GET's `405`.
//! Like HEAD, it first interrupts the request that holds the upload, and
//! finishes a complete upload. No cache stores the answer
//! (`Cache-Control: no-store`). A GET without `Tus-Resumable` passes untouched.
//!
//! The layer belongs outside all that tells HEAD from GET: outside
//! [Version](crate::version), which writes no text to HEAD, and outside
//! [Route](crate::route).
//!
//! # Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::cached_head::CachedHeadLayer;
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(CachedHeadLayer::new())
//!     .service(Core::new(MemoryStore::default()));
//!
//! let create = Request::post("/").header("Upload-Length", "11").body(Body::default())?;
//! let created = service.clone().oneshot(create).await?;
//! let url = created.headers()["Location"].to_str()?;
//!
//! let get = Request::get(url).header("Tus-Resumable", "1.0.0").body(Body::default())?;
//! let response = service.oneshot(get).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! assert_eq!(response.headers()["Upload-Offset"], "0");
//! assert_eq!(response.headers()["Cache-Control"], "no-store");
//! # Ok(())
//! # }
//! ```

mod layer;
mod service;

pub use self::layer::CachedHeadLayer;
pub use self::service::CachedHead;
pub use crate::future::ResponseFuture;
