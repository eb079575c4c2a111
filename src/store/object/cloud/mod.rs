//! [`Objects`](super::objects::Objects) in S3, Google Cloud Storage and Azure.
//!
//! The crate `object_store` finds credentials, signs requests, and makes those that it
//! knows ([`ordinary`]); the others are [our own](own). All of them go through a
//! [`Transport`](transport::Transport), which knows time limits, retries and errors.
//! None of that crate's types leaves this module.

mod azure;
mod bucket;
mod connector;
mod credentials;
mod failure;
mod gcs;
mod ordinary;
mod own;
mod properties;
mod s3;
mod settings;
mod tags;
#[cfg(test)]
mod tests;
mod transport;
mod xml;

pub use self::azure::ContainerAccess;
pub use self::settings::{Azure, Gcs, S3, SettingsError};
