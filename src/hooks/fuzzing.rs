use tower_tus_layers::hooks::{HookKind, Reply};
use tower_tus_layers::protocol::BoxError;

use super::{grpc, payload};

/// Reads the output of an executable, or the body of an HTTP response.
///
/// # Errors
///
/// If the hook fails because of its reply.
pub fn json_reply(kind: HookKind, json: &[u8]) -> Result<Reply, BoxError> {
    Ok(payload::reply(kind, json)?)
}

/// Reads the message of a gRPC service.
///
/// # Errors
///
/// If the hook fails because of its reply.
pub fn grpc_reply(kind: HookKind, message: &[u8]) -> Result<Reply, BoxError> {
    Ok(grpc::decode(message)?.into_reply(kind)?)
}
