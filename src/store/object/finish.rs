//! Makes the finished object of a complete upload.
//!
//! The object carries the nonce of its upload. So it is known to be ours, whatever
//! became of the call that has made it.

use tower_tus_layers::protocol::{Error, FinishState};

use super::adopt;
use super::append::{self, Held};
use super::calls::{all_parts, retried};
use super::handle::ObjectHandle;
use super::objects::{Found, MultipartId, ObjectError, Objects, PartNumber, Payload, Tag, When};
use super::place::Place;
use super::properties::{MARK, marked};
use super::state::{State, random};
use super::tail;

/// Makes the object, unless it is there.
pub(super) async fn finish(handle: &mut ObjectHandle) -> Result<(), Error> {
    make(handle).await?;
    match handle.upload.finishing {
        // It is recorded later.
        Some(FinishState::Pending { .. }) => Ok(()),
        finishing => record(handle, finishing).await,
    }
}

/// Makes the object, unless it is there, and records that the upload is finished.
pub(super) async fn finish_and_record(handle: &mut ObjectHandle) -> Result<(), Error> {
    if let Some(held) = handle.held.take()
        && let Err(held) = make_of_held(handle, held).await
    {
        append::release(handle, held).await?;
    }
    make(handle).await?;
    let finishing = handle.upload.finishing.map(|_| FinishState::Done);
    record(handle, finishing).await
}

/// Makes the object, unless it is there, and records that all bytes are in it. Whether
/// the upload is finished stays as it was.
pub(super) async fn make_and_name(handle: &mut ObjectHandle) -> Result<(), Error> {
    make(handle).await?;
    record(handle, handle.upload.finishing).await
}

/// Records that all bytes are in the object.
async fn record(handle: &mut ObjectHandle, finishing: Option<FinishState>) -> Result<(), Error> {
    if handle.info.state.whole && handle.upload.finishing == finishing {
        return Ok(());
    }
    let (mut document, mut state) = (handle.info.document.clone(), handle.info.state.clone());
    let mut upload = handle.upload.clone();
    upload.finishing = finishing;
    document.update(&upload);
    let pieces = tail::names(&state);
    state.set_whole();
    handle.swap(document, state).await?;
    tail::remove(&handle.store.objects, &handle.keys, pieces).await;
    Ok(())
}

async fn make(handle: &mut ObjectHandle) -> Result<(), Error> {
    if handle.is_made {
        return Ok(());
    }
    handle.release().await?;
    if !handle.upload.is_complete() {
        return Err(Error::UploadNotFinished);
    }
    let state = &handle.info.state;
    let made = match state.multipart {
        Some(_) if state.offset() > 0 || state.is_of_tusd() => complete(handle).await,
        // Not every store joins no parts. A sweep removes what was begun.
        Some(_) | None => put(handle).await,
    };
    if matches!(made, Err(Error::UploadFailed)) {
        let failed = FinishState::Failed;
        let (mut document, state) = (handle.info.document.clone(), handle.info.state.clone());
        let mut upload = handle.upload.clone();
        upload.finishing = Some(failed);
        document.update(&upload);
        handle.swap(document, state).await?;
    }
    made?;
    handle.is_made = true;
    Ok(())
}

/// Puts an object that consists of the tail.
async fn put(handle: &ObjectHandle) -> Result<(), Error> {
    let (Place { objects, key, .. }, state) = (&handle.place, &handle.info.state);
    let loan = handle.store.budget.lend(state.rest()).await;
    loan.shed_chunks();
    let payload: Payload = tail::read(&handle.store.objects, &handle.keys, state)
        .await?
        .into_iter()
        .collect();
    let properties = marked(state, state.nonce.clone());
    let absent = retried(|| objects.put(key, payload.clone(), When::Absent, &properties)).await;
    let Err(error) = absent else {
        return Ok(());
    };
    match look(handle, error).await? {
        Object::Made => Ok(()),
        // Its bytes may be others, which never counted.
        Object::Draft(found) => {
            let when = When::Match(&found.tag);
            let put = retried(|| objects.put(key, payload.clone(), when, &properties)).await;
            match put {
                Ok(_) => Ok(()),
                Err(error) => is_made(handle, error).await,
            }
        }
        Object::Foreign => Err(Error::UploadFailed),
    }
}

/// Completes the multipart upload, after its last part.
async fn complete(handle: &mut ObjectHandle) -> Result<(), Error> {
    append::send_rest(handle).await?;
    let (Place { objects, key, .. }, state) = (&handle.place, &handle.info.state);
    let multipart = state.multipart().ok_or(Error::UploadFailed)?;
    // The store would replace it.
    if !objects.rules().conditional_complete
        && let Some(Object::Foreign) = find(handle).await?
    {
        return Err(Error::UploadFailed);
    }
    let (objects, multipart) = (&**objects, &multipart);
    let absent = retried(|| join(objects, key, state, multipart, When::Absent)).await;
    let Err(error) = absent else {
        return Ok(());
    };
    let is_gone = matches!(error, ObjectError::NotFound);
    match look(handle, error).await {
        Ok(Object::Made) => Ok(()),
        // A late call cannot remove the object that comes after it.
        Ok(Object::Draft(found)) => {
            let when = When::Match(&found.tag);
            match retried(|| join(objects, key, state, multipart, when)).await {
                Ok(_) => Ok(()),
                Err(error) => is_made(handle, error).await,
            }
        }
        // Somebody has removed the parts, or has taken the place of the object.
        Err(Error::NotFound) if is_gone => Err(Error::UploadFailed),
        Ok(Object::Foreign) => Err(Error::UploadFailed),
        Err(error) => Err(error),
    }
}

