use async_trait::async_trait;
use metrics::{Counter, Unit, counter};

use super::TimedStore;
use super::names::described_counter;
use crate::protocol::Error;
use crate::store::{Cleaner, Leftover, LeftoverKind, LeftoverPage, LeftoverRequest};

/// Leftovers that were removed.
#[derive(Debug)]
pub(super) struct SweepMetrics(Vec<ByKind>);

#[derive(Debug)]
struct ByKind {
    kind: LeftoverKind,
    removed: Counter,
    bytes: Counter,
}

impl SweepMetrics {
    pub(super) fn new(prefix: &str) -> Self {
        let text = "Leftovers of crashes that were removed, by kind.";
        let removed = described_counter(prefix, "sweep_removed", Unit::Count, text);
        let text = "Bytes of leftovers that were removed, by kind.";
        let bytes = described_counter(prefix, "sweep_removed_bytes", Unit::Bytes, text);
        let by_kind = |kind: &LeftoverKind| ByKind {
            kind: *kind,
            removed: counter!(removed.clone(), "kind" => kind.as_str()),
            bytes: counter!(bytes.clone(), "kind" => kind.as_str()),
        };
        Self(LeftoverKind::ALL.iter().map(by_kind).collect())
    }

    fn count(&self, kind: LeftoverKind, bytes: u64) {
        if let Some(by_kind) = self.0.iter().find(|by_kind| by_kind.kind == kind) {
            by_kind.removed.increment(1);
            by_kind.bytes.increment(bytes);
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Cleaner for TimedStore {
    async fn leftovers(&self, request: &LeftoverRequest) -> Result<LeftoverPage, Error> {
        let cleaner = self.store.cleaner().ok_or(Error::NotImplemented)?;
        cleaner.leftovers(request).await
    }

    async fn clean(&self, leftover: &Leftover) -> Result<Option<u64>, Error> {
        let cleaner = self.store.cleaner().ok_or(Error::NotImplemented)?;
        let removed = cleaner.clean(leftover).await?;
        if let Some(bytes) = removed {
            self.metrics.sweep.count(leftover.kind, bytes);
        }
        Ok(removed)
    }
}
