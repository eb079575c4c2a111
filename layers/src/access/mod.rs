//! Decides who may create, read, change or terminate an upload.
//!
//! The layer calls an [`Access`] policy for every request before the request waits for
//! a lock, so that a stranger neither reads an upload nor interrupts the client
//! that is uploading it. It sees the method, the id, the headers and extensions of
//! the request and, if it asks for it, the [upload](AccessRequest::upload). It
//! answers `Ok(())`, or the [`Error`] that the client gets: any response, since an
//! error may be a [`Rejection`](crate::protocol::Rejection).
//!
//! | request | [action](AccessRequest::action) | upload |
//! |---|---|---|
//! | POST, with or without bytes | `Create` | none |
//! | POST of a final upload | `Create`, then `Concatenate` for each part | none, then the part |
//! | HEAD | `Inspect` | the target |
//! | GET | `Read` | the target |
//! | PATCH | `Append` | the target |
//! | DELETE | `Terminate` | the target |
//! | OPTIONS | not asked | |
//!
//! A creation that brings bytes is one question, `Create`, since the layer stands
//! outside [`CreationWithUpload`](crate::creation_with_upload). Requests that layers
//! further in derive from an allowed one are not asked about, and neither is a
//! roll-back. A method that is not in the table is refused with 405.
//!
//! # 404 or 403
//!
//! The layer does not look up the upload by itself. A policy that decides by the id
//! or the user alone answers the same whether the upload exists or not. One that
//! answers 403 for the uploads of others, and lets the request for an unknown upload
//! pass to its 404, tells strangers which ids exist: answer [`Error::NotFound`] where
//! that matters, and [`Error::AccessDenied`] where it does not.
//! [`AccessRequest::upload`] fails with `NotFound` if there is no such upload, so
//! `request.upload().await?` answers 404.
//!
//! The request waits for the policy, so the policy has to limit its own time.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::access::{AccessLayer, AccessRequest};
//! use tower_tus_layers::protocol::{Action, Body, Error};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! /// The user, found by a layer in front.
//! #[derive(Clone)]
//! struct User(&'static str);
//!
//! async fn own(request: AccessRequest) -> Result<(), Error> {
//!     let user = request.extension::<User>().ok_or(Error::AccessDenied)?;
//!     if request.action() == Action::Create {
//!         return Ok(());
//!     }
//!     match request.upload().await?.metadata.get("owner") {
//!         Some(owner) if owner == user.0.as_bytes() => Ok(()),
//!         _ => Err(Error::NotFound),
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let core = Core::new(MemoryStore::default());
//! let service = ServiceBuilder::new()
//!     .layer(AccessLayer::new(Arc::clone(core.store()), own))
//!     .service(core);
//!
//! let create = Request::post("/").header("Upload-Length", "5");
//! let anonymous = create.body(Body::default())?;
//! let response = service.clone().oneshot(anonymous).await?;
//! assert_eq!(response.status(), StatusCode::FORBIDDEN);
//!
//! let create = Request::post("/").header("Upload-Length", "5");
//! let create = create.header("Upload-Metadata", "owner YWxpY2U=").extension(User("alice"));
//! let response = service.clone().oneshot(create.body(Body::default())?).await?;
//! assert_eq!(response.status(), StatusCode::CREATED);
//!
//! let url = response.headers()["Location"].to_str()?;
//! let head = Request::head(url).extension(User("bob")).body(Body::default())?;
//! let response = service.oneshot(head).await?;
//! assert_eq!(response.status(), StatusCode::NOT_FOUND);
//! # Ok(())
//! # }
//! ```

mod layer;
mod parts;
mod request;
mod service;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;

use crate::protocol::Error;

pub use self::layer::AccessLayer;
pub use self::request::AccessRequest;
pub use self::service::AccessService;
pub use crate::future::ResponseFuture;

/// Decides whether a client may do what its request asks for.
///
/// Functions and closures that take an [`AccessRequest`] and return a future are
/// policies too, and so are async closures that capture nothing. With a captured
/// state, write `move |request: AccessRequest| { let state = state.clone(); async move
/// { .. } }`.
///
/// ```
/// use tower_tus_layers::access::{Access, AccessRequest};
/// use tower_tus_layers::async_trait;
/// use tower_tus_layers::protocol::{Action, Error};
///
/// struct ReadOnly;
///
/// #[async_trait]
/// impl Access for ReadOnly {
///     async fn check(&self, request: &AccessRequest) -> Result<(), Error> {
///         match request.action() {
///             Action::Inspect | Action::Read => Ok(()),
///             _ => Err(Error::AccessDenied),
///         }
///     }
/// }
///
/// fn is_policy(_: impl Access) {}
///
/// # fn main() {
/// is_policy(ReadOnly);
/// is_policy(async |request: AccessRequest| match request.action() {
///     Action::Inspect | Action::Read => Ok(()),
///     _ => Err(Error::AccessDenied),
/// });
/// # }
/// ```
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not decide on access to uploads",
    label = "needs `Access`",
    note = "pass `async |request: AccessRequest| Ok(())`, which captures nothing, a closure that returns a `Send` future, an `Arc<dyn Access>`, or your own type with `#[async_trait] impl Access for ..`"
)]
pub trait Access: Send + Sync + 'static {
    /// Allows a request, or refuses it.
    ///
    /// The future is dropped if the request is, which
    /// [`Detach`](crate::detach) prevents.
    ///
    /// # Errors
    ///
    /// What the client gets. Nothing was read, changed or interrupted then.
    async fn check(&self, request: &AccessRequest) -> Result<(), Error>;
}

#[async_trait]
impl<F, A> Access for F
where
    F: Fn(AccessRequest) -> A + Send + Sync + 'static,
    A: Future<Output = Result<(), Error>> + Send,
{
    async fn check(&self, request: &AccessRequest) -> Result<(), Error> {
        self(request.clone()).await
    }
}

#[async_trait]
impl<T: Access + ?Sized> Access for Arc<T> {
    async fn check(&self, request: &AccessRequest) -> Result<(), Error> {
        (**self).check(request).await
    }
}
