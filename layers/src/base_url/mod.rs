//! Sets the public URL below which clients find their uploads.
//!
//! A creation answers with the `Location` of the new upload, but the server does not
//! know its own public address: it may run behind a proxy, and a router may have
//! stripped a prefix from the path. This layer sets the
//! [`BaseUrl`](crate::protocol::BaseUrl) in the [`Context`](crate::context::Context)
//! of every request, unless one is set already. The core builds `Location` from it,
//! and hooks can store the URL of an upload whichever request finishes it
//! (`Context::base_url(&event.request).location(&event.upload.id)`). Without this
//! layer `Location` is a path, which clients resolve against the server that they
//! called.
//!
//! | constructor | base URL |
//! |---|---|
//! | [`fixed`](BaseUrlLayer::fixed) | always the same |
//! | [`from_request`](BaseUrlLayer::from_request) | scheme and host of the request, and the base path |
//! | ... [`trust_forwarded`](BaseUrlLayer::trust_forwarded) | scheme and host that proxies report, and the base path |
//! | ... [`relative`](BaseUrlLayer::relative) | the base path alone, below a proxy's prefix |
//! | [`by`](BaseUrlLayer::by) | computed by a closure |
//!
//! The default port of the scheme is omitted. If a header lists several values, the
//! first one counts: it comes from the proxy closest to the client. Many proxies
//! report the port of the next hop instead of the client's, so
//! [`trust_forwarded`](BaseUrlLayer::trust_forwarded) also ignores the default port
//! of the other scheme (`https` with 80, `http` with 443). Header values that are not
//! valid in a URL are ignored; no request is refused because of them. If the host is
//! unknown, the URL is a path.
//!
//! # Example
//!
//! ```
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::base_url::BaseUrlLayer;
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(BaseUrlLayer::from_request("/files/").trust_forwarded())
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::post("/")
//!     .header("Upload-Length", "11")
//!     .header("Host", "10.0.0.7:8080")
//!     .header("Forwarded", "for=192.0.2.1;proto=https;host=example.com")
//!     .body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! let location = response.headers()["Location"].to_str()?;
//! assert!(location.starts_with("https://example.com/files/"));
//! # Ok(())
//! # }
//! ```

mod authority;
mod forwarded;
mod layer;
mod scheme;
mod service;
mod source;

pub use self::layer::BaseUrlLayer;
use self::scheme::Scheme;
pub use self::service::BaseUrlService;

#[cfg(test)]
mod tests;
