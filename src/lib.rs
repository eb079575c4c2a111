#![cfg_attr(feature = "file", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "file"), doc = "Resumable uploads for any Rust server.")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(not(unix), any(feature = "file", feature = "hooks-process")))]
compile_error!(
    "the features `file`, which is a default, and `hooks-process` need a Unix system: \
     set `default-features = false`, choose other features, and bring a store of your own"
);

#[cfg(all(
    test,
    unix,
    feature = "checksum",
    feature = "concatenation",
    feature = "download",
    feature = "file"
))]
mod faulty_disk;
#[cfg(all(unix, feature = "file"))]
mod fs;
#[cfg(all(unix, feature = "_fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(any(
    feature = "hooks-grpc",
    feature = "hooks-http",
    feature = "hooks-process"
))]
pub mod hooks;
#[cfg(any(
    feature = "hooks-grpc",
    feature = "hooks-http",
    feature = "object-store"
))]
mod http_client;
pub mod lock;
pub mod mount;
pub mod service;
pub mod stack;
pub mod store;

/// The layers and traits of the stack, for stacks of your own.
pub use tower_tus_layers as layers;

// For embedders, and for implementations of stores, gates and policies.
pub use tower_tus_layers::access::{Access, AccessRequest};
pub use tower_tus_layers::async_trait;
pub use tower_tus_layers::base_url::BaseUrlLayer;
#[cfg(feature = "checksum")]
pub use tower_tus_layers::checksum::Algorithms;
pub use tower_tus_layers::context::Context;
#[cfg(feature = "cors")]
pub use tower_tus_layers::cors::CorsLayer;
pub use tower_tus_layers::detach::DetachLayer;
#[cfg(feature = "expiration")]
pub use tower_tus_layers::expiration::Expiration;
pub use tower_tus_layers::gate::{Gate, Refused};
#[cfg(feature = "hooks")]
pub use tower_tus_layers::hooks::{Callbacks, Event, HookKind, HookKinds, Hooks, Reply};
pub use tower_tus_layers::into_body::IntoBodyLayer;
pub use tower_tus_layers::lock::{Guard, Locker, MemoryLocker};
pub use tower_tus_layers::protocol::{
    Action, Body, BoxError, Chunk, Clock, Completion, Error, FinishState, Interrupt, Length,
    Metadata, NewUpload, Offset, Outcome, Rejection, ResponseOverride, Shutdown, Target, Upload,
    UploadId,
};
pub use tower_tus_layers::render::RenderLayer;
pub use tower_tus_layers::store::{
    AppendError, AppendOptions, Appended, Concatenator, Content, Handle, ListRequest, MemoryStore,
    Page, Reader, Store, Terminator, WriteMode,
};
pub use tower_tus_layers::uploads::{Subscription, UploadEvent, UploadState, Uploads};

#[cfg(all(unix, feature = "file"))]
pub use self::lock::FileLocker;
pub use self::mount::TusLayer;
pub use self::service::TusService;
pub use self::stack::Stack;
#[cfg(all(unix, feature = "file"))]
pub use self::store::FileStore;
#[cfg(feature = "quota")]
pub use self::store::Limited;
#[cfg(feature = "object-store")]
pub use self::store::ObjectStore;

/// The code in the chapter about expiration.
#[cfg(all(doctest, feature = "expiration"))]
#[doc = include_str!("../docs/expiration.md")]
struct Expiring;

/// The code in the chapter about managing uploads.
#[cfg(all(doctest, unix, feature = "expiration", feature = "file"))]
#[doc = include_str!("../docs/uploads.md")]
struct ManagingUploads;

/// The code in the chapter about object stores.
#[cfg(all(doctest, feature = "object-store"))]
#[doc = include_str!("../docs/object-stores.md")]
struct InObjectStores;

/// The code in the chapter about other middleware.
#[cfg(doctest)]
#[doc = include_str!("../docs/middleware.md")]
struct BesideOtherMiddleware;