async fn join(
    objects: &dyn Objects,
    key: &str,
    state: &State,
    multipart: &MultipartId,
    when: When<'_>,
) -> Result<Tag, ObjectError> {
    let mut parts = state.listed_parts();
    if parts.is_empty() && state.is_of_tusd() {
        parts.push(adopt::put_empty_part(objects, key, state, multipart).await?);
    }
    let error = match objects.complete(key, multipart, &parts, when).await {
        Err(ObjectError::Invalid(error)) => error,
        joined => return joined,
    };
    match parts_with_other_tags(objects, key, state, multipart).await? {
        Some(parts) => objects.complete(key, multipart, &parts, when).await,
        None => Err(ObjectError::Invalid(error)),
    }
}

/// Returns the parts with the tags that they have now, if the state has other ones.
///
/// A part may be stored again by a call that comes late. Its bytes are the same, since
/// each number has one writer, but where they are encrypted with a key of a KMS its tag
/// is not. tusd may use a number twice.
async fn parts_with_other_tags(
    objects: &dyn Objects,
    key: &str,
    state: &State,
    multipart: &MultipartId,
) -> Result<Option<Vec<(PartNumber, Tag)>>, ObjectError> {
    if state.is_of_tusd() {
        return Ok(None);
    }
    let found = all_parts(objects, key, multipart).await?;
    let named = state.parts.iter().map(|(number, size, _)| {
        let index = found.binary_search_by_key(number, |part| part.number);
        let part = index.ok().map(|index| &found[index]);
        let part = part.filter(|part| part.size == *size)?;
        Some((*number, part.tag.clone()))
    });
    let named: Option<Vec<_>> = named.collect();
    Ok(named.filter(|parts| *parts != state.listed_parts()))
}

/// Puts an object that consists of the tail and the bytes that are held back. Returns
/// them if this is not known to have succeeded.
async fn make_of_held(handle: &mut ObjectHandle, mut held: Held) -> Result<(), Held> {
    let (Place { objects, key, .. }, state) = (&handle.place, &handle.info.state);
    let Ok(mut pieces) = tail::read(&handle.store.objects, &handle.keys, state).await else {
        return Err(held);
    };
    pieces.extend(held.pieces().iter().cloned());
    let payload: Payload = pieces.into_iter().collect();
    // Nobody may take it for finished before its last bytes count.
    let properties = marked(state, format!("{} {}", state.nonce, random()));
    match objects.put(key, payload, When::Absent, &properties).await {
        Ok(_) => {
            handle.is_made = true;
            Ok(())
        }
        Err(_) => Err(held),
    }
}

/// The object in the place of the finished one.
enum Object {
    /// The finished object.
    Made,
    /// An object of this upload that somebody has made too early.
    Draft(Found),
    Foreign,
}

/// Looks at the place of the finished object, after a call that may have made it.
async fn look(handle: &ObjectHandle, error: ObjectError) -> Result<Object, Error> {
    if !error.may_be_done() && !matches!(error, ObjectError::NotFound) {
        return Err(error.into());
    }
    let found = find(handle).await?;
    found.ok_or_else(|| error.into())
}

/// Returns what is in the place of the finished object.
async fn find(handle: &ObjectHandle) -> Result<Option<Object>, Error> {
    let Place { objects, key, .. } = &handle.place;
    let found = match retried(|| objects.head(key)).await {
        Ok(found) => found,
        Err(ObjectError::NotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let state = &handle.info.state;
    let has_size = found.size == state.offset();
    let is_unmarked = adopt::is_completed(&**objects, key, state).await?;
    Ok(Some(match found.metadata.get(MARK) {
        Some(mark) if *mark == state.nonce && has_size => Object::Made,
        None if is_unmarked && has_size => Object::Made,
        _ if is_ours(&found, state) => Object::Draft(found),
        _ => Object::Foreign,
    }))
}

async fn is_made(handle: &ObjectHandle, error: ObjectError) -> Result<(), Error> {
    match look(handle, error).await? {
        Object::Made => Ok(()),
        Object::Draft(_) | Object::Foreign => Err(Error::LockTimeout),
    }
}

/// Whether the object was made for this upload.
pub(super) fn is_ours(found: &Found, state: &State) -> bool {
    let mark = found.metadata.get(MARK);
    !state.is_of_tusd() && mark.is_some_and(|mark| mark.starts_with(&state.nonce))
}
