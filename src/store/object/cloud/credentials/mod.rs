//! The credentials for S3, found in the order of AWS's SDKs: keys in the environment, a
//! web identity, a profile in shared files, a container, the instance. And those for
//! [Azure](azure).

mod azure;
mod environment;
mod find;
mod ini;
mod keys;
mod profile;
mod source;
#[cfg(test)]
mod tests;

pub(super) use self::azure::AzureSource;
pub(super) use self::environment::Environment;
pub(super) use self::find::{Found, find};
pub(super) use self::keys::Keys;
pub(super) use self::source::Source;
