//! Lockers that reach further than one process.
//!
//! The trait, a locker in memory and the conformance suite are in
//! [`tower_tus_layers::lock`].

#[cfg(feature = "file")]
pub mod file;

#[cfg(feature = "file")]
pub use self::file::FileLocker;
