//! Tells the application what happens to uploads.
//!
//! [`EventsLayer`] sends an [`UploadEvent`] to every [`Subscription`] when an upload is
//! created, receives bytes, is finished, or is removed. An event never keeps a request
//! waiting, and nothing is computed while nobody subscribes.
//!
//! Each event is delivered at most once, and those of one upload in order. If the
//! process is killed, events that were not delivered are lost. A subscriber that is too
//! slow misses the oldest ones. To miss nothing, use
//! [hooks](crate::hooks) that decide, such as `pre-finish`. The table in the docs of
//! [`uploads`](crate::uploads) compares them.
//!
//! | event | sent | if the request fails |
//! |---|---|---|
//! | [`Created`](UploadEvent::Created) | when the upload exists, before its first bytes | not sent |
//! | [`Progress`](UploadEvent::Progress) | once per [interval](EventsLayer::progress_interval) while bytes arrive, and at the end of a request that stored any. For a chunk with a checksum: at its end | sent if bytes were stored |
//! | [`Finished`](UploadEvent::Finished) | when this is recorded | not sent |
//! | [`Terminated`](UploadEvent::Terminated), [`Expired`](UploadEvent::Expired) | when the upload is removed | not sent |
//!
//! A request that began before the first subscription reports no progress until its end.
//!
//! Place the layer under the [lock](crate::lock), so that the events of an upload come
//! in order, and inside [hooks](crate::hooks), which may remove an upload after its
//! request. It reads the [`Outcome`](crate::protocol::Outcome) of each response, and
//! tells nothing if there is none. It also lets [`uploads`](crate::uploads) know which
//! complete uploads a request has left unfinished, so that the server asks for them again.
//!
//! # Example
//!
//! ```
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::events::{Events, EventsLayer, UploadEvent};
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let events = Events::default();
//! let service = ServiceBuilder::new()
//!     .layer(EventsLayer::new(events.clone()))
//!     .service(Core::new(MemoryStore::default()));
//!
//! let mut subscription = events.subscribe();
//! let request = Request::post("/").header("Upload-Length", "5").body(Body::default())?;
//! service.oneshot(request).await?;
//! let Some(UploadEvent::Created(upload)) = subscription.next().await else {
//!     panic!("the upload was created");
//! };
//! assert_eq!(upload.length, Some(5.into()));
//! # Ok(())
//! # }
//! ```

mod event;
mod future;
mod hub;
mod layer;
mod receiving;
mod service;
mod unfinished;

pub use self::event::UploadEvent;
pub use self::future::ResponseFuture;
pub use self::hub::{Events, Subscription};
pub use self::layer::EventsLayer;
pub use self::service::EventsService;
pub(crate) use self::unfinished::{Unfinished, left_unfinished};

#[cfg(test)]
mod tests;
