//! Tells the application what happens to uploads.
//!
//! [`EventsLayer`] sends an [`UploadEvent`] to every [`Subscription`] when an upload is
//! created, receives bytes, is finished, or is removed. An event never keeps a request
//! waiting, and nothing is computed while nobody subscribes.
//!
//! Events are told at most once, in the order in which they happen to an upload: one
//! that happens just before the process is killed is lost, and a subscriber that is too
//! slow misses the oldest ones. What must not be lost is for
//! [hooks](crate::hooks) that decide, such as `pre-finish`. The table in the docs of
//! [`uploads`](crate::uploads) compares them.
//!
//! | event | told | if the request fails |
//! |---|---|---|
//! | [`Created`](UploadEvent::Created) | when the upload exists, before its first bytes | not told |
//! | [`Progress`](UploadEvent::Progress) | at each [interval](EventsLayer::progress_interval) in which bytes of a request have arrived, and at its end if it stored any. Of a chunk with a checksum: at its end | told if bytes were stored |
//! | [`Finished`](UploadEvent::Finished) | when this is recorded | not told |
//! | [`Terminated`](UploadEvent::Terminated), [`Expired`](UploadEvent::Expired) | when the upload is removed | not told |
//!
//! A request that was running before the first subscription tells no progress until its
//! end.
//!
//! Place the layer under the [lock](crate::lock), so that the events of an upload come
//! in order, and inside [hooks](crate::hooks), which may remove an upload after its
//! request. It reads the [`Outcome`](crate::protocol::Outcome) of each response, and
//! tells nothing if there is none.
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

pub use self::event::UploadEvent;
pub use self::future::ResponseFuture;
pub use self::hub::{Events, Subscription};
pub use self::layer::EventsLayer;
pub use self::service::EventsService;

#[cfg(test)]
mod tests;
