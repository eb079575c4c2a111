//! What the states of uploads say about the places of their bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tower_tus_layers::protocol::UploadId;

use crate::store::object::ObjectStore;
use crate::store::object::calls::{retried, side_by_side};
use crate::store::object::info::Info;
use crate::store::object::objects::{ObjectError, Result};
use crate::store::object::place::Place;

/// What is known of an upload.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    /// It does not exist.
    Absent,
    /// Its state cannot be read.
    Unreadable,
    Upload(Box<Named>),
}

/// What a state names.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) id: UploadId,
    pub(super) is_gone: bool,
    /// Where the finished object is, once all bytes are there.
    pub(super) whole: Option<Place>,
    /// The keys of pieces.
    pub(super) pieces: Vec<String>,
    pub(super) multipart: Option<String>,
    /// Whether tusd may still write it.
    pub(super) is_of_tusd: bool,
}

/// The states of some uploads, by the id in their keys.
#[derive(Debug, Default)]
pub(super) struct States(BTreeMap<UploadId, Seen>);

impl States {
    pub(super) async fn read(store: &ObjectStore, places: BTreeSet<UploadId>) -> Result<Self> {
        let calls = places.iter().map(|place| {
            let (store, place) = (store.clone(), place.clone());
            async move { see(&store, &place).await }
        });
        let seen = side_by_side(calls.collect()).await;
        let states = places.into_iter().zip(seen);
        let states = states.map(|(place, seen)| Ok((place, seen?)));
        states.collect::<Result<_>>().map(Self)
    }

    /// Returns what is known of an upload that was looked for.
    pub(super) fn of(&self, place: &UploadId) -> &Seen {
        self.0.get(place).unwrap_or(&Seen::Absent)
    }
}

async fn see(store: &ObjectStore, place: &UploadId) -> Result<Seen> {
    let (objects, keys) = (Arc::clone(&store.objects), store.keys(place));
    match retried(|| Info::read_at(&*objects, &keys, place)).await {
        Ok((id, info)) => {
            let state = &info.state;
            let pieces = state.tail.iter().map(|(name, _)| keys.piece(name));
            Ok(Seen::Upload(Box::new(Named {
                id,
                is_gone: state.gone,
                // Without a place, its bucket is not configured any more.
                whole: match state.whole {
                    true => store.place(&keys, state).ok(),
                    false => None,
                },
                pieces: pieces.collect(),
                multipart: state.multipart.clone(),
                is_of_tusd: state.is_of_tusd() && !state.whole,
            })))
        }
        Err(ObjectError::NotFound) => Ok(Seen::Absent),
        Err(ObjectError::Invalid(_)) => Ok(Seen::Unreadable),
        Err(error) => Err(error),
    }
}
