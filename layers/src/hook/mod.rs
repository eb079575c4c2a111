//! Who is asked before something happens to an upload, and told after.
//!
//! [`Hooks`] is one method: it gets an [`Event`] and gives a [`Reply`]. A
//! program of its own has [`Callbacks`], closures by the moment they are for;
//! [`HooksLayer`](crate::hooking::HooksLayer) puts either in front of the core.
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
//! use tower_tus_layers::hook::Reply;
//! use tower_tus_layers::protocol::Amendment;
//!
//! let go_on = Reply::reject().with_response(
//!     Amendment::default()
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
//! use tower_tus_layers::hook::{Callbacks, Reply};
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

mod callbacks;
mod caught;
mod event;
mod reply;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::protocol::BoxError;
#[cfg(doc)]
use crate::protocol::Error;

pub use self::callbacks::Callbacks;
pub(crate) use self::caught::caught;
pub use self::event::{Event, Moment, Moments};
pub use self::reply::{Reply, Verdict};

/// Somebody who is asked before something happens to an upload, and told after.
#[async_trait]
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
    fn moments(&self) -> Moments {
        Moments::default()
    }

    /// Whether there is somebody to call at this moment. Where there is not, no
    /// call is made, logged or counted, and everything is accepted.
    ///
    /// It is asked before each call, and must not wait. There always is unless an
    /// implementation says otherwise.
    fn hears(&self, moment: Moment) -> bool {
        let _ = moment;
        true
    }
}

#[async_trait]
impl Hooks for Arc<dyn Hooks> {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        (**self).call(event).await
    }

    fn moments(&self) -> Moments {
        (**self).moments()
    }

    fn hears(&self, moment: Moment) -> bool {
        (**self).hears(moment)
    }
}
