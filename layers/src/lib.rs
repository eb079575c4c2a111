//! The [tus](https://tus.io) protocol for resumable uploads as tower layers: one
//! layer for each concern, over a small storage trait.
//!
//! This crate contains the protocol itself, with an in-memory store and an
//! in-memory locker as its only back ends. Most programs need the crate
//! `tower-tus`, which adds stores and assembles the stack. Use this crate to
//! build a stack of your own.
//!
//! # Modules
//!
//! | module | contents |
//! |---|---|
//! | [`protocol`] | headers, ids, errors, and every type that layers pass to each other |
//! | [`context`] | what layers tell each other about one request |
//! | [`store`], [`lock`], [`gate`], [`hooks`] | the traits for back ends and applications, the layer that uses each, and conformance suites for stores and lockers |
//! | [`service`] | the minimal core: POST, HEAD, PATCH, DELETE over a store |
//! | [`sweep`] | removes what crashes have left in a store |
//! | [`uploads`] | a handle on what is stored: list, show, remove, finish, expire |
//! | all others | one layer each |
//!
//! # The layers, outermost first
//!
//! | layer | its one concern |
//! |---|---|
//! | [`CorsLayer`](cors::CorsLayer) | allows web pages of other origins to upload |
//! | [`DetachLayer`](detach::DetachLayer) | runs requests to completion, even if the client disconnects |
//! | [`MethodOverrideLayer`](method_override::MethodOverrideLayer) | takes the method from a header |
//! | [`MetricsLayer`](metrics::MetricsLayer) | counts requests, errors and bytes, and measures durations |
//! | [`LogLayer`](log::LogLayer) | logs requests and their outcomes |
//! | [`BaseUrlLayer`](base_url::BaseUrlLayer) | determines the URL that clients see |
//! | [`CachedHeadLayer`](cached_head::CachedHeadLayer) | recognizes HEAD requests that a cache has turned into GET |
//! | [`RenderLayer`](render::RenderLayer) | writes the text of errors |
//! | [`VersionLayer`](version::VersionLayer) | checks `Tus-Resumable` |
//! | [`RouteLayer`](route::RouteLayer) | finds the upload that a path names |
//! | [`DiscoveryLayer`](discovery::DiscoveryLayer) | answers OPTIONS with what the layers inside announce |
//! | [`InterruptLayer`](interrupt::InterruptLayer) | lets something outside a request end its body |
//! | [`AccessLayer`](access::AccessLayer) | decides which clients may create, read, change and terminate uploads |
//! | [`ExpirationLayer`](expiration::ExpirationLayer) | tells clients when an upload expires, and refuses it afterwards |
//! | [`SizeLimitLayer`](size_limit::SizeLimitLayer) | limits the size of uploads |
//! | [`CreationWithUploadLayer`](creation_with_upload::CreationWithUploadLayer) | accepts bytes in the request that creates an upload |
//! | [`LockLayer`](lock::LockLayer) | admits one request at a time for each upload |
//! | [`HooksLayer`](hooks::HooksLayer) | calls hooks before and after something happens |
//! | [`EventsLayer`](events::EventsLayer) | tells subscribers what happens to uploads |
//! | [`GateLayer`](gate::GateLayer) | runs your own checks inside the core |
//! | [`IdleTimeoutLayer`](idle_timeout::IdleTimeoutLayer) | ends a body when the client pauses for too long |
//! | [`ChecksumLayer`](checksum::ChecksumLayer) | verifies checksums, and discards bytes that do not match |
//! | [`ConcatenationLayer`](concatenation::ConcatenationLayer) | makes uploads of other uploads |
//! | [`DownloadLayer`](download::DownloadLayer) | answers GET with the stored bytes, whole or in part |
//!
//! Each layer works alone, and any of them can be left out:
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::discovery::DiscoveryLayer;
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::render::RenderLayer;
//! use tower_tus_layers::route::RouteLayer;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//! use tower_tus_layers::version::VersionLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let core = Core::new(MemoryStore::default());
//! let uploads = ServiceBuilder::new()
//!     .layer(RenderLayer::new())
//!     .layer(VersionLayer::new())
//!     .layer(RouteLayer::new("/files/", core.upload_methods()))
//!     .layer(DiscoveryLayer::new())
//!     .service(core);
//!
//! let create = Request::post("/files/")
//!     .header("Tus-Resumable", "1.0.0")
//!     .header("Upload-Length", "11")
//!     .body(Body::default())?;
//! let response = uploads.oneshot(create).await?;
//! assert_eq!(response.status(), StatusCode::CREATED);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `checksum` | [`checksum`], with the algorithm `sha1` | yes |
//! | `checksum-sha2`, `checksum-md5`, `checksum-crc32`, `checksum-crc32c`, `checksum-blake3` | more algorithms; `checksum-all` for all of them | yes |
//! | `concatenation` | [`concatenation`] | yes |
//! | `conformance` | [`store::conformance`], [`lock::conformance`] | |
//! | `cors` | [`cors`] | yes |
//! | `download` | [`download`] | yes |
//! | `expiration` | [`expiration`] | yes |
//! | `hooks` | [`hooks`] | yes |
//! | `metrics` | [`metrics`] | |
//!
//! Without default features, nothing needs a C compiler; of all features, only
//! `checksum-blake3` does.
//!
//! # Conventions between layers
//!
//! * Layers do not add errors of their own to the service: `type Error =
//!   S::Error`, and the core's is `Infallible`. A refusal is a response with an
//!   empty body and the typed [`Error`](protocol::Error) in its extensions; Render
//!   writes its text.
//! * On the way in, layers communicate through one request extension, the
//!   [`Context`](context::Context); on the way out, through two response
//!   extensions, [`Outcome`](protocol::Outcome) and [`Error`](protocol::Error). No
//!   layer imports another.
//! * Every layer takes and returns a [`Body`](protocol::Body). It counts its bytes,
//!   so that an HTTP/2 body which a client has cut short is not taken for complete.
//!   Put [`IntoBodyLayer`](into_body::IntoBodyLayer) outermost in a stack that you
//!   build yourself, and around foreign layers.
//! * A request is validated before its body is first polled: at that poll hyper
//!   sends `100 Continue`, and a client that waits for it does not send the body of
//!   a refused request.
//! * A body that must be empty is read to its end to make sure: `is_end_stream` and
//!   `size_hint` are hints, which other layers may lose.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod access;
pub mod base_url;
pub mod cached_head;
#[cfg(feature = "checksum")]
pub mod checksum;
#[cfg(feature = "concatenation")]
pub mod concatenation;
pub mod context;
#[cfg(feature = "cors")]
pub mod cors;
pub mod creation_with_upload;
pub mod detach;
pub mod discovery;
#[cfg(feature = "download")]
pub mod download;
mod empty_body;
pub mod events;
#[cfg(feature = "expiration")]
pub mod expiration;
mod future;
pub mod gate;
#[cfg(feature = "hooks")]
pub mod hooks;
pub mod idle_timeout;
mod inner;
pub mod interrupt;
pub mod into_body;
pub mod lock;
pub mod log;
pub mod method_override;
#[cfg(feature = "metrics")]
pub mod metrics;
mod pace;
mod progress;
pub mod protocol;
mod race;
mod ready;
pub mod render;
pub mod route;
pub mod service;
pub mod size_limit;
pub mod store;
#[cfg(any(test, feature = "conformance"))]
mod suite;
pub mod sweep;
pub mod uploads;
pub mod version;

/// Needed to implement the traits of this crate, whose methods are `async`.
pub use async_trait::async_trait;
