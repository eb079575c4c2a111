//! Uploads that expire: `expiration`.
//!
//! An [`Expiration`] says when an upload expires, and [`ExpirationLayer`] tells
//! clients. Neither removes anything: that is the work of whoever sweeps the store,
//! with a clone of the same [`Expiration`].
//!
//! | upload | expires |
//! |---|---|
//! | receiving | the given time after its last activity: its creation, or its last byte. [`fixed`](Expiration::fixed): after its creation |
//! | complete, but not finished, because a hook or a gate has not agreed yet | never, since the server still tries; once it is rejected for good, like one that is receiving |
//! | failed | like one that is receiving |
//! | finished | never, or the time of [`finished`](Expiration::finished) after its last activity |
//! | partial, finished or not | like one that is receiving, but not while a pending final waits for it |
//! | pending final | like one that is receiving, but not before all of its parts |
//! | without a known time, or with one that overflows | never |
//!
//! The time is computed whenever it is needed and stored nowhere, so a changed setting
//! applies to all uploads.
//!
//! | response | |
//! |---|---|
//! | to POST, HEAD, GET and every PATCH of an upload that will expire, refusals included | `Upload-Expires` |
//! | of an upload that has expired, to HEAD, PATCH and GET, and if it is named as a part of a new final | `410 ERR_UPLOAD_EXPIRED` |
//! | to DELETE of an upload that has expired | as ever |
//! | of one that was removed, and of which the [`Expiration`] still [knows](Expiration::bury) | the same instead of 404, but 404 if it is named as a part |
//! | to OPTIONS | the extension `expiration` |
//!
//! A request that is running when its upload expires goes on. Responses that hide an
//! upload from the client (401, 403, 404) have no `Upload-Expires`.
//!
//! From the request's [`Context`](crate::context::Context) the layer reads the target,
//! and adds a gate. If the responses of the inner service have no
//! [`Outcome`](crate::protocol::Outcome), the state before the request counts.
//!
//! Place the layer inside [Access](crate::access), so that no stranger learns about an
//! upload, and outside [SizeLimit](crate::size_limit),
//! [CreationWithUpload](crate::creation_with_upload) and [Lock](crate::lock), whose
//! refusals also have to carry `Upload-Expires`.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::expiration::{Expiration, ExpirationLayer};
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let core = Core::new(MemoryStore::default());
//! let expiration = Expiration::after(Duration::from_secs(24 * 60 * 60));
//! let service = ServiceBuilder::new()
//!     .layer(ExpirationLayer::new(Arc::clone(core.store()), expiration))
//!     .service(core);
//!
//! let request = Request::post("/").header("Upload-Length", "5").body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::CREATED);
//! assert!(response.headers()["Upload-Expires"].to_str()?.ends_with(" GMT"));
//! # Ok(())
//! # }
//! ```

mod layer;
mod lookout;
mod policy;
mod service;
mod tombstones;

pub use self::layer::ExpirationLayer;
pub use self::policy::Expiration;
pub use self::service::ExpirationService;
pub use crate::future::ResponseFuture;

#[cfg(test)]
mod tests;
