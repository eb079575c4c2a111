//! The uploads of a case: what they are sent, and which answers clients got.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::protocol::{
    Completion, Concat, FinishState, Length, Metadata, NewUpload, ResponseOverride, Role, UploadId,
};

/// How the length of an upload becomes known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    AtItsLength,
    AtADeferredLength,
    /// When the client declares the upload complete.
    ByClient,
}

/// An upload of a case: how it is created, and the bytes that it gets.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) id: UploadId,
    pub(super) text: Bytes,
    pub(super) ends: Ends,
    pub(super) role: Option<Role>,
    /// What the gates answer when it is finished.
    pub(super) answer: Option<ResponseOverride>,
    /// The new upload that has drawn the id, if the id is fresh.
    drawn: Option<NewUpload>,
}

impl Plan {
    /// Plans an upload of `length` bytes.
    pub(super) fn new(id: &str, length: u8) -> Self {
        // No two uploads of a case have equal bytes, and none is zero.
        let first = id.bytes().fold(0, u8::wrapping_add);
        let text = (0..length).map(|at| b'a' + first.wrapping_add(at) % 26);
        Self {
            id: id.parse().expect("the id is valid"),
            text: text.collect(),
            ends: Ends::AtItsLength,
            role: None,
            answer: None,
            drawn: None,
        }
    }

    /// Plans an upload whose id is drawn now. It is created only once.
    pub(super) fn fresh(length: u8) -> Self {
        let drawn = NewUpload::new(None, Metadata::EMPTY);
        Self {
            id: drawn.id.clone(),
            drawn: Some(drawn),
            ..Self::new("fresh", length)
        }
    }

    pub(super) const fn is_fresh(&self) -> bool {
        self.drawn.is_some()
    }

    pub(super) fn ending(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }

    pub(super) fn answered(self, body: &'static str) -> Self {
        let answer = Some(ResponseOverride::default().with_body(body));
        Self { answer, ..self }
    }

    /// Plans a part of finals.
    pub(super) fn partial(id: &str, length: u8) -> Self {
        let role = Some(Role::Partial { awaited_by: vec![] });
        Self {
            role,
            ..Self::new(id, length)
        }
    }

    /// Plans a final of these parts, which may have to wait for them.
    pub(super) fn joined(id: &str, parts: &[&Self], pending: bool) -> Self {
        let texts = parts.iter().flat_map(|part| part.text.iter().copied());
        let role = Role::Final {
            parts: parts.iter().map(|part| part.id.clone()).collect(),
            pending,
        };
        Self {
            text: texts.collect(),
            role: Some(role),
            ..Self::new(id, 0)
        }
    }

    pub(super) fn length(&self) -> Length {
        Length::saturating(self.text.len() as u64)
    }

    pub(super) fn is_final(&self) -> bool {
        matches!(self.role, Some(Role::Final { .. }))
    }

    /// Returns the parts of a final.
    pub(super) fn parts(&self) -> &[UploadId] {
        match &self.role {
            Some(Role::Final { parts, .. }) => parts,
            _ => &[],
        }
    }

    /// Returns the upload to create for the `life`th time.
    pub(super) fn new_upload(&self, life: usize) -> NewUpload {
        let is_known = self.ends == Ends::AtItsLength && !self.is_final();
        let drawn = self.drawn.clone();
        let mut new = drawn.unwrap_or_else(|| NewUpload::new(None, Metadata::EMPTY));
        new.id = self.id.clone();
        new.length = is_known.then_some(self.length());
        new.metadata = metadata(life);
        new.created = created(life);
        if self.ends == Ends::ByClient {
            new.completion = Completion::ByClient { declared: false };
        }
        new.concat = self.role.clone().map(|role| Concat::new(role, None));
        new.finishing = Some(FinishState::Pending { attempts: 0 });
        new
    }
}

/// Returns the metadata that distinguishes an upload from an earlier one of the
/// same id.
pub(super) fn metadata(life: usize) -> Metadata {
    Metadata::from_pairs([("life", life.to_string())]).expect("the pair is valid")
}

pub(super) fn created(life: usize) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + life as u64)
}

/// An upload of a case, with everything that was answered about it.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub(super) plan: Plan,
    /// One for each time that it was to be created.
    pub(super) lives: Vec<Told>,
}

impl Noted {
    pub(super) const fn new(plan: Plan) -> Self {
        Self {
            plan,
            lives: Vec::new(),
        }
    }

    /// Whether the creation of one of its lives was answered.
    pub(super) fn was_answered(&self) -> bool {
        self.lives.iter().any(|told| told.created)
    }

    /// Returns what was answered about the newest upload of this id.
    pub(super) fn told(&mut self) -> &mut Told {
        self.lives.last_mut().expect("it was to be created")
    }
}

/// What was answered about an upload before the storage stopped.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The creation was answered, or the upload was found.
    pub(super) created: bool,
    /// The last offset that was answered.
    pub(super) offset: u64,
    /// The length, or the completion by the client, was declared.
    pub(super) declared: bool,
    /// The upload was found to be finished.
    pub(super) whole: bool,
    /// The upload was finished, and this was recorded.
    pub(super) finished: bool,
    /// The atomic chunk that was not answered yet.
    pub(super) chunk: Option<AtomicChunk>,
    /// An atomic chunk has failed, or had not ended when the storage stopped.
    pub(super) unverified: bool,
    /// The termination was requested.
    pub(super) terminating: bool,
    /// The termination was answered.
    pub(super) terminated: bool,
}

#[derive(Clone, Debug)]
pub(super) struct AtomicChunk {
    pub(super) range: Range<u64>,
    /// The store has read the chunk to its end, so that it may count.
    pub(super) was_read: bool,
    /// It was there to its end before the store had to write any of it.
    pub(super) came_at_once: bool,
}

impl AtomicChunk {
    /// Whether an upload with this offset has bytes of the chunk although it had
    /// not ended.
    pub(super) const fn is_unverified(&self, offset: u64) -> bool {
        !self.was_read && offset > self.range.start
    }
}
