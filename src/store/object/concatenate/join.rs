//! Joins the bytes of several objects.

use bytes::Bytes;
use tokio::task::JoinSet;
use tower_tus_layers::protocol::{Error, Interrupt};

use super::plan::{self, Piece, Range};
use super::sources::Sources;
use crate::store::object::ObjectStore;
use crate::store::object::calls::retried;
use crate::store::object::objects::{MultipartId, ObjectError, PartNumber, Payload, Result, Tag};
use crate::store::object::place::Place;
use crate::store::object::properties::marked;
use crate::store::object::state::State;
use crate::store::object::tail::INLINE;

/// Bytes that no state names yet.
#[derive(Debug)]
pub(super) enum Joined {
    /// Few of them.
    Inline(Bytes),
    Parts {
        multipart: MultipartId,
        parts: Vec<(PartNumber, u64, String)>,
    },
}

impl Joined {
    /// Names the bytes in the state.
    pub(super) fn describe(&self, state: &mut State) {
        match self {
            Self::Inline(bytes) => state.inline = bytes.clone(),
            Self::Parts { multipart, parts } => {
                state.multipart = Some(multipart.0.clone());
                state.parts.clone_from(parts);
                state.next = parts.last().map_or(1, |(number, ..)| number + 1);
            }
        }
    }

    /// Removes the bytes, as far as possible. A sweep removes the rest.
    pub(super) async fn remove(&self, place: &Place) {
        if let Self::Parts { multipart, .. } = self {
            abort(place, multipart).await;
        }
    }
}

/// Joins the sources for the object of an upload. Leaves nothing behind if it fails.
pub(super) async fn join(
    store: &ObjectStore,
    place: &Place,
    state: &State,
    sources: &Sources,
    interrupt: &Interrupt,
) -> Result<Joined, Error> {
    check(interrupt)?;
    if sources.length().get() <= INLINE {
        let bytes = read(store, sources.ranges()).await?.to_bytes();
        return Ok(Joined::Inline(bytes));
    }
    let properties = marked(state, state.nonce.clone());
    let begin = || place.objects.begin(&place.key, &properties);
    let multipart = retried(begin).await?;
    let (bucket, ranges) = (place.bucket.as_deref(), sources.ranges());
    let pieces = plan::plan(place.objects.rules(), store.part_size, bucket, ranges);
    let target = Target {
        store: store.clone(),
        place: place.clone(),
        multipart: multipart.clone(),
    };
    match target
        .store_all(pieces, store.parts_at_once, interrupt)
        .await
    {
        Ok(parts) => Ok(Joined::Parts { multipart, parts }),
        Err(error) => {
            abort(place, &multipart).await;
            Err(error)
        }
    }
}

async fn abort(place: &Place, multipart: &MultipartId) {
    if let Err(error) = retried(|| place.objects.abort(&place.key, multipart)).await {
        tracing::debug!(%error, "parts that no upload needs were left behind");
    }
}

fn check(interrupt: &Interrupt) -> Result<(), Error> {
    interrupt.cause().map_or(Ok(()), Err)
}

async fn read(store: &ObjectStore, ranges: &[Range]) -> Result<Payload> {
    let mut pieces = Vec::with_capacity(ranges.len());
    for range in ranges {
        let objects = store.objects_in(range.bucket.as_deref());
        let objects = objects.map_err(|error| ObjectError::Invalid(error.into()))?;
        let bytes = range.from..range.to;
        let object = retried(|| objects.get(&range.key, Some(bytes.clone()))).await?;
        if object.bytes.len() as u64 != range.len() {
            let error = format!("{} has other bytes than it should have", range.key);
            return Err(ObjectError::Invalid(error.into()));
        }
        pieces.push(object.bytes);
    }
    Ok(pieces.into_iter().collect())
}

/// Where the parts go.
#[derive(Clone)]
struct Target {
    store: ObjectStore,
    place: Place,
    multipart: MultipartId,
}

/// A part that is stored.
type Stored = (PartNumber, u64, String);

impl Target {
    /// Stores the parts, a few side by side. When this returns, none is on its way.
    async fn store_all(
        &self,
        pieces: Vec<Piece>,
        at_once: usize,
        interrupt: &Interrupt,
    ) -> Result<Vec<Stored>, Error> {
        let (mut running, mut parts) = (JoinSet::new(), Vec::new());
        let mut stored = Ok(());
        for (number, piece) in (1..).zip(pieces) {
            if running.len() >= at_once {
                stored = land(&mut running, &mut parts).await;
            }
            stored = stored.and_then(|()| check(interrupt));
            if stored.is_err() {
                break;
            }
            running.spawn(self.clone().store(number, piece));
        }
        while !running.is_empty() {
            stored = stored.and(land(&mut running, &mut parts).await);
        }
        parts.sort_unstable();
        stored.map(|()| parts)
    }

    async fn store(self, number: PartNumber, piece: Piece) -> Result<Stored> {
        let size = piece.len();
        let tag = match piece {
            Piece::Copied(range) => self.copy(number, &range).await,
            Piece::Sent(ranges) => self.send(number, &ranges).await,
        };
        Ok((number, size, tag?.0))
    }

    async fn copy(&self, number: PartNumber, source: &Range) -> Result<Tag> {
        retried(|| {
            let (Place { objects, key, .. }, bytes) = (&self.place, source.from..source.to);
            objects.copy_part(key, &self.multipart, number, &source.key, bytes)
        })
        .await
    }

    async fn send(&self, number: PartNumber, sources: &[Range]) -> Result<Tag> {
        let _loan = self.store.budget.lend(plan::total(sources)).await;
        let payload = read(&self.store, sources).await?;
        retried(|| {
            let Place { objects, key, .. } = &self.place;
            objects.put_part(key, &self.multipart, number, payload.clone())
        })
        .await
    }
}

/// Waits for one of the parts on their way.
async fn land(running: &mut JoinSet<Result<Stored>>, parts: &mut Vec<Stored>) -> Result<(), Error> {
    if let Some(ended) = running.join_next().await {
        let stored = ended.unwrap_or_else(|error| Err(ObjectError::Unknown(error.into())));
        parts.push(stored?);
    }
    Ok(())
}
