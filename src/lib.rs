#![cfg_attr(feature = "file", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "file"), doc = "Resumable uploads for any Rust server.")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(not(unix), any(feature = "file", feature = "hooks-process")))]
compile_error!(
    "the features `file`, which is a default, and `hooks-process` need a Unix system: \
     set `default-features = false`, choose other features, and bring a store of your own"
);

#[cfg(all(unix, feature = "file"))]
mod fs;
#[cfg(any(
    feature = "hooks-grpc",
    feature = "hooks-http",
    feature = "hooks-process"
))]
pub mod hooks;
pub mod lock;
pub mod mount;
pub mod service;
pub mod stack;
pub mod store;

pub use tower_tus_layers as layers;

pub use self::mount::TusLayer;
pub use self::service::TusService;
pub use self::stack::Stack;

/// The code in the chapter about other middleware.
#[cfg(doctest)]
#[doc = include_str!("../docs/middleware.md")]
struct BesideOtherMiddleware;
