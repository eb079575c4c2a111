//! The public URL: where uploads live, as clients see it.
//!
//! A creation answers with the `Location` of the new upload. The server alone
//! does not know its own address: a proxy may stand before it, and a router may
//! have taken a prefix away. This layer puts the
//! [`BaseUrl`](crate::protocol::BaseUrl) into the [`Context`](crate::context::Context) of every request:
//! the core makes the `Location` of it, and hooks can store the URL of an upload
//! whatever request finishes it
//! (`Context::base_url(&event.request).location(&event.upload.id)`). One that is there
//! already stays. Without this layer a `Location` is a path, which clients read
//! as one of the server that they have asked.
//!
//! | made by | the URL |
//! |---|---|
//! | [`fixed`](BaseUrlLayer::fixed) | always the same |
//! | [`from_request`](BaseUrlLayer::from_request) | scheme and host of the request, and the base path |
//! | ... [`trust_forwarded`](BaseUrlLayer::trust_forwarded) | what proxies tell of the client's request, and the base path |
//! | ... [`relative`](BaseUrlLayer::relative) | the base path, behind a proxy's prefix |
//! | [`by`](BaseUrlLayer::by) | what a closure makes of the request |
//!
//! The default port of the scheme is left out. In lists the first value counts,
//! which is that of the proxy next to the client. Proxies that name the port of
//! the next hop rather than the client's are common, so with
//! [`trust_forwarded`](BaseUrlLayer::trust_forwarded) the default port of the
//! other scheme (`https` with 80, `http` with 443) is ignored too. What a header tells is taken
//! only when it has a meaning in a URL, and ignored otherwise: nothing is
//! refused for it. Where the host is not known the URL is the path alone.
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
