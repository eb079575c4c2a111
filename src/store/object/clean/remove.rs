//! Removes a leftover, after another look.

use std::time::{SystemTime, UNIX_EPOCH};

use tower_tus_layers::lock::Locker;
use tower_tus_layers::protocol::{Error, UploadId};
use tower_tus_layers::store::{Leftover, LeftoverKind};

use super::fence::{fence, is_done, latest};
use super::look::{owner_of_unnamed, size};
use super::name::{Name, Owners, What};
use super::seen::Seen;
use crate::store::object::calls::retried;
use crate::store::object::handle::ObjectHandle;
use crate::store::object::objects::{Found, MultipartId, ObjectError};
use crate::store::object::{ObjectStore, terminate};

/// Removes a leftover, and returns its size, or `None` if it is none any more.
pub(super) async fn remove(
    store: &ObjectStore,
    name: &Name,
    leftover: &Leftover,
) -> Result<Option<u64>, Error> {
    use LeftoverKind::{Draft, HalfMade, Moved, Orphan, Unreadable};
    let key = &name.key;
    match (&name.what, leftover.kind) {
        (What::Info(id), HalfMade) => half_made(store, id, leftover).await,
        (What::Info(id), Moved) => moved(store, id, leftover).await,
        (What::Info(id), Unreadable) => foreign(store, id, Seen::Unreadable, key, leftover).await,
        (What::Data(id), Orphan) => foreign(store, id, Seen::Absent, key, leftover).await,
        (What::Piece(owners), Draft) => piece(store, owners, key, leftover).await,
        (What::Multipart(id, multipart), Draft | Orphan) => {
            abort(store, id, key, multipart, leftover).await
        }
        _ => Ok(None),
    }
}

/// Ends a termination.
async fn half_made(
    store: &ObjectStore,
    id: &UploadId,
    leftover: &Leftover,
) -> Result<Option<u64>, Error> {
    let keys = store.keys(id);
    match latest(store, &keys).await? {
        Some(info) if info.state.gone => {
            terminate::remove(store, &keys, &info.state).await?;
            Ok(Some(leftover.bytes))
        }
        _ => Ok(None),
    }
}

/// Terminates an upload whose object is gone.
async fn moved(
    store: &ObjectStore,
    id: &UploadId,
    leftover: &Leftover,
) -> Result<Option<u64>, Error> {
    let keys = store.keys(id);
    let Some(info) = latest(store, &keys).await? else {
        return Ok(None);
    };
    let state = &info.state;
    if !state.whole || state.gone || state.bucket.is_some() {
        return Ok(None);
    }
    let mut handle = ObjectHandle::opened(store, keys, info, id.clone())?;
    if head(store, &handle.place.key).await?.is_some() {
        return Ok(None);
    }
    let (document, mut state) = (handle.info.document.clone(), handle.info.state.clone());
    state.gone = true;
    if !is_done(handle.swap(document, state).await)? {
        return Ok(None);
    }
    terminate::remove(store, &handle.keys, &handle.info.state).await?;
    Ok(Some(leftover.bytes))
}

/// Removes an object that may belong to somebody, if it is the one that was found, and
/// its state is as it was.
async fn foreign(
    store: &ObjectStore,
    id: &UploadId,
    state: Seen,
    key: &str,
    leftover: &Leftover,
) -> Result<Option<u64>, Error> {
    let Some(found) = head(store, key).await? else {
        return Ok(None);
    };
    let is_same = found.size == leftover.bytes
        && seconds(found.modified) == seconds(leftover.modified)
        && Seen::read(store, id).await? == state;
    match is_same {
        true => delete(store, key, &found).await,
        false => Ok(None),
    }
}

async fn piece(
    store: &ObjectStore,
    owners: &Owners,
    key: &str,
    leftover: &Leftover,
) -> Result<Option<u64>, Error> {
    let Some(found) = head(store, key).await? else {
        return Ok(None);
    };
    let Some((id, seen)) = owner_of_unnamed(store, owners, key).await? else {
        return Ok(None);
    };
    let is_left = is_unneeded(store, &id, &seen, leftover, |ours| ours == key).await?;
    match is_left {
        true => delete(store, key, &found).await,
        false => Ok(None),
    }
}

async fn abort(
    store: &ObjectStore,
    id: &UploadId,
    key: &str,
    multipart: &MultipartId,
    leftover: &Leftover,
) -> Result<Option<u64>, Error> {
    let Some(bytes) = size(store, key, multipart).await? else {
        return Ok(None);
    };
    let seen = Seen::read(store, id).await?;
    let is_left = is_unneeded(store, id, &seen, leftover, |ours| ours == multipart.0).await?;
    if !is_left {
        return Ok(None);
    }
    retried(|| store.objects.abort(key, multipart)).await?;
    Ok(Some(bytes))
}

/// Returns whether no state names something, and none is going to. `is_it` compares it
/// with what a state names.
async fn is_unneeded(
    store: &ObjectStore,
    id: &UploadId,
    seen: &Seen,
    leftover: &Leftover,
    is_it: impl Fn(&str) -> bool,
) -> Result<bool, Error> {
    match (seen, &leftover.id) {
        (Seen::Ours(ours), Some(locked)) if *locked == ours.id => {
            fence(store, id, |info, keys| {
                let mut pieces = info.state.tail.iter().map(|(name, _)| keys.piece(name));
                let mut multipart = info.state.multipart.iter();
                multipart.any(|it| is_it(it)) || pieces.any(|it| is_it(&it))
            })
            .await
        }
        (Seen::Absent, _) => is_absent(store, id).await,
        // Its lock is not held.
        _ => Ok(false),
    }
}

/// Returns whether an upload does not exist, and no request of this process is creating
/// it.
async fn is_absent(store: &ObjectStore, id: &UploadId) -> Result<bool, Error> {
    match store.locker().is_held(id).await {
        Ok(_) => Ok(false),
        Err(Error::NotFound) => Ok(true),
        Err(error) => Err(error),
    }
}

async fn delete(store: &ObjectStore, key: &str, found: &Found) -> Result<Option<u64>, Error> {
    retried(|| store.objects.delete(key)).await?;
    Ok(Some(found.size))
}

async fn head(store: &ObjectStore, key: &str) -> Result<Option<Found>, Error> {
    match retried(|| store.objects.head(key)).await {
        Ok(found) => Ok(Some(found)),
        Err(ObjectError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A list may tell the time more exactly than the object itself.
fn seconds(time: Option<SystemTime>) -> Option<u64> {
    let since = time?.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}
