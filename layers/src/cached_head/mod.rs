//! Answers HEAD requests that a cache has turned into GET.
//!
//! nginx with `proxy_cache`, Cloudflare and other caches request the whole resource
//! when a client asks only for its headers. A tus client that queries the offset of
//! its upload then receives the stored bytes, or `405` if downloads are disabled, and
//! cannot resume. Browsers never send `Tus-Resumable` with a download, so this layer
//! answers a GET that carries it like HEAD:
//!
//! | upload | response to GET with `Tus-Resumable` |
//! |---|---|
//! | finished | that of GET, or that of HEAD if GET is not served |
//! | unfinished or missing | that of HEAD: its status and headers, no body |
//!
//! If the path does not serve HEAD either, the response is GET's `405`. Like HEAD,
//! the request first interrupts the one that holds the upload, and finishes a
//! complete upload. The response carries `Cache-Control: no-store`. A GET without
//! `Tus-Resumable` passes unchanged.
//!
//! Place this layer outside every layer that distinguishes HEAD from GET: outside
//! [Version](crate::version), [Render](crate::render), which writes no body for HEAD,
//! and [Route](crate::route).
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
