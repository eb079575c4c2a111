//! Events and replies in tusd's JSON.

mod headers;
mod reply;
mod request;
mod response;
mod storage;
#[cfg(test)]
mod tests;
mod text;

use tower_tus_layers::hooks::{HookKind, Reply};

use self::reply::InvalidReply;

#[cfg(feature = "hooks-grpc")]
pub(super) use self::headers::{headers, target};
pub(super) use self::request::{id, request};
pub(super) use self::response::HookResponse;
#[cfg(feature = "hooks-grpc")]
pub(super) use self::response::{FileInfoChanges, HttpResponse};
pub(super) use self::text::excerpt;
#[cfg(feature = "hooks-grpc")]
pub(super) use self::text::text;

/// Reads the output of a hook.
///
/// For a deciding hook an unknown member is an error: it may be a misspelt
/// refusal.
pub(super) fn reply(kind: HookKind, json: &[u8]) -> Result<Reply, InvalidReply> {
    let (response, unknown) = HookResponse::parse(json).map_err(InvalidReply::Json)?;
    match unknown {
        Some(member) if kind.is_question() => return Err(InvalidReply::Member(member)),
        Some(member) => {
            tracing::warn!("type" = %kind, member, "the reply of a hook has an unknown member");
        }
        None => {}
    }
    response.into_reply(kind)
}
