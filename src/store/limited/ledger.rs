use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tower_tus_layers::protocol::{Error, Upload, UploadId};
use tower_tus_layers::store::Store;

use super::charge::{Claim, Tally, charge};
use super::evict::Eviction;
use super::keeper::Keeper;
use super::limits::{Full, Limits};
use super::metrics::Gauges;
use super::scan::Scan;

/// What all clones of a [`Limited`](super::Limited) share.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) store: Arc<dyn Store>,
    pub(super) settings: Settings,
    eviction: Mutex<Option<Arc<Eviction>>>,
    state: Mutex<State>,
    pub(super) keeper: Keeper,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    /// Time between two counts.
    pub(super) interval: Duration,
    pub(super) gauges: Gauges,
}

#[derive(Debug, Default)]
struct State {
    tally: Tally,
    /// The uploads that a request has entered, with what they are charged once the
    /// request begins to change it.
    live: HashMap<UploadId, Option<Claim>>,
    scan: Option<Scan>,
}

impl Ledger {
    pub(super) fn new(store: Arc<dyn Store>, settings: Settings) -> Self {
        let ledger = Self {
            store,
            settings,
            eviction: Mutex::default(),
            state: Mutex::default(),
            keeper: Keeper::default(),
        };
        ledger.show(&ledger.state());
        ledger
    }

    /// Sets how room is made from now on.
    pub(super) fn evict_by(&self, eviction: Eviction) {
        *lock(&self.eviction) = Some(Arc::new(eviction));
    }

    pub(super) fn eviction(&self) -> Option<Arc<Eviction>> {
        lock(&self.eviction).clone()
    }

    pub(super) fn tally(&self) -> Tally {
        self.state().tally.clone()
    }

    /// Returns what an upload is charged in its stored state.
    pub(super) fn claim(&self, upload: &Upload) -> Claim {
        Claim {
            owner: self.settings.limits.owner(upload),
            bytes: charge(upload),
        }
    }

    /// Lets one request at a time change what an upload is charged.
    pub(super) fn enter(self: &Arc<Self>, id: &UploadId) -> Result<Entered, Error> {
        match self.state().live.entry(id.clone()) {
            Entry::Occupied(_) => return Err(busy("another request changes the upload")),
            Entry::Vacant(entry) => entry.insert(None),
        };
        Ok(Entered {
            ledger: Arc::clone(self),
            id: id.clone(),
        })
    }

    /// Begins to change what an upload is charged, which is `claim`.
    pub(super) fn change(self: &Arc<Self>, id: &UploadId, claim: Claim) -> Result<Change, Error> {
        Ok(self.enter(id)?.change(claim))
    }

    /// Returns the limit that leaves no room for `wanted` more bytes of `claim`.
    pub(super) fn full(&self, claim: &Claim, wanted: u64) -> Option<Full> {
        let limits = &self.settings.limits;
        limits.room(&self.state().tally, claim, wanted).1
    }

    /// Begins a count of what is stored.
    pub(super) fn begin_scan(&self) {
        let mut state = self.state();
        state.scan = Some(Scan::new(&state.live));
    }

    /// Adds a page to the count, which ends with the last one: `next` is `None`.
    /// Returns the sums before and after it then.
    pub(super) fn add_page(
        &self,
        listed: Vec<(UploadId, Claim)>,
        next: Option<UploadId>,
    ) -> Option<(u64, u64)> {
        let mut state = self.state();
        if let Some(next) = next {
            state.scan.as_mut()?.add(listed, next);
            return None;
        }
        let counted = state.scan.take()?.end(listed);
        let before = std::mem::replace(&mut state.tally, counted).total;
        self.show(&state);
        Some((before, state.tally.total))
    }

    pub(super) fn end_scan(&self) {
        self.state().scan = None;
    }

