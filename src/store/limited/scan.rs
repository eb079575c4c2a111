use std::collections::HashMap;

use tower_tus_layers::protocol::UploadId;

use super::charge::{Claim, Tally};

/// A count of what is stored, while uploads change.
///
/// It goes through the uploads in the order of their ids. What changes behind it
/// changes its tally as well. What changes ahead of it is noted, because the list may
/// or may not show the change: the note then counts in place of the list.
#[derive(Debug)]
pub(super) struct Scan {
    tally: Tally,
    /// The last id of the pages so far.
    passed: Option<UploadId>,
    /// Uploads ahead, with what they are charged by now.
    changed: HashMap<UploadId, Claim>,
}

impl Scan {
    /// Begins before the first id, while changes of `live` are in progress.
    pub(super) fn new(live: &HashMap<UploadId, Option<Claim>>) -> Self {
        let changed = live
            .iter()
            .filter_map(|(id, claim)| Some((id.clone(), claim.clone()?)));
        Self {
            tally: Tally::default(),
            passed: None,
            changed: changed.collect(),
        }
    }

    /// Notes that an upload is about to change, or that its charge has changed from
    /// `before` to `now`.
    pub(super) fn change(&mut self, id: &UploadId, before: &Claim, now: &Claim) {
        if self.passed.as_ref().is_some_and(|passed| id <= passed) {
            self.tally.remove(before);
            self.tally.add(now);
        } else {
            self.changed.insert(id.clone(), now.clone());
        }
    }

    /// Adds a page of the list that ends at `next`.
    pub(super) fn add(&mut self, listed: Vec<(UploadId, Claim)>, next: UploadId) {
        self.add_up_to(listed, |id| *id <= next);
        self.passed = Some(next);
    }

    /// Adds the last page, and returns the sum.
    pub(super) fn end(mut self, listed: Vec<(UploadId, Claim)>) -> Tally {
        self.add_up_to(listed, |_| true);
        self.tally
    }

    fn add_up_to(&mut self, listed: Vec<(UploadId, Claim)>, is_passed: impl Fn(&UploadId) -> bool) {
        for (id, claim) in listed {
            if !self.changed.contains_key(&id) {
                self.tally.add(&claim);
            }
        }
        let tally = &mut self.tally;
        self.changed.retain(|id, claim| {
            let is_passed = is_passed(id);
            if is_passed {
                tally.add(claim);
            }
            !is_passed
        });
    }
}
