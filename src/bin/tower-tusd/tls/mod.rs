//! TLS, as the flags say.

mod files;
mod flags;
mod open;
mod stream;

pub(crate) use self::flags::TlsFlags;
pub(crate) use self::stream::TlsStream;
