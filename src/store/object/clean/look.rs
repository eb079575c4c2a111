//! Decides what a thing is.

use std::collections::HashMap;
use std::time::SystemTime;

use tower_tus_layers::protocol::{Error, UploadId};
use tower_tus_layers::store::{Leftover, LeftoverKind};

use super::elsewhere::{of_tusd, read_all};
use super::name::{Owners, What, is_random};
use super::seen::{Ours, Seen};
use super::walk::{Item, Walk};
use crate::store::object::ObjectStore;
use crate::store::object::calls::retried;
use crate::store::object::objects::{Listed, MultipartId, ObjectError};

/// How many states are read at the same time.
const AT_ONCE: usize = 32;

/// Looks at one thing after the other.
pub(super) struct Look<'a> {
    store: &'a ObjectStore,
    pub(super) walk: Walk<'a>,
    /// States that were read. What they name is no leftover. Whatever they do not name
    /// may have been listed later, so they are read again.
    seen: HashMap<UploadId, Seen>,
}

impl<'a> Look<'a> {
    pub(super) fn new(store: &'a ObjectStore, walk: Walk<'a>) -> Self {
        Self {
            store,
            walk,
            seen: HashMap::new(),
        }
    }

    /// Returns what a crash has left here, if this is anything of that kind.
    pub(super) async fn look(&mut self, item: &Item) -> Result<Option<Leftover>, Error> {
        let key = &item.name.key;
        let found = match &item.name.what {
            What::Info(id) => self.info(id, item).await?,
            What::Piece(owners) => self.piece(owners, key).await?,
            What::Data(id) => self.data(id, key).await?,
            What::Multipart(id, multipart) => self.multipart(id, key, multipart).await?,
        };
        Ok(found.map(|found| {
            let mut leftover = Leftover::new(item.name.to_string(), found.kind);
            leftover.id = found.id;
            leftover.bytes = item.size + found.bytes;
            leftover.modified = item.modified;
            leftover
        }))
    }

    async fn info(&mut self, id: &UploadId, item: &Item) -> Result<Option<Found>, Error> {
        let listed = Listed {
            key: item.name.key.clone(),
            size: item.size,
            modified: item.modified,
        };
        let settled = &self.store.memory_of_passes.settled;
        if settled.contains(&listed) && self.walk.exists(self.store.keys(id).data()).await? {
            return Ok(None);
        }
        self.read_ahead().await?;
        let seen = match self.seen.remove(id) {
            Some(seen) => seen,
            None => Seen::read(self.store, id).await?,
        };
        match seen {
            Seen::Ours(ours) => self.ours(&listed, &ours).await,
            Seen::Unreadable => Ok(Some(Found::without_state(LeftoverKind::Unreadable))),
            Seen::Absent | Seen::OfTusd { .. } => Ok(None),
        }
    }

