//! The credentials for S3, found in the order of AWS's SDKs: keys in the environment, a
//! web identity, a profile in shared files, a container, the instance.

mod environment;
mod ini;
mod profile;
mod source;

pub(super) use self::environment::Environment;
pub(super) use self::source::{Found, Keys, Source, find};
