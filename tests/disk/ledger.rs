//! What clients have sent and what they were answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

/// What one client knows of an upload.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The bytes of the whole upload.
    pub(crate) content: Bytes,
    /// Whether its length was answered.
    pub(crate) is_sized: bool,
    /// Whether it may be a part of a final upload.
    pub(crate) is_partial: bool,
    /// Whether the creation was answered.
    pub(crate) created: bool,
    /// The highest offset that was answered.
    pub(crate) answered: usize,
    /// The highest offset that the upload may have.
    pub(crate) sent: usize,
    /// Whether the chunk from `answered` to `sent` is stored whole or not at
    /// all.
    pub(crate) whole_or_not: bool,
    /// Whether a DELETE was sent.
    pub(crate) ending: bool,
    /// Whether a DELETE was answered.
    pub(crate) ended: bool,
}

impl Entry {
    pub(crate) fn new(content: Bytes) -> Self {
        Self {
            content,
            is_sized: true,
            is_partial: false,
            created: false,
            answered: 0,
            sent: 0,
            whole_or_not: false,
            ending: false,
            ended: false,
        }
    }

    /// Whether the end of the upload was answered.
    pub(crate) fn is_finished(&self) -> bool {
        self.created && self.answered == self.content.len()
    }

    /// Whether a request for it was not answered.
    pub(crate) fn is_open(&self) -> bool {
        !self.created || self.sent > self.answered || self.ending && !self.ended
    }

    /// Whether requests may be sent for it.
    pub(crate) fn is_live(&self) -> bool {
        self.created && !self.ending
    }
}

/// Entries by id.
pub(crate) type Entries = BTreeMap<String, Entry>;

/// The entries of all clients.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<Entries>>);

impl Ledger {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap()
    }

    /// Returns all that is known at this moment.
    pub(crate) fn copy(&self) -> Entries {
        self.lock().clone()
    }

    /// Goes on from what is left: uploads with their offsets.
    pub(crate) fn settle(&self, present: &[(String, usize)]) {
        let mut entries = self.lock();
        let left = present.iter().map(|(id, offset)| {
            let mut entry = Entry::new(entries[id].content.clone());
            entry.is_partial = entries[id].is_partial;
            (entry.created, entry.answered, entry.sent) = (true, *offset, *offset);
            (id.clone(), entry)
        });
        *entries = left.collect();
    }

    /// Removes uploads that were already terminated in `entries`.
    pub(crate) fn forget_ended(&self, entries: &Entries) {
        self.lock()
            .retain(|id, _| entries.get(id).is_none_or(|entry| !entry.ended));
    }

    /// Changes an entry that exists.
    pub(crate) fn note(&self, id: &str, change: impl FnOnce(&mut Entry)) {
        change(self.lock().get_mut(id).expect("it is in the ledger"));
    }
}

/// Returns the bytes of the upload with this number. None is zero, which is
/// what a file system puts where bytes are missing.
pub(crate) fn pattern(number: u64, length: usize) -> Bytes {
    let at = |at: usize| {
        let mixed = (at as u64).wrapping_add(number << 20);
        1 + ((mixed ^ (mixed >> 8) ^ (mixed >> 17)) % 255) as u8
    };
    (0..length).map(at).collect()
}
