//! Parts on their way.

use std::collections::VecDeque;

use tokio::task::JoinHandle;

use crate::store::object::budget::Loan;
use crate::store::object::calls::{joined, retried};
use crate::store::object::objects::{MultipartId, PartNumber, Payload, Result, Tag};
use crate::store::object::place::Place;

/// A part that is being sent.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) number: PartNumber,
    pub(super) size: u64,
    /// Whether it begins with the bytes that were in no part before.
    pub(super) absorbs: bool,
    task: JoinHandle<Result<Tag>>,
}

impl Sending {
    /// Waits until the part is stored, and returns its tag.
    pub(super) async fn done(self) -> Result<Tag> {
        joined(self.task).await
    }
}

/// Parts on their way, in the order of their bytes.
#[derive(Debug, Default)]
pub(super) struct Sent(VecDeque<Sending>);

impl Sent {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|part| part.size).sum()
    }

    /// Whether the bytes that were in no part before are on their way.
    pub(super) fn absorbs(&self) -> bool {
        self.0.iter().any(|part| part.absorbs)
    }

    pub(super) fn is_first_done(&self) -> bool {
        self.0.front().is_some_and(|part| part.task.is_finished())
    }

    pub(super) fn pop(&mut self) -> Option<Sending> {
        self.0.pop_front()
    }

    /// Forgets the parts. They may still arrive.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn push(&mut self, part: Sending) {
        self.0.push_back(part);
    }
}

/// A part that is to be sent.
pub(super) struct Part {
    pub(super) number: PartNumber,
    pub(super) payload: Payload,
    pub(super) absorbs: bool,
    /// The memory of its bytes.
    pub(super) loan: Loan,
}

impl Part {
    /// Sends it in a task.
    pub(super) fn send(self, place: Place, multipart: MultipartId) -> Sending {
        let (number, size, absorbs) = (self.number, self.payload.len(), self.absorbs);
        let task = tokio::spawn(async move {
            let Self { payload, loan, .. } = self;
            let put = || {
                let Place { objects, key, .. } = &place;
                objects.put_part(key, &multipart, number, payload.clone())
            };
            let sent = retried(put).await;
            drop(loan);
            sent
        });
        Sending {
            number,
            size,
            absorbs,
            task,
        }
    }
}
