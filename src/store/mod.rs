//! Stores whose uploads outlive the program.
//!
//! The traits, a store in memory and the conformance suite are in
//! [`tower_tus_layers::store`].

#[cfg(all(unix, feature = "file"))]
pub mod file;

#[cfg(all(unix, feature = "file"))]
pub use self::file::FileStore;
