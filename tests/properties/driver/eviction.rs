//! Servers remove uploads to make room for others.

use super::{Driver, Fault};
use crate::actions::Via;
use crate::model::Conditions;
use crate::plan::Plan;

impl Driver {
    /// Notes that others may have been removed for an upload of at most so many bytes.
    /// Whatever surely fits leaves all others alone.
    pub(super) fn perhaps_evicted(
        &mut self,
        entry: Option<usize>,
        most: u64,
        conditions: &Conditions,
    ) {
        let Some(quota) = &conditions.quota else {
            return;
        };
        for limit in quota.limits.iter().filter(|limit| limit.may_lack(most)) {
            let others = self.entries.iter_mut().enumerate();
            for (_, other) in others.filter(|(other, _)| Some(*other) != entry) {
                other.perhaps_evicted(limit, quota.evicts);
            }
        }
    }

    /// Returns the entries that are among the first that go, with the time of their last
    /// activity, if the order is known.
    pub(super) fn those_that_go_first(&self, plan: &Plan) -> Vec<(usize, u32)> {
        let is_ordered = self.conditions.removes_expired()
            && self.conditions.evicts()
            && self
                .conditions
                .quota
                .as_ref()
                .is_some_and(|quota| quota.per_owner.is_none());
        if !is_ordered || plan.request.charge() == 0 {
            return Vec::new();
        }
        let entries = self.entries.iter().enumerate();
        let others = entries.filter(|(entry, _)| plan.subject.known() != Some(*entry));
        others
            .filter_map(|(entry, other)| Some((entry, other.goes_first()?)))
            .collect()
    }

    /// Compares those that were removed with those that were not.
    pub(super) async fn has_evicted_the_oldest(
        &mut self,
        before: &[(usize, u32)],
    ) -> Result<(), Fault> {
        let (mut gone, mut kept) = (Vec::new(), Vec::new());
        for (entry, touched) in before {
            if !self.entries[*entry].is_certain() {
                Box::pin(self.carry_out(Via::PLAIN, Plan::head(*entry))).await?;
            }
            match &self.entries[*entry] {
                other if other.goes_first().is_some() => kept.push(*touched),
                other if other.is_absent() => gone.push(*touched),
                _ => {}
            }
        }
        self.tally.evicted += gone.len() as u64;
        match (gone.iter().max(), kept.iter().min()) {
            (Some(gone), Some(kept)) if gone > kept => Err(format!(
                "an upload that was active at {gone} was evicted, and one at {kept} was not"
            )),
            _ => Ok(()),
        }
    }
}
