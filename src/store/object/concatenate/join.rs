//! Joins the bytes of several objects.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;
use tower_tus_layers::protocol::{Error, Interrupt};

use super::plan::{self, Piece, Range};
use super::sources::Sources;
use crate::store::object::budget::Budget;
use crate::store::object::calls::retried;
use crate::store::object::objects::{
    MultipartId, ObjectError, Objects, PartNumber, Payload, Properties, Result, Tag,
};
use crate::store::object::state::State;
use crate::store::object::tail::INLINE;
use crate::store::object::{ObjectStore, finish};

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
    pub(super) async fn remove(&self, store: &ObjectStore, key: &str) {
        if let Self::Parts { multipart, .. } = self {
            abort(store, key, multipart).await;
        }
    }
}

/// Joins the sources for an object with this key. Leaves nothing behind if it fails.
pub(super) async fn join(
    store: &ObjectStore,
    key: &str,
    nonce: &str,
    sources: &Sources,
    interrupt: &Interrupt,
) -> Result<Joined, Error> {
    check(interrupt)?;
    if sources.length().get() <= INLINE {
        let bytes = read(&*store.objects, sources.ranges()).await?.to_bytes();
        return Ok(Joined::Inline(bytes));
    }
    let rules = store.objects.rules();
    let properties = match rules.properties_of_multiparts {
        true => finish::properties(nonce.to_owned()),
        false => Properties::default(),
    };
    let multipart = retried(|| store.objects.begin(key, &properties)).await?;
    let pieces = plan::plan(rules, store.part_size, sources.ranges());
    let target = Target {
        objects: Arc::clone(&store.objects),
        budget: store.budget.clone(),
        key: key.into(),
        multipart: multipart.clone(),
    };
    match target
        .store_all(pieces, store.parts_at_once, interrupt)
        .await
    {
        Ok(parts) => Ok(Joined::Parts { multipart, parts }),
        Err(error) => {
            abort(store, key, &multipart).await;
            Err(error)
        }
    }
}

async fn abort(store: &ObjectStore, key: &str, multipart: &MultipartId) {
    if let Err(error) = retried(|| store.objects.abort(key, multipart)).await {
        tracing::debug!(%error, "parts that no upload needs were left behind");
    }
}

fn check(interrupt: &Interrupt) -> Result<(), Error> {
    interrupt.cause().map_or(Ok(()), Err)
}

async fn read(objects: &dyn Objects, ranges: &[Range]) -> Result<Payload> {
    let mut pieces = Vec::with_capacity(ranges.len());
    for range in ranges {
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
    objects: Arc<dyn Objects>,
    budget: Budget,
    key: Arc<str>,
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
            let (objects, bytes) = (&self.objects, source.from..source.to);
            objects.copy_part(&self.key, &self.multipart, number, &source.key, bytes)
        })
        .await
    }

    async fn send(&self, number: PartNumber, sources: &[Range]) -> Result<Tag> {
        let _loan = self.budget.lend(plan::total(sources)).await;
        let payload = read(&*self.objects, sources).await?;
        retried(|| {
            let objects = &self.objects;
            objects.put_part(&self.key, &self.multipart, number, payload.clone())
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
