//! Stores whose uploads outlive the program.
//!
//! The traits, a store in memory and the conformance suite are in
//! [`tower_tus_layers::store`].

#[cfg(feature = "file")]
pub mod file;

#[cfg(feature = "file")]
pub use self::file::FileStore;
