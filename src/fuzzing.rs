//! Private parsers, for the fuzz targets in `tests/fuzz`. No part of the public API.

pub use crate::hooks::fuzzing::{grpc_reply, json_reply};
pub use crate::store::file::fuzzing::info;
