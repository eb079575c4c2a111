//! Lockers that reach further than one process.
//!
//! The trait, a locker in memory and the conformance suite are in
//! [`tower_tus_layers::lock`].

#[cfg(all(unix, feature = "file"))]
pub mod file;

#[cfg(all(unix, feature = "file"))]
pub use self::file::FileLocker;
