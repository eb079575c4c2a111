//! The bytes of an upload that are in no part yet.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::adopt;
use super::calls::{retried, side_by_side};
use super::keys::Keys;
use super::objects::{ObjectError, Objects, Result};
use super::state::State;

/// The most bytes inside the state.
pub(super) const INLINE: u64 = 64 << 10;

/// The most bytes of one call. Once the system's allocator has had larger ones, it keeps
/// more of what is freed.
const MOST: u64 = 1 << 20;

/// Returns the bytes of the tail and those inline.
pub(super) async fn read(
    objects: &Arc<dyn Objects>,
    keys: &Keys,
    state: &State,
) -> Result<Vec<Bytes>> {
    let pieces = state.tail.iter().flat_map(|(name, size)| {
        ranges(*size).map(move |range| {
            let (objects, keys, name, size) =
                (Arc::clone(objects), keys.clone(), name.clone(), *size);
            async move { read_piece(&*objects, &keys, &name, size, range).await }
        })
    });
    let mut pieces = side_by_side(pieces.collect())
        .await
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    if !state.inline.is_empty() {
        pieces.push(state.inline.clone());
    }
    Ok(pieces)
}

fn ranges(size: u64) -> impl Iterator<Item = Range<u64>> {
    let starts = (0..size).step_by(MOST as usize);
    starts.map(move |start| start..size.min(start + MOST))
}

async fn read_piece(
    objects: &dyn Objects,
    keys: &Keys,
    name: &str,
    size: u64,
    range: Range<u64>,
) -> Result<Bytes> {
    let key = keys.piece(name);
    let wanted = range.end - range.start;
    let piece = retried(|| objects.get(&key, Some(range.clone()))).await?;
    let is_same = adopt::tag_of_tail(name).is_none_or(|tag| tag == piece.found.tag.0);
    match is_same && piece.found.size == size && piece.bytes.len() as u64 == wanted {
        true => Ok(piece.bytes),
        false => {
            let error = format!("{key} has other bytes than the {size} that were stored");
            Err(ObjectError::Invalid(error.into()))
        }
    }
}

/// Removes pieces, as far as possible. A sweep removes the rest.
pub(super) async fn remove(objects: &Arc<dyn Objects>, keys: &Keys, names: Vec<String>) {
    let removed = names.into_iter().map(|name| {
        let (objects, key) = (Arc::clone(objects), keys.piece(&name));
        async move { retried(|| objects.delete(&key)).await }
    });
    for error in side_by_side(removed.collect())
        .await
        .into_iter()
        .filter_map(Result::err)
    {
        tracing::debug!(%error, "a piece that no upload needs was left behind");
    }
}

/// Returns the names of the pieces.
pub(super) fn names(state: &State) -> Vec<String> {
    state.tail.iter().map(|(name, _)| name.clone()).collect()
}
