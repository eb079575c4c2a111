#![cfg_attr(feature = "file", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "file"), doc = "Resumable uploads for any Rust server.")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "file")]
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
