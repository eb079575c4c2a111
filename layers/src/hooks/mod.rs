//! Decisions before something happens to an upload, and notifications after.
//!
//! [`Hooks`] is one method: it takes an [`Event`] and returns a [`Reply`].
//! [`Callbacks`] are hooks made of closures, and [`HooksLayer`] puts hooks in front
//! of the core.
//!
//! | kind | when | a reply may |
//! |---|---|---|
//! | `pre-create` | before an upload is created, including final uploads | reject it; change its id, metadata and storage path; change the response |
//! | `post-create` | after it has been created | stop it |
//! | `post-receive` | regularly while bytes arrive, and after the last | stop it, and change the response in that case |
//! | `pre-finish` | after the last byte has been stored, before the response | reject it, after which the next HEAD or PATCH calls the hook again; change the response, which is [kept](#a-last-response-that-was-lost). Until the hook accepts, the upload cannot be downloaded |
//! | `post-finish` | after the upload has been finished | |
//! | `pre-terminate` | before a client terminates an upload | reject the termination; change the response |
//! | `post-terminate` | after an upload has been terminated | |
//! | `post-expire` | after an upload has been removed because it had expired | |
//!
//! A hook changes the response only if the request succeeds, or if the hook
//! itself rejects or stops it; other errors cannot be turned into a success.
//!
//! A stopped upload is removed, even if the reply arrives after the response
//! was sent; once an upload is finished, a stop has no effect. A checksummed
//! chunk may be rolled back, so its progress is not reported.
//!
//! # An id whose response was lost
//!
//! A client that lost the response to a creation repeats the request. If
//! `pre-create` sets the same id again, the client gets a 409, because an
//! upload is never replaced. A hook that recognizes its own upload can let the
//! client proceed by rejecting the repeated creation with the response that was
//! lost:
//!
//! ```
//! use http::header::LOCATION;
//! use http::{HeaderValue, StatusCode};
//! use tower_tus_layers::hooks::Reply;
//! use tower_tus_layers::protocol::ResponseOverride;
//!
//! let go_on = Reply::reject().with_response(
//!     ResponseOverride::default()
//!         .with_status(StatusCode::CREATED)
//!         .with_header(LOCATION, HeaderValue::from_static("/files/alice/report")),
//! );
//! ```
//!
//! The hook must verify that the upload belongs to this client and has the
//! requested length.
//!
//! # JSON when an upload finishes
//!
//! A reply with a body but no status keeps the status of the response: `201`
//! with a `Location` for a creation that includes all bytes. A `204`, which has
//! no body, becomes `200`.
//!
//! ```
//! use http::header::CONTENT_TYPE;
//! use http::HeaderValue;
//! use tower_tus_layers::hooks::{Callbacks, Reply};
//! use tower_tus_layers::protocol::ResponseOverride;
//!
//! let hooks = Callbacks::new().pre_finish(|event| async move {
//!     let json = format!(r#"{{"bytes":{}}}"#, event.upload.offset);
//!     Reply::accept().with_response(
//!         ResponseOverride::default()
//!             .with_header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
//!             .with_body(json),
//!     )
//! });
//! ```
//!
//! # A last response that was lost
//!
//! The store [keeps](crate::store::Handle::record_finished) the response of a
//! `pre-finish` reply, in the same write as the record that the upload is finished.
//! A client that repeats its last PATCH, with an empty body at the end, gets the
//! same status, headers and body. HEAD gets the headers only, without those of the
//! protocol and those that describe the body. The hook is not called again. A
//! response with more than 64 KiB of headers and body is not kept, nor are the
//! replies of other hooks.
//!
//! # The layer
//!
//! Calls [`Hooks`] before and after something happens to an upload.
//!
//! Events of one upload are delivered in order, one at a time, and the client
//! does not wait for them. If a hook is slower than the bytes, only the latest
//! `post-receive` is kept. Waiting events use at most 32 MiB; further events
//! are dropped, and the number of dropped events is logged every few seconds.
//!
//! If the client disconnects while `pre-create` runs, the future of the hook is
//! dropped, and no upload is created. `pre-finish` and `pre-terminate` run to
//! completion whether or not the client waits.
//!
//! A hook that stops an upload ends the request that is sending its bytes
//! ([`Error::Stopped`]), and the upload is removed. A stop that arrives after
//! the response was sent also removes the upload, unless it is finished by
//! then.
//!
//! A rejection becomes the error of the response, with the status and the code
//! that the client gets. Changes to a success are left to
//! [`Render`](crate::render) as a
//! [`ResponseOverride`](crate::protocol::ResponseOverride), so that the layers
//! in between recognize the creation; without Render, this layer or
//! CreationWithUpload applies them. Those of `pre-finish` go to the core, which
//! records them and changes the response in the same way.
//!
//! Place the layer inside the lock, around the core: it sees a creation with
//! bytes as two steps.
//!
//! Without the [`Context`](crate::context::Context) that outer layers fill, a
//! stopped upload is removed only after its request has ended by itself, and
//! `pre-create` runs to completion even if the client has disconnected.
//!
//! ## Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::hooks::{Callbacks, HooksLayer, Reply};
//! use tower_tus_layers::protocol::{Body, UploadId};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! /// The user name that an outer layer has verified.
//! #[derive(Clone)]
//! struct User(&'static str);
//!
//! // Keep a user's uploads below the user's name.
//! let hooks = Callbacks::new().pre_create(|event| async move {
//!     let Some(User(name)) = event.extension() else {
//!         return Ok(Reply::reject());
//!     };
//!     let id = format!("{name}/{}", event.upload.id).parse()?;
//!     Ok(Reply::accept().with_id(id))
//! });
//! let service = ServiceBuilder::new()
//!     .layer(HooksLayer::new(hooks))
//!     .service(Core::new(MemoryStore::default()));
//!
//! let create = |request: http::request::Builder| {
//!     request.uri("/").method("POST").header("Upload-Length", "5").body(Body::default())
//! };
//! let response = service.clone().oneshot(create(Request::builder().extension(User("alice")))?).await?;
//! let location = response.headers()["Location"].to_str()?;
//! assert!(location.starts_with("/alice/"));
//!
//! let response = service.oneshot(create(Request::builder())?).await?;
//! assert_eq!(response.status(), StatusCode::BAD_REQUEST);
//! # Ok(())
//! # }
//! ```

