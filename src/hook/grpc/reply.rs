//! What a hook server's message says.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, StatusCode};
use tower_tus_layers::hook::{Moment, Reply, Verdict};
use tower_tus_layers::protocol::{Amendment, BoxError, Metadata};

use super::message::{FileInfoChanges, HookResponse, HttpResponse};

/// Reads the answer to an event of `moment`, which ignores what has no meaning then.
pub(super) fn reply(moment: Moment, message: HookResponse) -> Result<Reply, BoxError> {
    let mut reply = Reply::accept();
    reply.verdict = match moment {
        Moment::PreCreate if message.reject_upload => Verdict::Reject,
        Moment::PreTerminate if message.reject_termination => Verdict::Reject,
        Moment::PostReceive if message.stop_upload => Verdict::Stop,
        _ => Verdict::Accept,
    };
    if let Some(changes) = message.change_file_info
        && moment == Moment::PreCreate
    {
        change(&mut reply, changes)?;
    }
    if let Some(response) = message.http_response {
        reply.response = amendment(response)?;
    }
    Ok(reply)
}

fn change(reply: &mut Reply, mut changes: FileInfoChanges) -> Result<(), BoxError> {
    if !changes.id.is_empty() {
        reply.id = Some(changes.id.trim_matches('/').parse()?);
    }
    if !changes.meta_data.is_empty() {
        reply.metadata = Some(Metadata::from_pairs(changes.meta_data)?);
    }
    let path = changes.storage.remove("Path");
    reply.storage_path = path.filter(|path| !path.is_empty());
    Ok(())
}

/// What belongs to the connection and to the message is not a hook's to say.
const OF_THE_MESSAGE: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE];

fn amendment(response: HttpResponse) -> Result<Amendment, BoxError> {
    let mut amendment = Amendment::default();
    if response.status_code != 0 {
        amendment = amendment.with_status(status(response.status_code)?);
    }
    for (name, value) in response.header {
        let (name, value) = (name.parse()?, value.parse()?);
        if !OF_THE_MESSAGE.contains(&name) {
            amendment = amendment.with_header(name, value);
        }
    }
    if !response.body.is_empty() {
        amendment = amendment.with_body(response.body);
    }
    Ok(amendment)
}

/// A status that can end a request.
fn status(code: i64) -> Result<StatusCode, BoxError> {
    let status = u16::try_from(code).ok();
    let status = status.filter(|code| (200..600).contains(code));
    let status = status.and_then(|code| StatusCode::from_u16(code).ok());
    status.ok_or_else(|| format!("{code} is not the status of a response").into())
}
