//! Requests that the crate `object_store` does not make, in the dialect of S3 that
//! Google Cloud Storage speaks as well.

mod complete;
mod copy;
mod list;
mod multiparts;
mod parts;
mod request;
mod url;

pub(super) use self::request::{Own, Sign, Signed, Unsigned};
pub(super) use self::url::url;
