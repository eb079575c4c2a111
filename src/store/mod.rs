//! Stores whose uploads survive a restart.
//!
//! For the traits, the memory store and the conformance suite, see
//! [`tower_tus_layers::store`].

#[cfg(any(all(unix, feature = "file"), feature = "object-store"))]
mod checked;
#[cfg(any(all(unix, feature = "file"), feature = "object-store"))]
mod document;
#[cfg(all(unix, feature = "file"))]
pub mod file;
#[cfg(feature = "quota")]
pub mod limited;
#[cfg(feature = "object-store")]
pub mod object;

#[cfg(all(unix, feature = "file"))]
pub use self::file::FileStore;
#[cfg(feature = "quota")]
pub use self::limited::Limited;
#[cfg(feature = "object-store")]
pub use self::object::ObjectStore;
