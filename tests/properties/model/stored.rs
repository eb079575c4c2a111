//! What is stored of an upload.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{Conditions, Verdict};
use crate::request::{About, Answer};

/// An upload that exists.
#[derive(Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) about: Arc<About>,
    /// `None` while it is deferred.
    pub(crate) length: Option<u64>,
    /// The bytes that are there.
    pub(crate) bytes: Bytes,
    /// Bytes that may follow, any number of them.
    pub(crate) tail: Bytes,
    pub(crate) finishing: Finishing,
    pub(crate) created: u32,
    /// When its last byte came, or it was created.
    pub(crate) touched: u32,
    /// The same, if bytes of the tail have come.
    pub(crate) tail_touched: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finishing {
    /// Bytes are missing, or nobody has agreed yet.
    Open {
        /// How often the complete upload was refused.
        refusals: u32,
    },
    Done,
}

impl Stored {
    pub(crate) fn new(about: Arc<About>, length: Option<u64>, conditions: &Conditions) -> Self {
        let touched = conditions.stamp();
        Self {
            created: conditions.birth(),
            touched,
            tail_touched: touched,
            about,
            length,
            bytes: Bytes::new(),
            tail: Bytes::new(),
            finishing: Finishing::Open { refusals: 0 },
        }
    }

    pub(crate) fn offset(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether all bytes are there.
    pub(crate) fn is_complete(&self) -> bool {
        self.length == Some(self.offset())
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finishing == Finishing::Done
    }

    /// Returns the state in which it is at this offset, if it may be.
    // An acknowledged offset never moves back.
    pub(crate) fn at(&self, offset: u64) -> Option<Self> {
        let more = usize::try_from(offset.checked_sub(self.offset())?).ok()?;
        let more = (more <= self.tail.len()).then(|| self.tail.slice(..more))?;
        Some(Self {
            tail: Bytes::new(),
            ..self.with(&more, self.tail_touched)
        })
    }

    /// Like [`at`](Self::at), but the rest of the tail may still follow.
    pub(crate) fn beyond(&self, offset: u64) -> Option<Self> {
        let state = self.at(offset)?;
        let tail = self.tail.slice(state.bytes.len() - self.bytes.len()..);
        Some(Self { tail, ..state })
    }

    /// Returns the upload with more bytes, which came at this time.
    pub(crate) fn with(&self, more: &[u8], touched: u32) -> Self {
        if more.is_empty() {
            return self.clone();
        }
        Self {
            bytes: [&self.bytes[..], more].concat().into(),
            touched,
            ..self.clone()
        }
    }

    /// Tries to finish a complete upload. Returns it afterwards, and the status of a
    /// failure.
    pub(crate) fn finish(self, conditions: &Conditions) -> (Self, Option<u16>) {
        let Finishing::Open { refusals } = self.finishing else {
            return (self, None);
        };
        if refusals >= conditions.attempts {
            return (self, Some(400));
        }
        let finishing = match conditions.finish {
            Verdict::Agrees => Finishing::Done,
            Verdict::Refuses(_) => Finishing::Open {
                refusals: refusals + 1,
            },
            Verdict::Fails(_) => self.finishing,
        };
        (Self { finishing, ..self }, conditions.finish.status())
    }

    /// Returns the states after somebody may have asked any number of times whether it is
    /// finished.
    pub(crate) fn perhaps_asked(&self, conditions: &Conditions) -> Vec<Self> {
        let whole = self.length.and_then(|length| self.at(length));
        let (Some(whole), Finishing::Open { refusals }) = (whole, self.finishing) else {
            return Vec::new();
        };
        let refused = (refusals..=conditions.attempts).map(|refusals| Finishing::Open { refusals });
        let refused = refused.filter(|_| matches!(conditions.finish, Verdict::Refuses(_)));
        let done = (conditions.finish == Verdict::Agrees && refusals < conditions.attempts)
            .then_some(Finishing::Done);
        let asked = refused.chain(done);
        asked
            .map(|finishing| Self {
                finishing,
                ..whole.clone()
            })
            .collect()
    }

    /// Returns the states after something that may have tried to finish it.
    pub(crate) fn perhaps_finished(&self, conditions: &Conditions) -> Vec<Self> {
        let whole = self.length.and_then(|length| self.at(length));
        let tried = whole.map(|whole| whole.finish(conditions).0);
        std::iter::once(self.clone()).chain(tried).collect()
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes.len())?;
        if !self.tail.is_empty() {
            write!(f, " and at most {} more", self.tail.len())?;
        }
        match self.length {
            Some(length) => write!(f, " of {length}")?,
            None => write!(f, " of an unknown number")?,
        }
        write!(f, ", {:?}", self.finishing)?;
        if self.touched > 0 || self.tail_touched > 0 {
            write!(f, ", active at {} or {}", self.touched, self.tail_touched)?;
        }
        write!(f, ", {:?}", self.about)
    }
}

/// Whether the answer tells this of an upload.
pub(super) fn is_described(about: &About, length: Option<u64>, answer: &Answer) -> bool {
    // DEF-02; nobody will tell the length of a final.
    let deferred = (length.is_none() && !about.is_final()).then_some("1");
    answer.number("upload-length") == length // CORE-18, CAT-15
        && answer.header("upload-defer-length") == deferred
        && answer.header("upload-metadata") == Some(&*about.metadata) // CRE-12
        && answer.header("upload-concat") == about.concat.as_deref() // CAT-16
}
