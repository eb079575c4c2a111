//! Manages what is stored: lists, shows and removes uploads, finishes those that wait
//! for it, removes those that have expired, and tells what happens to them.
//!
//! [`Uploads`] is a handle beside the stack of layers. It sends requests of the server
//! itself into the part of the stack inside the [lock](crate::lock), so hooks, gates,
//! checks and metrics treat them like those of a client, and it takes the locks itself.
//! `tower_tus::Stack` makes one for its stack.
//!
//! | method | lock | |
//! |---|---|---|
//! | [`list`](Uploads::list), [`show`](Uploads::show) | none | change nothing |
//! | [`remove`](Uploads::remove) | asks a holder to let go | as a DELETE of a client, even if clients may not terminate uploads |
//! | [`remove_if`](Uploads::remove_if) | only if it is free | the same, if the upload is as you expect it |
//! | [`finish_pending`](Uploads::finish_pending) | only if it is free | as a HEAD of a client |
//! | `expire` (feature `expiration`) | only if it is free | removes what has expired |
//! | [`events`](Uploads::events) | none | subscribes |
//! | [`run`](Uploads::run) | | finishes and expires on a [`Schedule`], until the shutdown |
//!
//! A request of the server itself has the method HEAD or DELETE, the URL of the upload
//! below the [base path](Uploads::base_path), no headers of a client and no address.
//! Hooks and your own layers around the core see it so. Gates are not asked whether a
//! client may do it ([`Gate::opened`](crate::gate::Gate::opened)), but they are asked
//! whether an upload may be finished.
//!
//! # Expiration
//!
//! With the feature `expiration`, the handle removes the uploads that an `Expiration`
//! names. See the module `expiration` for what expires when.
//!
//! # Delivery guarantees
//!
#![doc = include_str!("told.md")]
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::events::{Events, EventsLayer, UploadEvent};
//! use tower_tus_layers::lock::{LockLayer, Locker, MemoryLocker};
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::{ListRequest, MemoryStore};
//! use tower_tus_layers::uploads::{UploadState, Uploads};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let core = Core::new(MemoryStore::default());
//! let store = Arc::clone(core.store());
//! let locker: Arc<dyn Locker> = Arc::new(MemoryLocker::default());
//! let events = Events::default();
//!
//! let inside = ServiceBuilder::new()
//!     .layer(EventsLayer::new(events.clone()))
//!     .service(core);
//! let uploads = Uploads::new(inside.clone(), store, Arc::clone(&locker), Duration::from_secs(20))
//!     .with_events(events);
//! let service = ServiceBuilder::new()
//!     .layer(LockLayer::new(locker))
//!     .service(inside);
//!
//! let create = Request::post("/").header("Upload-Length", "5").body(Body::default())?;
//! service.oneshot(create).await?;
//!
//! let page = uploads.list(&ListRequest::default()).await?;
//! let id = &page.uploads[0].id;
//! assert_eq!(uploads.show(id).await?.state, UploadState::Receiving);
//!
//! let mut events = uploads.events();
//! uploads.remove(id).await?;
//! assert!(matches!(events.next().await, Some(UploadEvent::Terminated(it)) if it.id == *id));
//! assert!(uploads.show(id).await.is_err());
//! # Ok(())
//! # }
//! ```

mod back_off;
mod call;
mod complaints;
mod crew;
#[cfg(feature = "expiration")]
mod expire;
mod finish;
mod handle;
mod remove;
mod run;
mod state;

#[cfg(feature = "expiration")]
pub use self::expire::ExpireReport;
pub use self::finish::FinishReport;
pub use self::handle::Uploads;
pub use self::run::Schedule;
pub use self::state::{Shown, UploadState};
pub use crate::events::{Subscription, UploadEvent};

#[cfg(test)]
mod tests;
