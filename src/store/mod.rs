//! Where uploads live: the stores that are more than memory.
//!
//! The traits, a store in memory and the conformance suite are in
//! [`tower_tus_layers::store`]; here are the stores that outlive the program.

#[cfg(all(unix, feature = "file"))]
pub mod file;

#[cfg(all(unix, feature = "file"))]
pub use self::file::FileStore;
