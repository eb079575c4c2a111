//! Lockers that work across processes.
//!
//! For the trait, the memory locker and the conformance suite, see
//! [`tower_tus_layers::lock`].

#[cfg(all(unix, feature = "file"))]
pub mod file;

#[cfg(all(unix, feature = "file"))]
pub use self::file::FileLocker;
#[cfg(feature = "object-store")]
pub use crate::store::object::StoreLocker;
