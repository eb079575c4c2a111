//! Decides what is a leftover.

use std::collections::BTreeSet;

use tower_tus_layers::protocol::{Error, UploadId};
use tower_tus_layers::store::{Leftover, LeftoverKind, ListRequest};

use super::states::{Named, Seen, States};
use super::thing::{Thing, split_piece};
use crate::store::object::calls::{all_parts, retried};
use crate::store::object::info::Info;
use crate::store::object::keys::{INFO, PART};
use crate::store::object::objects::{Listed, Multipart, ObjectError};
use crate::store::object::place::Place;
use crate::store::object::{ObjectStore, finish, list};

/// Judges things that were listed together.
pub(super) struct Judge<'a> {
    store: &'a ObjectStore,
    states: &'a States,
    /// The keys of the objects among them.
    keys: BTreeSet<&'a str>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(store: &'a ObjectStore, things: &'a [Thing], states: &'a States) -> Self {
        let keys = things.iter().filter_map(|thing| match thing {
            Thing::Object(object) => Some(&*object.key),
            Thing::Multipart(_) => None,
        });
        Self {
            store,
            states,
            keys: keys.collect(),
        }
    }

    /// Returns the thing as a leftover, if it is one.
    pub(super) async fn leftover(&self, thing: &Thing) -> Result<Option<Leftover>, Error> {
        let below = thing.below(self.store);
        let found = match thing {
            Thing::Multipart(multipart) => self.multipart(multipart, below).await?,
            Thing::Object(_) if below.ends_with(INFO) => self.info(below).await?,
            Thing::Object(object) if below.ends_with(PART) => self.part(object, below),
            Thing::Object(object) => self.object(object, below).await?,
        };
        let Some((kind, id)) = found else {
            return Ok(None);
        };
        let mut leftover = Leftover::new(thing.name(self.store), kind);
        leftover.id = id;
        leftover.modified = thing.modified();
        leftover.bytes = match thing {
            Thing::Object(object) => object.size,
            Thing::Multipart(multipart) => self.size(multipart).await?,
        };
        Ok(Some(leftover))
    }

    /// Judges a state.
    async fn info(&self, below: &str) -> Result<Option<Found>, Error> {
        let Some(place) = below.strip_suffix(INFO).and_then(|id| id.parse().ok()) else {
            // No upload has this key.
            return Ok(None);
        };
        Ok(match self.states.of(&place) {
            Seen::Absent => None,
            Seen::Unreadable => Some((LeftoverKind::Unreadable, None)),
            Seen::Upload(it) if it.is_gone => Some((LeftoverKind::HalfMade, id(it))),
            Seen::Upload(it) => match &it.whole {
                Some(place) if !self.exists(place).await? => Some((LeftoverKind::Moved, id(it))),
                _ => None,
            },
        })
    }

    /// Judges bytes that are in no part.
    fn part(&self, object: &Listed, below: &str) -> Option<Found> {
        let tail = below.strip_suffix(PART).and_then(|id| id.parse().ok());
        let tail = tail.map_or(&Seen::Absent, |id: UploadId| self.states.of(&id));
        let piece = split_piece(below).and_then(|(id, _)| id.parse().ok());
        let upload = piece.as_ref().map(|id| self.states.of(id));
        for seen in [Some(tail), upload].into_iter().flatten() {
            match seen {
                Seen::Unreadable => return None,
                Seen::Upload(it) if it.pieces.contains(&object.key) => return None,
                Seen::Upload(_) | Seen::Absent => {}
            }
        }
        match (tail, upload) {
            // tusd may be about to read it.
            (Seen::Upload(it), None) if it.is_of_tusd => None,
            (Seen::Upload(it), None) | (_, Some(Seen::Upload(it))) => {
                Some((LeftoverKind::Draft, id(it)))
            }
            (_, Some(_)) => Some((LeftoverKind::Draft, None)),
            (_, None) => Some((LeftoverKind::Orphan, None)),
        }
    }

    /// Judges an object that may be a finished upload.
    async fn object(&self, object: &Listed, below: &str) -> Result<Option<Found>, Error> {
        let place: Option<UploadId> = below.parse().ok();
        let seen = place.map_or(&Seen::Absent, |place| self.states.of(&place));
        if !matches!(seen, Seen::Absent) {
            return Ok(None);
        }
        match retried(|| self.store.objects.head(&object.key)).await {
            // An upload that was finished under another id, or whose state a hook has
            // removed.
            Ok(found) if finish::is_marked(&found) => Ok(None),
            Ok(_) => Ok(Some((LeftoverKind::Orphan, None))),
            Err(ObjectError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Judges an object that is being made of parts.
    async fn multipart(&self, multipart: &Multipart, below: &str) -> Result<Option<Found>, Error> {
        let place: Option<UploadId> = below.parse().ok();
        let seen = place.map_or(&Seen::Absent, |place| self.states.of(&place));
        match seen {
            Seen::Unreadable => Ok(None),
            Seen::Upload(it) if it.multipart.as_ref() == Some(&multipart.id.0) => Ok(None),
            _ if is_named(self.store, multipart).await? => Ok(None),
            Seen::Upload(it) => Ok(Some((LeftoverKind::Draft, id(it)))),
            Seen::Absent => Ok(Some((LeftoverKind::Orphan, None))),
        }
    }

    async fn exists(&self, place: &Place) -> Result<bool, Error> {
        if place.bucket.is_none() && self.keys.contains(&*place.key) {
            return Ok(true);
        }
        match retried(|| place.objects.head(&place.key)).await {
            Ok(_) => Ok(true),
            Err(ObjectError::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn size(&self, multipart: &Multipart) -> Result<u64, Error> {
        let objects = &*self.store.objects;
        match all_parts(objects, &multipart.key, &multipart.id).await {
            Ok(parts) => Ok(parts.iter().map(|part| part.size).sum()),
            Err(ObjectError::NotFound) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a leftover is, and the upload whose lock guards it.
type Found = (LeftoverKind, Option<UploadId>);

fn id(named: &Named) -> Option<UploadId> {
    Some(named.id.clone())
}

/// Whether any upload has this multipart upload: a hook may have chosen another key for
/// it than its id. This reads all states, but is seldom asked.
async fn is_named(store: &ObjectStore, multipart: &Multipart) -> Result<bool, Error> {
    let mut request = ListRequest::default();
    loop {
        let (places, next) = list::ids(store, &request).await?;
        for place in places {
            let keys = store.keys(&place);
            match retried(|| Info::read(&*store.objects, &keys)).await {
                Ok(info) if info.state.multipart.as_ref() == Some(&multipart.id.0) => {
                    return Ok(true);
                }
                Ok(_) | Err(ObjectError::NotFound | ObjectError::Invalid(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match next {
            Some(next) => request = request.after(next),
            None => return Ok(false),
        }
    }
}
