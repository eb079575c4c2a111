//! Writes the body of error responses.
//!
//! A layer that refuses a request returns a response with a status, headers, an
//! empty body, and the typed [`Error`](crate::protocol::Error) in its
//! extensions. This layer writes the body, `CODE: message` as plain text, and
//! leaves the error in the extensions for Metrics and Log. It keeps the body of
//! a [`Rejection`](crate::protocol::Rejection) that has one. The response to
//! HEAD never has a body.
//!
//! It also applies a [`ResponseOverride`](crate::protocol::ResponseOverride),
//! for example from the reply of a hook, and logs the sources of errors, which
//! clients never see: `InternalServerError` and `RequestFailed` at error,
//! `ServerBusy` at warn, `RequestRejected` and `UnknownBodyError` at info.
//!
//! Place the layer outside [`Version`](crate::version), whose `412 Precondition
//! Failed` it writes, too, and inside Metrics and Log, which observe the final
//! response. Without it, errors have an empty body but the right status and
//! headers, and the layers that make overrides apply them themselves.
//!
//! # Example
//!
//! Errors as `application/problem+json` (RFC 9457):
//!
//! ```
//! use http::header::CONTENT_TYPE;
//! use http::{HeaderValue, Request};
//! use http_body_util::BodyExt;
//! use serde_json::{Value, json};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::render::RenderLayer;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//! use tower_tus_layers::version::VersionLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let problems = RenderLayer::with(|error, response| {
//!     let problem = json!({
//!         "title": error.to_string(),
//!         "status": error.status().as_u16(),
//!         "code": error.code(),
//!     });
//!     let problem_json = HeaderValue::from_static("application/problem+json");
//!     response.headers_mut().insert(CONTENT_TYPE, problem_json);
//!     *response.body_mut() = problem.to_string().into();
//! });
//! let service = ServiceBuilder::new()
//!     .layer(problems)
//!     .layer(VersionLayer::new())
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::delete("/some-id").body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.headers()["content-type"], "application/problem+json");
//! let body = response.into_body().collect().await?.to_bytes();
//! let problem: Value = serde_json::from_slice(&body)?;
//! assert_eq!(problem["status"], 412);
//! assert_eq!(problem["code"], "ERR_UNSUPPORTED_VERSION");
//! # Ok(())
//! # }
//! ```

mod future;
mod layer;
mod service;
mod writer;

pub use self::future::ResponseFuture;
pub use self::layer::RenderLayer;
pub use self::service::Render;

#[cfg(test)]
mod tests;
