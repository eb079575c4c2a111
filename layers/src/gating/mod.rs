//! Puts a [`Gate`](crate::gate::Gate) in front of the core.
//!
//! # Example
//!
//! ```
//! use async_trait::async_trait;
//! use http::request::Parts;
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::gate::Gate;
//! use tower_tus_layers::gating::GateLayer;
//! use tower_tus_layers::protocol::{Body, Error, NewUpload};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! #[derive(Debug)]
//! struct Named;
//!
//! #[async_trait]
//! impl Gate for Named {
//!     async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
//!         upload.metadata.get("filename").map(drop).ok_or(Error::Rejected)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(GateLayer::new(Named))
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::post("/").header("Upload-Length", "5").body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::BAD_REQUEST);
//! # Ok(())
//! # }
//! ```

mod layer;
mod service;

pub use self::layer::GateLayer;
pub use self::service::Gated;
