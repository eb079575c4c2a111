//! The time passes, and what has expired is gone.

use super::{Driver, Fault};
use crate::model::{Conditions, Whether, is_needed};

impl Driver {
    pub(crate) async fn set_clock(&mut self, days: u8) -> Result<(), Fault> {
        // The server may not yet have read what its clients have sent.
        self.settle().await?;
        if let Some(expiry) = &mut self.conditions.expiry
            && self.world.set_clock(days)
        {
            self.log.push(format!("the clock is set to day {days}"));
            expiry.now = u32::from(days) * 24;
        }
        Ok(())
    }

    /// Lets days pass for what is stored.
    pub(super) async fn age(&mut self, days: u8) -> Result<(), Fault> {
        self.end_held().await?;
        self.settle().await?;
        let Some(expiry) = &mut self.conditions.expiry else {
            return Ok(());
        };
        self.log.push(format!("{days} days pass"));
        expiry.now += u32::from(days) * 24;
        for entry in &self.entries {
            self.world.make_older(&entry.id, days).await;
        }
        Ok(())
    }

    /// Waits until the servers have removed what has expired: they do it by themselves.
    pub(super) async fn expired(&mut self) -> Result<(), Fault> {
        if !self.conditions.removes_expired() {
            return Ok(());
        }
        // The parts of a final may expire only once it is gone.
        while let Some(entry) = self.next_expired() {
            let id = self.entries[entry].id.clone();
            if !self.world.is_removed(&id).await {
                return Err(format!("{id} has expired, but nobody removes it"));
            }
            self.log.push(format!("    {id} has expired"));
            self.tally.expired += 1;
            self.entries[entry].expire(self.servers);
            self.catch_up();
        }
        Ok(())
    }

    fn next_expired(&self) -> Option<usize> {
        let held = |entry: usize| self.held.iter().any(|held| held.is_live_for(entry));
        (0..self.entries.len())
            .find(|entry| self.has_expired(*entry) == Whether::Yes && !held(*entry))
    }

    /// Notes what the servers may have removed.
    pub(super) fn perhaps_expired(&mut self) {
        if !self.conditions.removes_expired() {
            return;
        }
        for entry in 0..self.entries.len() {
            if self.has_expired(entry) != Whether::No {
                self.entries[entry].perhaps_expire();
            }
        }
    }

    fn has_expired(&self, entry: usize) -> Whether {
        self.entries[entry].has_expired(&Conditions {
            is_needed: is_needed(entry, &self.entries, &self.conditions),
            ..self.conditions.clone()
        })
    }

    /// Notes that a server has ended, and knows no more what it has removed.
    pub(super) fn forgets(&mut self, server: usize) {
        for entry in &mut self.entries {
            entry.buried[server] = Whether::No;
            entry.left_at = entry.left_at.filter(|left_at| *left_at != server);
        }
    }
}