    async fn ours(&self, listed: &Listed, ours: &Ours) -> Result<Option<Found>, Error> {
        if ours.is_gone {
            let found = Found::of(LeftoverKind::HalfMade, &ours.id);
            let bytes = ours.bytes;
            return Ok(Some(Found { bytes, ..found }));
        }
        match &ours.data {
            Some(data) if ours.is_whole => {
                if !self.walk.exists(data).await? {
                    return Ok(Some(Found::of(LeftoverKind::Moved, &ours.id)));
                }
                if !ours.has_other_key {
                    let settled = &self.store.memory_of_passes.settled;
                    settled.add(listed, SystemTime::now());
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    async fn piece(&mut self, owners: &Owners, key: &str) -> Result<Option<Found>, Error> {
        if let Some(id) = &owners.of_piece
            && matches!(self.seen.get(id), Some(Seen::Ours(ours)) if ours.has_piece(key))
        {
            return Ok(None);
        }
        let found = owner_of_unnamed(self.store, owners, key).await?;
        Ok(found.map(|(id, seen)| {
            let found = Found::new(LeftoverKind::Draft, &seen);
            self.seen.insert(id, seen);
            found
        }))
    }

    async fn data(&mut self, id: &UploadId, key: &str) -> Result<Option<Found>, Error> {
        if self.walk.exists(&self.store.keys(id).info()).await? {
            return Ok(None);
        }
        let elsewhere = &self.store.memory_of_passes.elsewhere;
        match elsewhere.names(self.store, key).await? {
            true => Ok(None),
            false => Ok(Some(Found::without_state(LeftoverKind::Orphan))),
        }
    }

    async fn multipart(
        &mut self,
        id: &UploadId,
        key: &str,
        multipart: &MultipartId,
    ) -> Result<Option<Found>, Error> {
        if matches!(self.seen.get(id), Some(Seen::Ours(ours)) if ours.has_multipart(multipart)) {
            return Ok(None);
        }
        let seen = Seen::read(self.store, id).await?;
        let kind = match &seen {
            Seen::OfTusd { .. } | Seen::Unreadable => return Ok(None),
            Seen::Ours(ours) if ours.has_multipart(multipart) => {
                self.seen.insert(id.clone(), seen);
                return Ok(None);
            }
            Seen::Ours(_) => LeftoverKind::Draft,
            Seen::Absent if is_random(id) => LeftoverKind::Draft,
            // Somebody else may be sending an object.
            Seen::Absent => LeftoverKind::Orphan,
        };
        let elsewhere = &self.store.memory_of_passes.elsewhere;
        if elsewhere.names(self.store, &multipart.0).await?
            || elsewhere.names(self.store, &of_tusd(key)).await?
        {
            return Ok(None);
        }
        let found = Found::new(kind, &seen);
        let bytes = size(self.store, key, multipart).await?;
        Ok(bytes.map(|bytes| Found { bytes, ..found }))
    }

    /// Reads the states that come next, unless this was done.
    async fn read_ahead(&mut self) -> Result<(), Error> {
        let settled = &self.store.memory_of_passes.settled;
        let mut ids = self.walk.next_infos(AT_ONCE);
        let is_read = |id: &UploadId| self.seen.contains_key(id);
        let Some((first, _)) = ids.next().filter(|(id, _)| !is_read(id)) else {
            return Ok(());
        };
        let others = ids.filter(|(id, listed)| !is_read(id) && !settled.contains(listed));
        let mut ids = vec![first];
        ids.extend(others.map(|(id, _)| id));
        // Only states that nobody has come to by now would be lost.
        if self.seen.len() > 10 * AT_ONCE {
            self.seen.clear();
        }
        self.seen.extend(read_all(self.store, &ids).await?);
        Ok(())
    }
}

/// What a thing is.
#[derive(Debug)]
struct Found {
    kind: LeftoverKind,
    id: Option<UploadId>,
    /// The number of bytes beside it.
    bytes: u64,
}

impl Found {
    fn new(kind: LeftoverKind, seen: &Seen) -> Self {
        match seen {
            Seen::Ours(ours) => Self::of(kind, &ours.id),
            _ => Self::without_state(kind),
        }
    }

    fn of(kind: LeftoverKind, id: &UploadId) -> Self {
        Self {
            kind,
            id: Some(id.clone()),
            bytes: 0,
        }
    }

    /// Nothing can be locked without a state that can be read.
    const fn without_state(kind: LeftoverKind) -> Self {
        Self {
            kind,
            id: None,
            bytes: 0,
        }
    }
}

/// Returns the upload to which a piece belongs, unless its state names the piece, or it
/// may be a tail of tusd.
pub(super) async fn owner_of_unnamed(
    store: &ObjectStore,
    owners: &Owners,
    key: &str,
) -> Result<Option<(UploadId, Seen)>, Error> {
    if let Some(id) = &owners.of_tail {
        match Seen::read(store, id).await? {
            Seen::OfTusd { .. } | Seen::Unreadable => return Ok(None),
            Seen::Ours(ours) if ours.is_adopted => {
                let is_left = !ours.has_piece(key);
                return Ok(is_left.then(|| (id.clone(), Seen::Ours(ours))));
            }
            Seen::Ours(_) | Seen::Absent => {}
        }
    }
    let Some(id) = &owners.of_piece else {
        return Ok(None);
    };
    Ok(match Seen::read(store, id).await? {
        Seen::OfTusd { .. } | Seen::Unreadable => None,
        Seen::Ours(ours) if ours.has_piece(key) => None,
        seen => Some((id.clone(), seen)),
    })
}

/// Returns the number of bytes that were sent of a multipart upload, if it exists.
pub(super) async fn size(
    store: &ObjectStore,
    key: &str,
    multipart: &MultipartId,
) -> Result<Option<u64>, Error> {
    let (mut bytes, mut after) = (0, 0);
    loop {
        let parts = match retried(|| store.objects.parts(key, multipart, after)).await {
            Ok(parts) => parts,
            Err(ObjectError::NotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        bytes += parts.parts.iter().map(|part| part.size).sum::<u64>();
        match parts.parts.last() {
            Some(last) if parts.is_truncated => after = last.number,
            _ => return Ok(Some(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tower_tus_layers::protocol::{Length, Metadata, NewUpload};
    use tower_tus_layers::store::Store;

    use super::*;
    use crate::store::object::handle::ObjectHandle;
    use crate::store::object::objects::memory::Memory;
    use crate::store::object::objects::{Objects, Properties, Rules};

    #[tokio::test]
    async fn a_multipart_upload_that_a_state_names_since_it_was_read_is_no_leftover() {
        let memory = Memory::new(Rules::S3).page(2);
        let store = ObjectStore::over(Arc::new(memory.clone()));
        for id in ["a", "b"] {
            let length = Some(Length::saturating(5));
            let mut new = NewUpload::new(length, Metadata::EMPTY);
            new.id = id.parse().unwrap();
            store.create(new).await.unwrap();
        }
        let none = Properties::default();
        for key in ["a0", "a1", "c"] {
            memory.begin(key, &none).await.unwrap();
        }
        let mut look = Look::new(&store, Walk::new(&store, None));
        let first = look.walk.next().await.unwrap().unwrap();
        assert_eq!(first.name.key, "a.info");
        assert_eq!(look.look(&first).await.unwrap(), None);
        let b = "b".parse().unwrap();
        assert!(look.seen.contains_key(&b), "it is read ahead");

        let multipart = memory.begin("b", &none).await.unwrap();
        let mut handle = ObjectHandle::open(&store, &b).await.unwrap();
        let (document, mut state) = (handle.info.document.clone(), handle.info.state.clone());
        state.multipart = Some(multipart.0);
        handle.swap(document, state).await.unwrap();
        let mut found = Vec::new();
        while let Some(item) = look.walk.next().await.unwrap() {
            found.extend(look.look(&item).await.unwrap());
        }
        let names: Vec<_> = found.iter().map(|it| &*it.name).collect();
        let expected = ["a0", "a1", "c"].iter().zip(1..);
        let expected =
            expected.map(|(key, number)| format!("{key} uploadId=multipart-{number:08}"));
        assert_eq!(names, expected.collect::<Vec<_>>());
    }
}
