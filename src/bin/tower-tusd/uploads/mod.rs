//! The stack of upload layers, built from the flags.

mod cors;
mod early;
mod files;
mod hooks;
mod hooks_dir;
#[cfg(feature = "hooks-grpc")]
mod hooks_grpc;
mod objects;
mod quota;
mod stack;
mod storage;
mod sweep;
mod tend;
mod unhidden;

pub(crate) use self::cors::cors;
pub(crate) use self::early::look_for_early;
pub(crate) use self::stack::{Limits, Tells, Uploads, extensions, observed, stack, stack_beside};
pub(crate) use self::storage::Storage;
pub(crate) use self::sweep::sweep;
pub(crate) use self::tend::tend;
