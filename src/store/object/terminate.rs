//! Removes uploads.

use tower_tus_layers::protocol::{Error, UploadId};

use super::handle::ObjectHandle;
use super::keys::Keys;
use super::objects::ObjectError;
use super::place::Place;
use super::state::State;
use super::{ObjectStore, adopt, calls, finish, tail};

/// How often to begin again when somebody changes the upload meanwhile.
const ATTEMPTS: u32 = 5;

/// Removes everything of an upload. From the first step on it does not exist any more.
pub(super) async fn terminate(store: &ObjectStore, id: &UploadId) -> Result<(), Error> {
    let mut attempts = 0;
    let handle = loop {
        let mut handle = ObjectHandle::open(store, id).await?;
        let mut state = handle.info.state.clone();
        state.gone = true;
        attempts += 1;
        match handle.swap(handle.info.document.clone(), state).await {
            Ok(()) => break handle,
            Err(Error::LockTimeout | Error::MismatchedOffset { .. }) if attempts < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    };
    remove(store, &handle.keys, &handle.info.state).await
}

/// Removes what is left of a terminated upload, and its state last: until then, it is
/// found again.
///
/// Not every server has conditions for DELETE. So a removal that comes late, of a server
/// that was stopped, also removes an upload that was created under the same id since.
pub(super) async fn remove(store: &ObjectStore, keys: &Keys, state: &State) -> Result<(), Error> {
    let place = store.place(keys, state)?;
    let (objects, key) = (&*place.objects, &*place.key);
    let is_completed = adopt::is_completed(objects, key, state).await?;
    if let Some(multipart) = state.multipart() {
        calls::retried(|| objects.abort(key, &multipart)).await?;
    }
    // Somebody else may have put an object in a place that has a name for others.
    let is_chosen = state.key.is_some() || state.bucket.is_some();
    let is_known = state.whole && (!is_chosen || state.is_of_tusd());
    if is_known || is_ours(&place, state, is_completed).await? {
        calls::retried(|| objects.delete(key)).await?;
    }
    tail::remove(&store.objects, keys, tail::names(state)).await;
    if state.is_of_tusd() {
        let tail = keys.tail_of_tusd();
        calls::retried(|| objects.delete(&tail)).await?;
    }
    let info = keys.info();
    calls::retried(|| store.objects.delete(&info)).await?;
    Ok(())
}

async fn is_ours(place: &Place, state: &State, is_completed: bool) -> Result<bool, Error> {
    match calls::retried(|| place.objects.head(&place.key)).await {
        Ok(found) => {
            let is_made = is_completed && found.size == state.offset();
            Ok(is_made || finish::is_ours(&found, state))
        }
        Err(ObjectError::NotFound) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
