//! Who is asked before something happens to an upload, and told after.
//!
//! [`Hooks`] is one method: it gets an [`Event`] and gives a [`Reply`]. A
//! program of its own has [`Callbacks`], closures by the moment they are for;
//! [`HooksLayer`] puts either in front of the core.
//!
//! | moment | when | a reply may |
//! |---|---|---|
//! | `pre-create` | before an upload is made, finals too | reject it; change its id, metadata and place; amend the response |
//! | `post-create` | after it was made | stop it |
//! | `post-receive` | now and then while bytes arrive, and after the last | stop it; amend the response then |
//! | `pre-finish` | after the last byte was stored, before the client is told | refuse, and be asked again by the next HEAD or PATCH; amend the response. Until it agrees the upload is not given out |
//! | `post-finish` | after the upload was finished | |
//! | `pre-terminate` | before a client ends an upload | reject that; amend the response |
//! | `post-terminate` | after an upload was ended | |
//!
//! A response is amended when the request succeeds, and by who rejects or stops
//! it; no other error is made to look like success.
//!
//! An upload that is stopped is removed, whatever headers its request has, also
//! when the reply arrives after the request was answered; once an upload is
//! finished, a stop changes nothing. While a chunk has a checksum its progress is
//! not reported, since it may be rolled back.
//!
//! # An id whose answer was lost
//!
//! A client that lost the answer to a creation sends it again. If `pre-create`
//! names the same id again, the client gets a 409, since an upload is never
//! replaced. A hook that recognizes its own upload lets the client go on by
//! rejecting the repeated creation with the answer that was lost:
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
//! The hook must make sure that the upload belongs to this client and has the
//! length that it asks for.
//!
//! # Example
//!
//! ```
//! use tower_tus_layers::hooks::{Callbacks, Reply};
//!
//! let hooks = Callbacks::new()
//!     .pre_create(|event| async move {
//!         Ok(match event.upload.metadata.get("filename") {
//!             Some(_) => Reply::accept(),
//!             None => Reply::reject(),
//!         })
//!     })
//!     .post_finish(|event| async move {
//!         println!("{} has {} bytes", event.upload.id, event.upload.offset);
//!         Ok(Reply::accept())
//!     });
//! ```
//!
//! # The layer
//!
//! Asks [`Hooks`] before something happens to an upload,
//! and tells them after.
//!
//! What is told of one upload is told in its order, one event at a time, and
//! the client does not wait for it. While a hook is slower than the bytes,
//! only the latest `post-receive` waits for it. Events that wait take 32 MiB at
//! most; an event beyond that is dropped, and the log has a line with the number of
//! dropped events every few seconds.
//!
//! A client that goes while it waits for `pre-create` ends the question: the
//! future of the hook is dropped, and no upload is made. `pre-finish` and
//! `pre-terminate` are answered whether or not the client waits.
//!
//! A hook that stops an upload ends the request that brings its bytes
//! ([`Error::Stopped`]), and the upload is removed. A stop that arrives after
//! the request has been answered removes the upload as well, unless it is
//! finished by then. The way a response is to be
//! amended stands in its extensions, as an
//! [`ResponseOverride`](crate::protocol::ResponseOverride), for Version to carry out.
//!
//! The layer belongs under the lock, and around the core: a creation that
//! brings bytes along is two steps here.
//!
//! Without the [`Context`](crate::context::Context) that outer layers fill, an upload
//! that is stopped is removed when its request has ended by itself, and a client
//! that has gone away does not end `pre-create`.
//!
//! ## Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::hooks::{Callbacks, Reply};
//! use tower_tus_layers::hooks::HooksLayer;
//! use tower_tus_layers::protocol::{Body, UploadId};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Uploads of a user are kept below the user's name, which a layer in front knows.
//! let hooks = Callbacks::new().pre_create(|event| async move {
//!     let Some(user) = event.request.extensions.get::<&str>() else {
//!         return Ok(Reply::reject());
//!     };
//!     let mut reply = Reply::accept();
//!     reply.id = Some(format!("{user}/{}", event.upload.id).parse()?);
//!     Ok(reply)
//! });
//! let service = ServiceBuilder::new()
//!     .layer(HooksLayer::new(hooks))
//!     .service(Core::new(MemoryStore::default()));
//!
//! let create = |request: http::request::Builder| {
//!     request.uri("/").method("POST").header("Upload-Length", "5").body(Body::default())
//! };
//! let response = service.clone().oneshot(create(Request::builder().extension("alice"))?).await?;
//! let location = response.headers()["Location"].to_str()?;
//! assert!(location.starts_with("/alice/"));
//!
//! let response = service.oneshot(create(Request::builder())?).await?;
//! assert_eq!(response.status(), StatusCode::BAD_REQUEST);
//! # Ok(())
//! # }
//! ```

mod backlog;
mod body;
mod callbacks;
mod caught;
mod event;
mod late;
mod layer;
mod reply;
mod service;
mod session;
mod stop;
mod tally;
mod teller;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::protocol::BoxError;
#[cfg(doc)]
use crate::protocol::Error;

pub use self::callbacks::Callbacks;
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
    /// Asks or tells.
    ///
    /// The request waits for the answer to a question, so an implementation
    /// bounds its time by itself. The future is dropped when the client goes
    /// before its `pre-create` is answered.
    ///
    /// # Errors
    ///
    /// If a question fails, the client gets a plain 500, and the reason is only in
    /// the log, unless the error is an [`Error`] of this crate, such as
    /// [`Error::HooksBusy`]: that one is the answer. A failed `pre-finish` is asked
    /// again by the next HEAD or PATCH, without a limit unless the error is a
    /// [`Refused`](crate::gate::Refused). Other failures are logged and change
    /// nothing.
    async fn call(&self, event: &Event) -> Result<Reply, BoxError>;

    /// The moments that it wants to hear of.
    fn kinds(&self) -> HookKinds {
        HookKinds::default()
    }

    /// Whether there is somebody to call at this moment. Where there is not, no
    /// call is made, logged or counted, and everything is accepted.
    ///
    /// It is asked before each call, and must not wait. There always is unless an
    /// implementation says otherwise.
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
