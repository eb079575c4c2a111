//! PATCH on an upload.

use headers::HeaderMapExt;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body as _;

use super::capped::{Capped, Room};
use super::create::typed;
use super::finish::kept_answer;
use super::{Core, give, respond};
use crate::context::Context;
use crate::empty_body::{self, bytes_come};
use crate::protocol::header::is_offset_octet_stream;
use crate::protocol::{
    Action, Body, Chunk, Error, FinishState, Length, Offset, Outcome, ResponseOverride, Upload,
    UploadId,
};
use crate::store::{AppendError, AppendOptions, Appended, Handle, WriteMode};

impl Core {
    pub(super) async fn append(
        &self,
        parts: &Parts,
        mut body: Body,
        id: &UploadId,
    ) -> Response<Body> {
        let mut handle = match self.open_at_offset(parts, id).await {
            Ok(handle) => handle,
            Err(error) => return error.into_response(),
        };
        let mut outcome = Outcome::new(handle.info().clone());
        let result = self
            .receive(parts, &mut body, &mut *handle, &mut outcome)
            .await;
        outcome.upload = handle.info().clone();
        let result = result.map(|answer| {
            let mut response = appended(handle.info().offset);
            give(answer, &mut response, parts);
            response
        });
        respond(result, outcome)
    }

    /// Opens the upload, and checks that the request continues at its offset.
    async fn open_at_offset(&self, parts: &Parts, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        // CORE-24
        if !is_offset_octet_stream(&parts.headers) {
            return Err(Error::InvalidContentType);
        }
        let offset = typed::<Offset>(&parts.headers, Error::InvalidOffset)?;
        let offset = offset.ok_or(Error::InvalidOffset)?;
        let handle = self.open(parts, id, Action::Append).await?;
        match handle.info().offset {
            // CAT-10, CAT-11
            _ if handle.info().is_final() => Err(Error::ModifyFinal),
            current if current == offset => Ok(handle),
            // CORE-25
            current => Err(Error::MismatchedOffset { current }),
        }
    }

    /// Stores the body, and finishes the upload with its last byte. Returns the answer
    /// to the finish, if the upload is finished.
    async fn receive(
        &self,
        parts: &Parts,
        body: &mut Body,
        handle: &mut dyn Handle,
        outcome: &mut Outcome,
    ) -> Result<ResponseOverride, Error> {
        let declared = declared_length(parts, handle.info())?;
        let context = Context::of(&parts.extensions);
        let keep = context.write_mode();
        if outcome.upload.is_complete() {
            nothing_comes(parts, body, keep).await?;
            let finished = self.finish_again(parts, handle).await?;
            outcome.finished = finished.is_some();
            return Ok(finished.unwrap_or_else(|| kept_answer(handle)));
        }
        let room = Room::of(handle.info(), declared, context.max_size());
        // AMB-03: a body that is known to be too long is refused before
        // anything changes.
        if body.size_hint().lower() > room.bytes {
            return Err(room.excess);
        }
        // CHK-07: a chunk that is discarded must not declare a length, so an
        // atomic chunk declares it at its end.
        let (now, later) = match keep {
            WriteMode::Streaming => (declared, None),
            WriteMode::Atomic => (None, declared),
        };
        declare(handle, now).await?;
        // An upload without a record was created when finishing could not fail.
        if handle.info().finishing.is_none() && self.records_finishing(parts) {
            handle.record(FinishState::Pending { attempts: 0 }).await?;
        }
        let bytes = room.bytes;
        let mut chunk = Capped::new(body, room);
        let options = self.append_options(parts, handle.info());
        let appended = write(context, handle, Chunk::new(&mut chunk), options, bytes).await;
        // A store that has lost bytes reports a smaller offset; then nothing
        // was received.
        outcome.received = appended.offset.since(outcome.upload.offset);
        let body = match appended.error {
            // The store may have lost bytes that its offset still counts.
            Some(AppendError::Store(error)) => return Err(error),
            Some(AppendError::Body(error)) => Err(error),
            None => {
                declare(handle, later).await?;
                Ok(())
            }
        };
        // Even after an error of the body, which may be too long and contain the
        // last byte.
        let finished = match handle.info().is_complete() {
            true => self
                .finish(parts, handle)
                .await
                .inspect(|_| outcome.finished = true),
            false => Ok(ResponseOverride::default()),
        };
        body.and(finished)
    }

    fn append_options(&self, parts: &Parts, upload: &Upload) -> AppendOptions {
        let context = Context::of(&parts.extensions);
        let mut options = AppendOptions::from(context.write_mode());
        options.interrupt = context.interrupt();
        options.is_finished_next = !context.decides_completion() && self.may_finish(upload);
        options
    }
}

/// Appends the body to the upload, and logs it if the request is
/// [logged](Context::is_logged).
async fn write(
    context: &Context,
    handle: &mut dyn Handle,
    chunk: Chunk<'_>,
    options: AppendOptions,
    room: u64,
) -> Appended {
    if !context.is_logged() {
        return handle.append(chunk, options).await;
    }
    let offset = handle.info().offset;
    let id = handle.info().id.clone();
    tracing::info!(%id, maxSize = room, offset = offset.get(), "ChunkWriteStart");
    let appended = handle.append(chunk, options).await;
    let written = appended.offset.since(offset);
    tracing::info!(%id, bytesWritten = written, "ChunkWriteComplete");
    match &appended.error {
        // At info: clients pause and return regularly.
        Some(error) if error.error().is_interruption() => {
            tracing::info!(%id, %error, "BodyReadError");
        }
        _ => {}
    }
    appended
}

/// Returns the deferred length, if this request declares it.
///
/// A client may repeat a known length, because after a lost response it sends
/// the same request again. A different length is refused.
// DEF-03, CRE-09
fn declared_length(parts: &Parts, upload: &Upload) -> Result<Option<Length>, Error> {
    let declared = typed::<Length>(&parts.headers, Error::InvalidUploadLength)?;
    let Some(length) = declared else {
        return Ok(None);
    };
    match upload.length {
        None if length >= upload.offset.into() => Ok(Some(length)),
        Some(known) if length == known => Ok(None),
        _ => Err(Error::InvalidUploadLength), // DEF-04
    }
}

async fn declare(handle: &mut dyn Handle, length: Option<Length>) -> Result<(), Error> {
    match length {
        Some(length) => handle.declare_length(length).await,
        None => Ok(()),
    }
}

/// Checks the body of a PATCH at the end of a complete upload: it must be
/// empty.
// AMB-04
async fn nothing_comes(parts: &Parts, body: &mut Body, keep: WriteMode) -> Result<(), Error> {
    // CHK-15: even an empty body is read to its end, where its checksum is
    // verified.
    if keep == WriteMode::Streaming && empty_body::is_announced(parts) {
        return Ok(());
    }
    match bytes_come(body).await? {
        true => Err(Error::SizeExceeded),
        false => Ok(()),
    }
}

// CORE-26, CORE-27, CORE-28
fn appended(offset: Offset) -> Response<Body> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().typed_insert(offset);
    response
}
