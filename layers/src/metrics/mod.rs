//! Metrics: requests, errors, bytes, uploads, and how long all that takes.
//!
//! Everything goes through the facade [`metrics`], so the program decides where
//! it ends up. Install its recorder first: each constructor here registers its
//! metrics with the recorder of that moment, every value of every label among
//! them, so that all are there at 0 from the start. A request then touches
//! handles and nothing else.
//!
//! Names begin with a prefix, `tus` unless told otherwise. The layer counts:
//!
//! | name | labels | |
//! |---|---|---|
//! | `tus_requests_total` | `method` | requests, when they begin |
//! | `tus_errors_total` | `status`, `code` | answers that carry an [`Error`] |
//! | `tus_bytes_received` | | bytes stored, when their request ends |
//! | `tus_uploads_created` | | |
//! | `tus_uploads_finished` | | |
//! | `tus_uploads_terminated` | | |
//! | `tus_request_duration_seconds` | `method`, `outcome` | until the answer, without its body |
//!
//! * `method` is one of GET, HEAD, POST, PATCH, DELETE and OPTIONS; a request of
//!   any other is neither counted nor timed, but its error is counted.
//! * `status` and `code` are those of [`Error::all_codes`], except 405, which tusd
//!   does not count as an error. Those of a [`Rejection`] are registered when they
//!   first occur, up to 64 pairs, with the recorder of that moment; all others
//!   are counted as `other`.
//! * `outcome` is `success`; `client_error` and `server_error`, by the status;
//!   `interrupted`, whatever the status, where the client went away or was too
//!   slow, another request wanted the upload, or the server was shutting down;
//!   `unanswered`, where the service inside failed or panicked, or the request
//!   was dropped.
//!
//! What cannot be seen from outside is measured where it happens, by three
//! decorators that are no layers: no layer needs to know that it is timed.
//!
//! | name | labels | by | |
//! |---|---|---|---|
//! | `tus_hook_invocations_total` | `hooktype` | [`TimedHooks`] | hooks called |
//! | `tus_hook_errors_total` | `hooktype` | [`TimedHooks`] | those that failed |
//! | `tus_hook_duration_seconds` | `hooktype` | [`TimedHooks`] | until a hook has answered |
//! | `tus_lock_wait_seconds` | | [`TimedLocker`] | until a lock was had, or given up |
//! | `tus_store_operation_seconds` | `operation` | [`TimedStore`] | each method that stores or reads |
//! | `tus_uploads_in_progress` | | [`TimedStore`] | requests that are receiving bytes |
//!
//! * `hooktype` is a [`HookKind`](crate::hooks::HookKind), such as `pre-create`.
//! * `operation` is `create`, `open`, `append`, `declare_length`, `record`,
//!   `finish`, `terminate`, `concatenate`, `assemble`, `await_part`, `read` or
//!   `bytes`. An `append` takes as long as the client sends.
//!
//! The layer belongs outside all others but Detach and whatever changes the
//! method: there it sees every refusal, and also the end of a request whose
//! client has gone. Without Detach such a request is `unanswered`, and what it
//! has stored is not counted.
//!
//! | response extension | without it |
//! |---|---|
//! | [`Error`] | no error is counted |
//! | [`Outcome`](crate::protocol::Outcome) | no bytes and no uploads are counted |
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
