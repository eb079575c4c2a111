//! Checks whether the objects of uploads agree with each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use tower_tus_layers::protocol::{Error, UploadId};
use tower_tus_layers::store::ListRequest;

use super::calls::{retried, side_by_side};
use super::info::Info;
use super::objects::{MultipartId, ObjectError, PartNumber, Result, Tag};
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
            async move { problem(&store, &id).await }
        });
        let problems = side_by_side(calls.collect()).await;
        let mut checked = Checked {
            uploads: ids.len() as u64,
            next,
            ..Checked::default()
        };
        for (id, problem) in ids.into_iter().zip(problems) {
            checked
                .findings
                .extend(problem?.map(|problem| Finding { id, problem }));
        }
        Ok(checked)
    }
}

async fn problem(store: &ObjectStore, id: &UploadId) -> Result<Option<Problem>> {
    let (objects, keys) = (&store.objects, store.keys(id));
    let info = match retried(|| Info::read(&**objects, &keys)).await {
        Ok(info) if info.state.gone => return Ok(None),
        Ok(info) => info,
        // It was removed just now.
        Err(ObjectError::NotFound) => return Ok(None),
        Err(ObjectError::Invalid(error)) => {
            return Ok(Some(Problem::Unreadable(Error::internal(error))));
        }
        Err(error) => return Err(error),
    };
    if let Some(recorded) = info.document.other_id(id) {
        let recorded = recorded.to_owned();
        return Ok(Some(Problem::OtherId { recorded }));
    }
    if info.upload(id.clone()).is_failed() {
        return Ok(Some(Problem::Failed));
    }
    match info.state.whole {
        true => problem_of_object(store, id, &info).await,
        false => problem_of_pieces(store, id, &info).await,
    }
}

/// Compares the finished object with its upload.
async fn problem_of_object(
    store: &ObjectStore,
    id: &UploadId,
    info: &Info,
) -> Result<Option<Problem>> {
    let keys = store.keys(id);
    let data = info.state.key.as_deref().unwrap_or(keys.data());
    let bytes = match retried(|| store.objects.head(data)).await {
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
    id: &UploadId,
    info: &Info,
) -> Result<Option<Problem>> {
    let keys = store.keys(id);
    if let Some(multipart) = info.state.multipart() {
        let data = info.state.key.as_deref().unwrap_or(keys.data());
        let sent = parts(store, data, &multipart).await?;
        let named = info.state.parts.iter();
        let mut gone = named.filter(|(number, _, tag)| sent.get(number) != Some(&Tag(tag.clone())));
        if let Some((number, ..)) = gone.next() {
            let part = format!("part {number} of {data}");
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

/// Returns the tags of all parts, or none if the multipart upload does not exist.
async fn parts(
    store: &ObjectStore,
    data: &str,
    multipart: &MultipartId,
) -> Result<BTreeMap<PartNumber, Tag>> {
    let mut found = BTreeMap::new();
    loop {
        let after = found.last_key_value().map_or(0, |(number, _)| *number);
        let page = match retried(|| store.objects.parts(data, multipart, after)).await {
            Ok(page) => page,
            Err(ObjectError::NotFound) => return Ok(found),
            Err(error) => return Err(error),
        };
        let is_last = !page.is_truncated || page.parts.is_empty();
        let parts = page.parts.into_iter();
        found.extend(parts.map(|part| (part.number, part.tag)));
        if is_last {
            return Ok(found);
        }
    }
}
