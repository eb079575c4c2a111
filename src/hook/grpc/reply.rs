//! What a hook server's message says.

use http::StatusCode;
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

fn amendment(response: HttpResponse) -> Result<Amendment, BoxError> {
    let mut amendment = Amendment::default();
    if response.status_code != 0 {
        amendment = amendment.with_status(status(response.status_code)?);
    }
    for (name, value) in response.header {
        amendment = amendment.with_header(name.parse()?, value.parse()?);
    }
    if !response.body.is_empty() {
        amendment = amendment.with_body(response.body);
    }
    Ok(amendment)
}

/// A status that can end a request.
fn status(code: i64) -> Result<StatusCode, BoxError> {
    let status = u16::try_from(code).ok().map(StatusCode::from_u16);
    match status {
        Some(Ok(status)) if !status.is_informational() => Ok(status),
        _ => Err(format!("{code} is no status of a response").into()),
    }
}