    /// Whether no change and no count is in progress.
    #[cfg(test)]
    pub(super) fn is_at_rest(&self) -> bool {
        let state = self.state();
        state.live.is_empty() && state.scan.is_none()
    }

    fn show(&self, state: &State) {
        let limit = self.settings.limits.total;
        self.settings.gauges.show(state.tally.total, limit);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code under these mutexes panics half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // The task then sees that it is no longer needed.
        self.keeper.doubt();
    }
}

/// The error of what can be done a moment later.
pub(super) fn busy(why: &'static str) -> Error {
    Error::Busy(Arc::new(std::io::Error::other(why)))
}

/// The right to change what an upload is charged.
#[derive(Debug)]
pub(super) struct Entered {
    ledger: Arc<Ledger>,
    id: UploadId,
}

impl Entered {
    /// Begins the change of an upload that is charged `claim`.
    pub(super) fn change(self, claim: Claim) -> Change {
        let mut state = self.ledger.state();
        state.live.insert(self.id.clone(), Some(claim.clone()));
        if let Some(scan) = &mut state.scan {
            scan.change(&self.id, &claim, &claim);
        }
        drop(state);
        Change {
            entered: self,
            claim,
            is_over: false,
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.ledger.state().live.remove(&self.id);
    }
}

/// A change of one upload that is in progress.
///
/// If it is dropped before its [end](Self::end), nobody knows what has become of the
/// upload: it stays charged, and the store is counted again.
#[derive(Debug)]
pub(super) struct Change {
    entered: Entered,
    claim: Claim,
    is_over: bool,
}

impl Change {
    pub(super) const fn id(&self) -> &UploadId {
        &self.entered.id
    }

    pub(super) const fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Reserves up to `wanted` more bytes. Returns how many, and the limit that stands
    /// in the way of the others.
    pub(super) fn grow(&mut self, wanted: u64) -> (u64, Option<Full>) {
        let ledger = Arc::clone(&self.entered.ledger);
        let mut state = ledger.state();
        let limits = &ledger.settings.limits;
        let (room, full) = limits.room(&state.tally, &self.claim, wanted);
        self.set(&mut state, self.claim.bytes.saturating_add(room));
        drop(state);
        if full.is_some() {
            // What fills the store may be gone, without us.
            ledger.keeper.doubt();
        }
        (room, full)
    }

    /// Reserves `wanted` more bytes, or none.
    pub(super) fn try_grow(&mut self, wanted: u64) -> Result<(), Full> {
        let ledger = Arc::clone(&self.entered.ledger);
        let mut state = ledger.state();
        let limits = &ledger.settings.limits;
        if let Some(full) = limits.room(&state.tally, &self.claim, wanted).1 {
            ledger.keeper.doubt();
            return Err(full);
        }
        self.set(&mut state, self.claim.bytes.saturating_add(wanted));
        Ok(())
    }

    /// Charges this many bytes from now on, whatever the limits.
    pub(super) fn charge(&mut self, bytes: u64) {
        let ledger = Arc::clone(&self.entered.ledger);
        self.set(&mut ledger.state(), bytes);
    }

    /// Ends it with nothing changed.
    pub(super) fn forget(mut self) {
        self.is_over = true;
    }

    /// Ends it with this many bytes charged.
    pub(super) fn end(mut self, bytes: u64) {
        self.charge(bytes);
        self.is_over = true;
    }

    fn set(&mut self, state: &mut State, bytes: u64) {
        if bytes == self.claim.bytes {
            return;
        }
        let before = self.claim.clone();
        self.claim.bytes = bytes;
        state.tally.remove(&before);
        state.tally.add(&self.claim);
        let id = self.id();
        state.live.insert(id.clone(), Some(self.claim.clone()));
        if let Some(scan) = &mut state.scan {
            scan.change(id, &before, &self.claim);
        }
        self.entered.ledger.show(state);
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if !self.is_over {
            self.entered.ledger.keeper.doubt();
        }
    }
}
