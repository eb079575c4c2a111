//! PATCH, and the first bytes of a creation.

use bytes::Bytes;

use super::quota::Fits;
use super::{Conditions, Stored, Torn};
use crate::actions::Framing;
use crate::request::{Answer, Load};

/// Bytes for an upload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    pub(super) offset: u64,
    /// The length that the request declares.
    pub(super) length: Option<u64>,
    pub(super) load: &'a Load,
}

impl Stored {
    pub(super) fn appended(
        &self,
        chunk: &Chunk<'_>,
        answer: &Answer,
        conditions: &Conditions,
    ) -> Vec<Self> {
        let mut next = Vec::new();
        if chunk.load.refusal() == Some(400) && answer.status == 400 {
            next.push(self.clone());
        }
        let length = chunk
            .length
            .filter(|&length| conditions.is_too_long(length));
        if length.is_some() && answer.status == 413 {
            next.push(self.clone());
        }
        // CAT-10
        if self.about.is_final() {
            if answer.status == 403 {
                next.push(self.clone());
            }
            return next;
        }
        // CORE-25, AMB-07
        if answer.status == 409 {
            let told = answer.number("upload-offset");
            let told = told.filter(|&told| told != chunk.offset);
            next.extend(told.and_then(|told| self.at(told)));
        }
        if let Some(here) = self.at(chunk.offset) {
            let results = here.take(chunk, conditions).into_iter();
            // CORE-26
            let told = |after: &Self| answer.number("upload-offset") == Some(after.offset());
            let fits = |(status, after): &(u16, Self)| {
                *status == answer.status && (*status != 204 || told(after))
            };
            next.extend(results.filter(fits).map(|(_, after)| after));
        }
        next
    }

    /// Returns the statuses with which a chunk at the right offset may be answered,
    /// and the upload afterwards.
    pub(super) fn take(&self, chunk: &Chunk<'_>, conditions: &Conditions) -> Vec<(u16, Self)> {
        let load = chunk.load;
        let mut refusals: Vec<_> = load.refusal().into_iter().collect();
        let is_declared_wrong = chunk.length.is_some_and(|length| match self.length {
            Some(known) => known != length, // CRE-09
            None => length < self.offset(), // DEF-04
        });
        if is_declared_wrong {
            refusals.push(400);
        }
        let declared = Self {
            length: self.length.or(chunk.length),
            ..self.clone()
        };
        let room = declared.room();
        let fits = load.bytes.len() <= room;
        if !fits {
            refusals.push(413);
        }
        let end = self.offset() + load.bytes.len() as u64;
        let (is_room, mut results) = self.grow(declared.length.unwrap_or(end), load, conditions);
        // AMB-03: of a stream of unknown length, what fits is kept.
        let is_kept = load.framing == Framing::Chunked && !load.is_atomic() && !self.is_complete();
        if !fits && is_kept && !is_declared_wrong {
            let whole = declared.with(&load.bytes[..room], conditions.stamp());
            results.extend((is_room != Fits::No).then(|| (413, whole.finish(conditions).0)));
            return results;
        }
        if !refusals.is_empty() {
            results.extend(refusals.into_iter().map(|status| (status, self.clone())));
            return results;
        }
        let after = declared.with(&load.bytes, conditions.stamp());
        if is_room == Fits::No {
            return results;
        }
        if !after.is_complete() {
            results.push((204, after));
            return results;
        }
        let (after, failure) = after.finish(conditions);
        results.push((failure.unwrap_or(204), after));
        results
    }

    /// Tells whether the upload may grow to this size, and what happens if it may not:
    /// what fits is kept, and a chunk with a checksum as a whole.
    fn grow(&self, size: u64, load: &Load, conditions: &Conditions) -> (Fits, Vec<(u16, Self)>) {
        // All of it was charged at once.
        if self.length.is_some() {
            return (Fits::Yes, Vec::new());
        }
        let (fits, full) = conditions.room_for(size);
        if fits == Fits::Yes {
            return (fits, Vec::new());
        }
        let room = conditions.most().saturating_sub(self.offset());
        let room =
            usize::try_from(room).map_or(load.bytes.len(), |room| room.min(load.bytes.len()));
        let room = if load.is_atomic() { 0 } else { room };
        let mut kept = vec![Self {
            tail: load.bytes.slice(..room),
            tail_touched: conditions.stamp(),
            ..self.clone()
        }];
        // With an atomic chunk, a length is declared once the bytes are stored.
        let end = self.offset() + load.bytes.len() as u64;
        let is_stored = load.is_atomic() && load.refusal().is_none() && size > end;
        if is_stored && conditions.room_for(end).0 != Fits::No {
            kept.push(self.with(&load.bytes, conditions.stamp()));
        }
        // Bytes are taken piece by piece, and the first of them might fit at another time.
        let mut statuses = vec![full];
        if full == 413 {
            statuses.push(507);
        }
        let results = statuses
            .into_iter()
            .flat_map(|status| kept.iter().map(move |kept| (status, kept.clone())));
        (fits, results.collect())
    }

    /// Returns the states after a chunk whose answer did not come.
    pub(super) fn torn(&self, chunk: &Chunk<'_>, torn: Torn, conditions: &Conditions) -> Vec<Self> {
        let here = self.at(chunk.offset);
        let Some(here) = here.filter(|_| !self.about.is_final()) else {
            return vec![self.clone()];
        };
        let mut next = match torn {
            // The server has begun to read, so this is where it was.
            Torn::After(_) => vec![here.clone()],
            Torn::Killed => vec![self.clone()],
        };
        for (_, after) in here.take(chunk, conditions) {
            let came = Bytes::from([&after.bytes[here.bytes.len()..], &after.tail].concat());
            let bytes = came.len().min(match torn {
                Torn::After(bytes) => bytes,
                Torn::Killed => usize::MAX,
            });
            // A chunk with a checksum is whole or absent. A kill may leave the first
            // part of one that had come as a whole.
            if chunk.load.is_atomic() && torn != Torn::Killed && bytes < chunk.load.bytes.len() {
                continue;
            }
            let tail = came.slice(..bytes);
            for length in [here.length, after.length] {
                next.push(Self {
                    length,
                    tail: tail.clone(),
                    tail_touched: conditions.stamp(),
                    ..here.clone()
                });
            }
            if bytes == came.len() && after.is_complete() {
                next.push(after.clone());
            }
        }
        if here.is_complete() {
            next.extend(here.perhaps_finished(conditions));
        }
        next
    }

    /// Returns how many bytes are missing.
    fn room(&self) -> usize {
        let missing = self
            .length
            .map(|length| length.saturating_sub(self.offset()));
        missing.map_or(usize::MAX, |missing| {
            usize::try_from(missing).expect("it is small")
        })
    }
}
