//! Checks whether the objects of uploads agree with each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use tower_tus_layers::protocol::{Error, UploadId};
use tower_tus_layers::store::ListRequest;

use super::adopt::Refused;
use super::calls::{all_parts, retried, side_by_side};
use super::info::Info;
use super::keys::Keys;
use super::objects::{ObjectError, Result};
use super::{ObjectStore, list};
use crate::store::checked::{Checked, Finding, Problem};

impl ObjectStore {
    /// Checks the next uploads of a list, and returns what is wrong with them. Nothing is
    /// changed, and no upload's bytes are read.
    ///
    /// What crashes have left is not reported here, but by the store's
    /// [cleaner](tower_tus_layers::store::Cleaner). An upload that a request changes at
    /// this moment may be found to be wrong and be right a moment later.
    ///
    /// It makes one or two calls for each upload, and one for each of the pieces of an
    /// unfinished one.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// The reason why the bucket could not be read.
    pub async fn check(&self, request: &ListRequest) -> Result<Checked, Error> {
        let (ids, next) = list::ids(self, request).await?;
        let calls = ids.iter().map(|id| {
            let (store, id) = (self.clone(), id.clone());
            async move { find(&store, &id).await }
        });
        let mut checked = Checked {
            uploads: ids.len() as u64,
            next,
            ..Checked::default()
        };
        for finding in side_by_side(calls.collect()).await {
            checked.findings.extend(finding?);
        }
        Ok(checked)
    }
}

/// Looks at the upload whose state is under the keys of `place`.
async fn find(store: &ObjectStore, place: &UploadId) -> Result<Option<Finding>> {
    let (objects, keys) = (&store.objects, store.keys(place));
    let (id, problem) = match retried(|| Info::read_at(&**objects, &keys, place)).await {
        Ok((_, info)) if info.state.gone => return Ok(None),
        Ok((id, info)) => {
            let problem = problem(store, &keys, &id, &info).await?;
            (id, problem)
        }
        // It was removed just now.
        Err(ObjectError::NotFound) => return Ok(None),
        Err(ObjectError::Invalid(error)) => {
            let problem = Problem::Unreadable(Error::internal(error));
            (place.clone(), Some(problem))
        }
        Err(error) => return Err(error),
    };
    Ok(problem.map(|problem| Finding { id, problem }))
}

async fn problem(
    store: &ObjectStore,
    keys: &Keys,
    id: &UploadId,
    info: &Info,
) -> Result<Option<Problem>> {
    if let Some(recorded) = info.document.other_id(id) {
        let recorded = recorded.to_owned();
        return Ok(Some(Problem::OtherId { recorded }));
    }
    match info.refused {
        Some(Refused::Missing) => return Ok(Some(Problem::Gone)),
        Some(Refused::Broken(_)) => return Ok(Some(Problem::Failed)),
        // Where its bytes are, only tusd knows.
        Some(Refused::Unfinished) => return Ok(None),
        None if info.upload(id.clone()).is_failed() => return Ok(Some(Problem::Failed)),
        None => {}
    }
    match info.state.whole {
        true => problem_of_object(store, keys, info).await,
        false => problem_of_pieces(store, keys, info).await,
    }
}

/// Compares the finished object with its upload.
async fn problem_of_object(
    store: &ObjectStore,
    keys: &Keys,
    info: &Info,
) -> Result<Option<Problem>> {
    let place = match store.place(keys, &info.state) {
        Ok(place) => place,
        // Its bucket is not configured any more.
        Err(error) => return Ok(Some(Problem::Unreadable(error))),
    };
    let bytes = match retried(|| place.objects.head(&place.key)).await {
        Ok(found) => found.size,
        Err(ObjectError::NotFound) => return Ok(Some(Problem::Gone)),
        Err(error) => return Err(error),
    };
    let length = info.document.offset();
    Ok(match bytes {
        _ if bytes > length => Some(Problem::TooLong { bytes, length }),
        _ if bytes < length => Some(Problem::TooShort { bytes, length }),
        _ => None,
    })
}

/// Looks for the parts and pieces that the state names.
async fn problem_of_pieces(
    store: &ObjectStore,
    keys: &Keys,
    info: &Info,
) -> Result<Option<Problem>> {
    if let Some(multipart) = info.state.multipart() {
        let place = match store.place(keys, &info.state) {
            Ok(place) => place,
            Err(error) => return Ok(Some(Problem::Unreadable(error))),
        };
        let sent = match all_parts(&*place.objects, &place.key, &multipart).await {
            Err(ObjectError::NotFound) => Vec::new(),
            sent => sent?,
        };
        // A part that was stored twice may have another tag.
        let sent: BTreeMap<_, _> = sent.into_iter().map(|it| (it.number, it.size)).collect();
        let named = info.state.parts.iter();
        let mut gone = named.filter(|(number, size, _)| sent.get(number) != Some(size));
        if let Some((number, ..)) = gone.next() {
            let part = format!("part {number} of {}", place.key);
            return Ok(Some(Problem::PartGone { part }));
        }
    }
    let pieces = info.state.tail.iter().map(|(name, size)| {
        let (objects, part, size) = (Arc::clone(&store.objects), keys.piece(name), *size);
        async move {
            match retried(|| objects.head(&part)).await {
                Ok(found) if found.size == size => Ok(None),
                Ok(_) | Err(ObjectError::NotFound) => Ok(Some(Problem::PartGone { part })),
                Err(error) => Err(error),
            }
        }
    });
    let problems: Result<Vec<_>> = side_by_side(pieces.collect()).await.into_iter().collect();
    Ok(problems?.into_iter().flatten().next())
}
