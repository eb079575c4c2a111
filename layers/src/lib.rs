//! The [tus](https://tus.io) protocol as tower layers: each concern one layer,
//! over a small storage trait.
//!
//! This crate is the protocol itself, with no back end but a store and a
//! locker in memory. Most programs want the crate `tower-tus`, which adds the
//! stores and assembles the stack once; this one is for those who take the
//! stack apart.
//!
//! # The rooms
//!
//! | module | what is in it |
//! |---|---|
//! | [`protocol`] | headers, ids, errors, and every type that layers pass to each other |
//! | [`context`] | what layers tell each other about one request |
//! | [`store`], [`lock`], [`gate`], [`hooks`] | the traits that others implement, with the layer that uses each and suites that prove them |
//! | [`service`] | the minimal core: POST, HEAD, PATCH, DELETE over a store |
//! | all others | one layer each |
//!
//! # The layers, outermost first
//!
//! | layer | its one concern |
//! |---|---|
//! | [`CorsLayer`](cors::CorsLayer) | which pages of other origins may upload |
//! | [`DetachLayer`](detach::DetachLayer) | a request runs to its end, also when the client has gone |
//! | [`MethodOverrideLayer`](method_override::MethodOverrideLayer) | a header says what the method is |
//! | [`MetricsLayer`](metrics::MetricsLayer) | requests, errors, bytes and times are counted |
//! | [`LogLayer`](log::LogLayer) | requests, and what they did, are logged |
//! | [`BaseUrlLayer`](base_url::BaseUrlLayer) | the URL that clients see |
//! | [`CachedHeadLayer`](cached_head::CachedHeadLayer) | HEAD that a cache has turned into GET |
//! | [`RenderLayer`](render::RenderLayer) | the text of errors |
//! | [`VersionLayer`](version::VersionLayer) | `Tus-Resumable` |
//! | [`RouteLayer`](route::RouteLayer) | from a path to an upload |
//! | [`DiscoveryLayer`](discovery::DiscoveryLayer) | OPTIONS: what the layers inside announce |
//! | [`InterruptLayer`](interrupt::InterruptLayer) | something outside a request ends its body |
//! | [`AccessLayer`](access::AccessLayer) | who may create, read, change and terminate uploads |
//! | [`SizeLimitLayer`](size_limit::SizeLimitLayer) | nothing passes the maximum |
//! | [`CreationWithUploadLayer`](creation_with_upload::CreationWithUploadLayer) | a creation brings bytes along |
//! | [`LockLayer`](lock::LockLayer) | one request at a time for each upload |
//! | [`HooksLayer`](hooks::HooksLayer) | hooks are asked before, and told after |
//! | [`GateLayer`](gate::GateLayer) | somebody looks, or says no |
//! | [`IdleTimeoutLayer`](idle_timeout::IdleTimeoutLayer) | a client that stalls is waited for no longer |
//! | [`ChecksumLayer`](checksum::ChecksumLayer) | bytes are what their client says, or are not kept |
//! | [`ConcatenationLayer`](concatenation::ConcatenationLayer) | uploads are made of other uploads |
//! | [`DownloadLayer`](download::DownloadLayer) | GET: what is stored, whole or in part |
//!
//! Each works alone, and any that is left out is missed by no other:
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
//! | feature | what it adds | default |
//! |---|---|---|
//! | `checksum` | [`checksum`], with the algorithm `sha1` | yes |
//! | `checksum-sha2`, `checksum-md5`, `checksum-crc32`, `checksum-crc32c`, `checksum-blake3` | more algorithms; `checksum-all` for all of them | yes |
//! | `concatenation` | [`concatenation`] | yes |
//! | `conformance` | [`store::conformance`], [`lock::conformance`] | |
//! | `cors` | [`cors`] | yes |
//! | `download` | [`download`] | yes |
//! | `hooks` | [`hooks`] | yes |
//! | `metrics` | [`metrics`] | |
//!
//! Without default features nothing needs a C compiler; of all features only
//! `checksum-blake3` does.
//!
//! # What holds between them
//!
//! * A layer never widens the service's error: `type Error = S::Error`, and
//!   the core's is `Infallible`. A refusal is a response with an empty body and
//!   the typed [`Error`](protocol::Error) in its extensions, which Render
//!   writes out.
//! * Inwards, layers talk through one request extension, the
//!   [`Context`](context::Context); outwards through two response extensions,
//!   [`Outcome`](protocol::Outcome) and [`Error`](protocol::Error). No layer imports
//!   another.
//! * Every layer takes and gives a [`Body`](protocol::Body), which counts: an HTTP/2
//!   body that a client has cut short does not pass for whole. Put
//!   [`IntoBodyLayer`](into_body::IntoBodyLayer) at the door of a stack of your own,
//!   and around layers of others.
//! * A request is validated before its body is polled for the first time:
//!   at that poll hyper sends `100 Continue`, so a refusal costs a patient
//!   client nothing.
//! * Where a body must be empty, it is empty when it ends without bytes:
//!   `is_end_stream` and `size_hint` are hints, which other layers lose.

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
pub mod version;

/// For those who implement a trait of this crate, all of which are `async`.
pub use async_trait::async_trait;
