//! Makes sure that nobody comes to need what is about to be removed.

use tower_tus_layers::protocol::{Error, UploadId};

use crate::store::object::ObjectStore;
use crate::store::object::handle::ObjectHandle;
use crate::store::object::info::Info;
use crate::store::object::keys::Keys;
use crate::store::object::objects::ObjectError;

/// Returns the state as the lock has read it.
pub(super) async fn latest(store: &ObjectStore, keys: &Keys) -> Result<Option<Info>, Error> {
    if let Some(info) = store.desk.take(keys).await {
        return Ok(Some(info));
    }
    match Info::read(&*store.objects, keys).await {
        Ok(info) => Ok(Some(info)),
        Err(ObjectError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether something may be removed that the state does not name.
///
/// A request of another server may have stored it, and be about to name it: short
/// requests do not announce themselves, and a stopped server may go on days later. So the
/// state is replaced by the same one, in whose place such a request cannot put its own.
pub(super) async fn fence(
    store: &ObjectStore,
    id: &UploadId,
    is_named: impl Fn(&Info, &Keys) -> bool,
) -> Result<bool, Error> {
    let keys = store.keys(id);
    let Some(info) = latest(store, &keys).await? else {
        return Ok(false);
    };
    if is_named(&info, &keys) {
        return Ok(false);
    }
    // Nothing is added to such an upload. Whatever was about to be came too late.
    if info.state.whole || info.state.gone {
        return Ok(true);
    }
    let mut handle = ObjectHandle::opened(store, keys, info, id.clone())?;
    let (document, state) = (handle.info.document.clone(), handle.info.state.clone());
    is_done(handle.swap(document, state).await)
}

/// Returns whether a swap was done. Otherwise somebody else was faster.
pub(super) fn is_done(swapped: Result<(), Error>) -> Result<bool, Error> {
    match swapped {
        Ok(()) => Ok(true),
        Err(Error::LockTimeout | Error::MismatchedOffset { .. } | Error::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}
