//! Metrics of requests, errors, bytes, uploads and durations.
//!
//! Everything goes through the facade [`metrics`], so the program chooses the
//! destination. Install its recorder first: each constructor here registers its
//! metrics with the current recorder, including every value of every label, so
//! that all of them are present from the start, at 0. Requests then only use
//! those handles.
//!
//! Names begin with a prefix, `tus` by default. The layer counts:
//!
//! | name | labels | |
//! |---|---|---|
//! | `tus_requests_total` | `method` | requests, when they begin |
//! | `tus_errors_total` | `status`, `code` | responses that carry an [`Error`] |
//! | `tus_bytes_received` | | bytes stored, when their request ends |
//! | `tus_uploads_created` | | |
//! | `tus_uploads_finished` | | |
//! | `tus_uploads_terminated` | | |
//! | `tus_uploads_expired` | | uploads removed because they had expired |
//! | `tus_request_duration_seconds` | `method`, `outcome` | time to the response, without its body |
//!
//! * `method` is one of GET, HEAD, POST, PATCH, DELETE and OPTIONS. Requests
//!   with other methods are neither counted nor timed, but their errors are
//!   counted.
//! * `status` and `code` are those of [`Error::all_codes`], except 405, which
//!   tusd does not count as an error. Those of a [`Rejection`] are registered
//!   when they first occur, up to 64 pairs, with the recorder of that moment;
//!   any others are counted as `other`.
//! * `outcome` is one of `success`; `client_error` and `server_error`, by the
//!   status; `interrupted`, whatever the status, if the client disconnected or
//!   was too slow, another request wanted the upload, or the server was
//!   shutting down; `unanswered`, if the inner service failed or panicked, or
//!   the request was dropped.
//!
//! Of requests that the server itself makes (see [`uploads`](crate::uploads)), only
//! what they do to uploads is counted.
//!
//! What cannot be seen from outside is measured in place by three decorators.
//! They are not layers, so no layer has to know that it is being timed.
//!
//! | name | labels | by | |
//! |---|---|---|---|
//! | `tus_hook_invocations_total` | `hooktype` | [`TimedHooks`] | hooks called |
//! | `tus_hook_errors_total` | `hooktype` | [`TimedHooks`] | hooks that failed |
//! | `tus_hook_duration_seconds` | `hooktype` | [`TimedHooks`] | time until a hook returns |
//! | `tus_lock_wait_seconds` | | [`TimedLocker`] | time until a lock is granted or given up |
//! | `tus_store_operation_seconds` | `operation` | [`TimedStore`] | duration of each method that stores or reads |
//! | `tus_uploads_in_progress` | | [`TimedStore`] | requests that are receiving bytes |
//! | `tus_sweep_removed`, `tus_sweep_removed_bytes` | `kind` | [`TimedStore`] | [leftovers](crate::store::Cleaner) removed, and their bytes |
//!
//! * `hooktype` is a [`HookKind`](crate::hooks::HookKind), such as
//!   `pre-create`.
//! * `operation` is `create`, `open`, `append`, `declare_length`, `declare_complete`, `record`,
//!   `finish`, `terminate`, `concatenate`, `assemble`, `await_part`, `read` or
//!   `bytes`. An `append` lasts as long as the client sends.
//! * `kind` is a [`LeftoverKind`](crate::store::LeftoverKind), such as `half-made`.
//!
//! Place the layer outside all others except Detach and layers that change the
//! method. There it sees every refusal, and the end of requests whose client
//! has disconnected. Without Detach, such a request is `unanswered`, and the
//! bytes that it stored are not counted.
//!
//! | response extension | if missing |
//! |---|---|
//! | [`Error`] | errors are not counted |
//! | [`Outcome`](crate::protocol::Outcome) | bytes and uploads are not counted |
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use http::Request;
//! use metrics_util::debugging::DebuggingRecorder;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::metrics::{MetricsLayer, TimedStore};
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let recorder = DebuggingRecorder::new();
//! let seen = recorder.snapshotter();
//! recorder.install()?;
//!
//! let store = TimedStore::new(Arc::new(MemoryStore::default()), "tus");
//! let service = ServiceBuilder::new()
//!     .layer(MetricsLayer::new())
//!     .service(Core::new(store));
//!
//! let request = Request::post("/").header("Upload-Length", "5").body(Body::default())?;
//! service.oneshot(request).await?;
//! let seen = format!("{:?}", seen.snapshot());
//! assert!(seen.contains("tus_uploads_created"));
//! # Ok(())
//! # }
//! ```
//!
//! [`metrics`]: ::metrics
//! [`Error`]: crate::protocol::Error
//! [`Error::all_codes`]: crate::protocol::Error::all_codes
//! [`Rejection`]: crate::protocol::Rejection

mod by_code;
mod cleaner;
mod end;
mod future;
#[cfg(feature = "hooks")]
mod hooks;
mod layer;
mod locker;
mod names;
mod registry;
mod service;
mod stopwatch;
mod store;

pub use self::future::ResponseFuture;
#[cfg(feature = "hooks")]
pub use self::hooks::TimedHooks;
pub use self::layer::MetricsLayer;
pub use self::locker::TimedLocker;
pub use self::service::Metrics;
pub use self::store::TimedStore;

#[cfg(all(test, feature = "hooks"))]
mod tests;
