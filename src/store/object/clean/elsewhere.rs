//! Objects whose upload has another id than their key.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tower_tus_layers::protocol::{Error, UploadId};

use super::seen::Seen;
use crate::store::object::ObjectStore;
use crate::store::object::calls::{retried, side_by_side};
use crate::store::object::keys::Keys;
use crate::store::object::objects::Result as ObjectResult;

/// How many states are read at the same time.
const AT_ONCE: usize = 32;

/// The keys and multipart uploads that states name under another key than their own.
///
/// Gathering them takes a GET for each upload, so this is done only once a pass, and
/// only if something without an `.info` was found. An upload that is created later is
/// young, and so is what belongs to it.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    named: Mutex<Option<Arc<HashSet<u64>>>>,
    hasher: RandomState,
}

impl Elsewhere {
    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    /// Whether any state names this key, or multipart upload.
    pub(super) async fn names(&self, store: &ObjectStore, text: &str) -> Result<bool, Error> {
        let known = self.lock().clone();
        let named = match known {
            Some(named) => named,
            None => {
                let named = Arc::new(self.gather(store).await?);
                *self.lock() = Some(Arc::clone(&named));
                named
            }
        };
        Ok(named.contains(&self.hasher.hash_one(text)))
    }

    async fn gather(&self, store: &ObjectStore) -> Result<HashSet<u64>, Error> {
        let (mut named, mut after) = (HashSet::new(), None::<String>);
        loop {
            let list = || store.objects.list(&store.prefix, after.as_deref());
            let found = retried(list).await?;
            let ids = found.objects.iter();
            let ids: Vec<_> = ids
                .filter_map(|it| Keys::id_of_info(&store.prefix, &it.key))
                .collect();
            for ids in ids.chunks(AT_ONCE) {
                for (_, seen) in read_all(store, ids).await? {
                    self.add(&mut named, &seen);
                }
            }
            after = found.objects.last().map(|it| it.key.clone());
            if !found.is_truncated || after.is_none() {
                return Ok(named);
            }
        }
    }

    fn add(&self, named: &mut HashSet<u64>, seen: &Seen) {
        let texts = match seen {
            Seen::Ours(ours) if ours.has_other_key => {
                let multipart = ours.multipart.as_ref().map(|id| id.0.clone());
                [ours.data.clone(), multipart]
            }
            Seen::OfTusd { other_key } => [other_key.clone(), other_key.as_deref().map(of_tusd)],
            _ => return,
        };
        let texts = texts.into_iter().flatten();
        named.extend(texts.map(|text| self.hasher.hash_one(&*text)));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<HashSet<u64>>>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an upload of tusd names that has this key: all that is there.
pub(super) fn of_tusd(key: &str) -> String {
    format!("{key} of tusd")
}

/// Reads states side by side.
pub(super) async fn read_all(
    store: &ObjectStore,
    ids: &[UploadId],
) -> Result<Vec<(UploadId, Seen)>, Error> {
    let calls = ids.iter().map(|id| {
        let (store, id) = (store.clone(), id.clone());
        async move { Ok((id.clone(), Seen::read(&store, &id).await?)) }
    });
    let seen = side_by_side(calls.collect()).await.into_iter();
    Ok(seen.collect::<ObjectResult<_>>()?)
}
