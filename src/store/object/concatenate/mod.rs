//! Uploads that are concatenated from others.
//!
//! The bytes are joined in a multipart upload that no state names, or in the state itself
//! if they are few. One write of `.info` makes them count. From then on the upload is
//! complete, and is finished like any other one: a crash before it leaves at most what a
//! sweep finds, and a crash after it leaves an upload that can be finished.

mod join;
mod plan;
mod sources;

use tower_tus_layers::protocol::{
    Concat, Error, Interrupt, Length, NewUpload, Offset, Role, Upload, UploadId,
};

use self::join::Joined;
use self::sources::Sources;
use super::handle::ObjectHandle;
use super::place::{Place, check_absent};
use super::state::State;
use super::{ObjectStore, create, finish, terminate};

/// Creates a final upload of complete parts, or leaves nothing behind.
pub(super) async fn concatenate(
    store: &ObjectStore,
    new: NewUpload,
    interrupt: &Interrupt,
) -> Result<ObjectHandle, Error> {
    let order = new.concat.as_ref().map_or(&[][..], Concat::parts);
    let (keys, mut state) = (store.keys(&new.id), create::begin(store, &new)?);
    let place = store.place(&keys, &state)?;
    create::check_unused(store, &new, &place).await?;
    let sources = Sources::find(store, order, &place).await?;
    let mut upload = Upload::from(new);
    (upload.length, upload.offset) = of_length(sources.length()); // CAT-04
    let document = create::describe(&place, &upload);

    let joined = join::join(store, &place, &state, &sources, interrupt).await?;
    joined.describe(&mut state);
    let published = create::publish(store, keys, document, state, upload.id).await;
    let handle = keep(published, &place, &joined).await?;
    finish_new(store, handle).await
}

/// Gives a pending final the bytes of its parts.
pub(super) async fn assemble(
    store: &ObjectStore,
    id: &UploadId,
    interrupt: &Interrupt,
) -> Result<(), Error> {
    let mut handle = ObjectHandle::open(store, id).await?;
    let mut upload = handle.upload.clone();
    let role = upload.concat.as_mut().map(|concat| &mut concat.role);
    let Some(Role::Final { parts, pending }) = role.filter(|_| handle.upload.is_pending()) else {
        return Ok(());
    };
    let sources = Sources::find(store, parts, &handle.place).await?;
    *pending = false;
    (upload.length, upload.offset) = of_length(sources.length()); // CAT-04
    let (mut document, place) = (handle.info.document.clone(), handle.place.clone());
    document.update(&upload);

    check_absent(&*place.objects, &place.key).await?;
    let mut state = State {
        multipart: None,
        ..handle.info.state.clone()
    };
    let joined = join::join(store, &place, &state, &sources, interrupt).await?;
    joined.describe(&mut state);
    let swapped = handle.swap(document, state).await;
    keep(swapped, &place, &joined).await?;
    finish_later(finish::make_and_name(&mut handle).await, id);
    Ok(())
}

/// Records in a part that a final upload waits for it.
pub(super) async fn await_part(
    store: &ObjectStore,
    part: &UploadId,
    id: &UploadId,
) -> Result<(), Error> {
    let mut handle = ObjectHandle::open(store, part).await?;
    let mut upload = handle.upload.clone();
    match upload.concat.as_mut().map(|concat| &mut concat.role) {
        Some(Role::Partial { awaited_by }) if awaited_by.contains(id) => return Ok(()),
        Some(Role::Partial { awaited_by }) => awaited_by.push(id.clone()),
        _ => return Err(Error::InvalidConcat),
    }
    handle.rewrite(upload, |_| {}).await
}

fn of_length(length: Length) -> (Option<Length>, Offset) {
    (Some(length), length.into())
}

/// Removes the bytes if it is certain that no state names them.
async fn keep<T>(written: Result<T, Error>, place: &Place, joined: &Joined) -> Result<T, Error> {
    if let Err(
        Error::UploadExists | Error::NotFound | Error::LockTimeout | Error::MismatchedOffset { .. },
    ) = &written
    {
        joined.remove(place).await;
    }
    written
}

/// Makes the object of a new final, which is removed if there is a foreign object in its
/// place.
async fn finish_new(store: &ObjectStore, mut handle: ObjectHandle) -> Result<ObjectHandle, Error> {
    let id = handle.upload.id.clone();
    match finish::make_and_name(&mut handle).await {
        Err(Error::UploadFailed) => {
            terminate::terminate(store, &id).await?;
            Err(Error::UploadExists)
        }
        made => {
            finish_later(made, &id);
            Ok(handle)
        }
    }
}

/// The upload is complete by now, and whoever finishes it tries again.
fn finish_later(made: Result<(), Error>, id: &UploadId) {
    if let Err(error) = made {
        tracing::debug!(%error, %id, "the object of a final could not be made yet");
    }
}
