//! Creates uploads.

use tower_tus_layers::protocol::{Error, Length, NewUpload, Upload, UploadId};

use super::handle::ObjectHandle;
use super::info::Info;
use super::keys::Keys;
use super::objects::{ObjectError, Rules};
use super::parts::{self, Progress};
use super::place::{Place, check_absent};
use super::state::State;
use super::swap::{self, Swapped};
use super::{ObjectStore, terminate};
use crate::store::document::Document;

/// Creates an upload without bytes.
pub(super) async fn create(store: &ObjectStore, new: NewUpload) -> Result<ObjectHandle, Error> {
    let (keys, state) = (store.keys(&new.id), begin(store, &new)?);
    let place = store.place(&keys, &state)?;
    let max = place.objects.rules().max_object;
    if new.length.is_some_and(|length| length.get() > max) {
        return Err(Error::MaxSizeExceeded);
    }
    check_id(store, &new).await?;
    if state.key.is_some() || state.bucket.is_some() {
        store.check_place(&place, &keys).await?;
    }
    let upload = Upload::from(new);
    let document = describe(&place, &upload);
    publish(store, keys, document, state, upload.id).await
}

/// Writes the state of a new upload. From then on it exists.
pub(super) async fn publish(
    store: &ObjectStore,
    keys: Keys,
    document: Document,
    state: State,
    id: UploadId,
) -> Result<ObjectHandle, Error> {
    let objects = &*store.objects;
    loop {
        match swap::create(objects, &keys, document.clone(), state.clone()).await? {
            Swapped::Done(info) => return ObjectHandle::created(store, keys, info, id),
            // A crash came before it was removed.
            Swapped::Newer(info) if info.state.gone => {
                terminate::remove(store, &keys, &info.state).await?;
            }
            Swapped::Newer(_) => return Err(Error::UploadExists),
        }
    }
}

/// Makes the state of a new upload, without bytes.
pub(super) fn begin(store: &ObjectStore, new: &NewUpload) -> Result<State, Error> {
    let mut state = State::new();
    store.choose_place(new, &mut state)?;
    let rules = store.objects_in(state.bucket.as_deref())?.rules();
    state.properties = store.settings.properties(rules, new)?;
    if rules.equal_parts {
        state.part_size = Some(size_of_equal_parts(store, rules, new.length));
    }
    Ok(state)
}

pub(super) fn describe(place: &Place, upload: &Upload) -> Document {
    Document::new(upload, place.objects.storage().describe(&place.key))
}

/// Returns the size that all parts will have.
fn size_of_equal_parts(store: &ObjectStore, rules: &Rules, length: Option<Length>) -> u64 {
    let rules = Rules {
        equal_parts: false,
        ..rules.clone()
    };
    let progress = Progress {
        rest: length.map(Length::get),
        parts: 0,
        next: 1,
    };
    parts::size(&rules, store.part_size, progress)
}

/// Fails if the id, or the place of its object, is in use. For uploads that take long to
/// create.
pub(super) async fn check_unused(
    store: &ObjectStore,
    new: &NewUpload,
    place: &Place,
) -> Result<(), Error> {
    check_id(store, new).await?;
    let keys = store.keys(&new.id);
    match Info::read(&*store.objects, &keys).await {
        Ok(info) if info.state.gone => terminate::remove(store, &keys, &info.state).await?,
        Ok(_) => return Err(Error::UploadExists),
        Err(ObjectError::NotFound) => {}
        Err(error) => return Err(error.into()),
    }
    store.check_place(place, &keys).await
}

/// Fails if the id lies below one that is in use, or above one, or is that of an object
/// that is not ours. A fresh id can only lie below one.
async fn check_id(store: &ObjectStore, new: &NewUpload) -> Result<(), Error> {
    for above in Keys::above(&store.prefix, &new.id) {
        check_absent(&*store.objects, &above.info()).await?;
    }
    if new.is_fresh() {
        return Ok(());
    }
    let keys = store.keys(&new.id);
    if let Err(Error::UploadExists) = check_absent(&*store.objects, keys.data()).await {
        remove_gone(store, &keys).await?;
        check_absent(&*store.objects, keys.data()).await?;
    }
    if new.id.as_str().contains('+') {
        check_unknown(store, &new.id).await?;
    }
    let below = store.objects.list(&keys.below(), None).await?;
    match below.objects.is_empty() {
        true => Ok(()),
        false => Err(Error::UploadExists),
    }
}

/// Removes an upload whose termination has not ended.
async fn remove_gone(store: &ObjectStore, keys: &Keys) -> Result<(), Error> {
    match Info::read(&*store.objects, keys).await {
        Ok(info) if info.state.gone => terminate::remove(store, keys, &info.state).await,
        _ => Ok(()),
    }
}

/// Fails if there is an upload with this id, which tusd may have begun.
async fn check_unknown(store: &ObjectStore, id: &UploadId) -> Result<(), Error> {
    match Info::find(store, id).await {
        Ok((_, info)) if info.state.gone => Ok(()),
        Ok(_) => Err(Error::UploadExists),
        Err(ObjectError::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