mod backlog;
mod callbacks;
mod caught;
mod event;
mod late;
mod layer;
mod notifier;
mod origin;
mod reply;
mod service;
mod session;
mod stop;
mod tally;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::protocol::BoxError;
#[cfg(doc)]
use crate::protocol::Error;

pub use self::callbacks::{CallbackOutput, Callbacks};
pub(crate) use self::caught::caught;
pub use self::event::{Event, HookKind, HookKinds};
pub use self::layer::HooksLayer;
pub use self::reply::{Reply, Verdict};
pub use self::service::HooksService;
pub use crate::future::ResponseFuture;

/// Decides before something happens to an upload, and is notified after.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as hooks",
    label = "needs `Hooks`",
    note = "pass `Callbacks::new().pre_create(..)`, an `Arc<dyn Hooks>`, or your own type with `#[async_trait] impl Hooks for ..`"
)]
pub trait Hooks: Debug + Send + Sync + 'static {
    /// Decides about an event, or takes note of it.
    ///
    /// The request waits for the reply to a `pre-*` event, so implementations
    /// must set their own time limit. The future is dropped if the client
    /// disconnects before its `pre-create` has a reply.
    ///
    /// # Errors
    ///
    /// If a `pre-*` hook fails, the client gets a plain 500, and the reason is
    /// only logged. If the error is an [`Error`] of this crate, such as
    /// [`Error::HooksBusy`], it becomes the response instead. The next HEAD or
    /// PATCH calls a failed `pre-finish` again; the number of retries is
    /// unlimited unless the error is a [`Refused`](crate::gate::Refused). Other
    /// failures are logged and have no effect.
    async fn call(&self, event: &Event) -> Result<Reply, BoxError>;

    /// Returns the kinds of events to call this for; by default those of tusd.
    fn kinds(&self) -> HookKinds {
        HookKinds::default()
    }

    /// Returns whether there is currently a hook for this kind; `true` by
    /// default. If not, the event is accepted, and no call is made, logged or
    /// counted.
    ///
    /// It runs before each call, and must not block.
    fn hears(&self, kind: HookKind) -> bool {
        let _ = kind;
        true
    }
}

macro_rules! pointers {
    ($($pointer:ident),*) => {
        $(
            #[deny(clippy::missing_trait_methods)]
            #[async_trait]
            impl<T: Hooks + ?Sized> Hooks for $pointer<T> {
                async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
                    (**self).call(event).await
                }

                fn kinds(&self) -> HookKinds {
                    (**self).kinds()
                }

                fn hears(&self, kind: HookKind) -> bool {
                    (**self).hears(kind)
                }
            }
        )*
    };
}

pointers!(Arc, Box);
