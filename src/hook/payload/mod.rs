//! Events and replies in tusd's JSON.

mod headers;
mod reply;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod text;

use tower_tus_layers::hook::{Moment, Reply};

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

/// Reads what a hook said at this moment.
pub(super) fn reply(moment: Moment, json: &[u8]) -> Result<Reply, InvalidReply> {
    HookResponse::parse(json)
        .map_err(InvalidReply::Json)?
        .into_reply(moment)
}
