//! The open spans, and those that each thread is in.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Metadata;
use tracing::span::Id;

use super::fields::Fields;

/// Number of mutexes that the spans are spread over, by the thread that opens them.
const SHARDS: usize = 16;

/// All open spans. A program has one of these, because threads do not remember in which
/// one they have entered a span.
#[derive(Debug, Default)]
pub(super) struct Spans([Mutex<Shard>; SHARDS]);

/// A span, with the fields that every event in it shares: its own and those of the spans
/// around it.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) metadata: &'static Metadata<'static>,
    pub(super) fields: Arc<Fields>,
}

#[derive(Debug, Default)]
struct Shard {
    slots: Vec<Option<Slot>>,
    /// Indices of empty slots.
    free: Vec<usize>,
}

#[derive(Debug)]
struct Slot {
    span: Span,
    holders: usize,
}

impl Spans {
    /// Adds a span with one holder.
    pub(super) fn open(&self, span: Span) -> Id {
        let number = own_shard();
        let shard = &mut *self.shard(number);
        let slot = Some(Slot { span, holders: 1 });
        let index = match shard.free.pop() {
            Some(index) => {
                shard.slots[index] = slot;
                index
            }
            None => {
                shard.slots.push(slot);
                shard.slots.len() - 1
            }
        };
        // 0 is no id.
        Id::from_u64((index * SHARDS + number) as u64 + 1)
    }

    pub(super) fn get(&self, id: &Id) -> Option<Span> {
        let (number, index) = place(id);
        let shard = self.shard(number);
        let slot = shard.slots.get(index)?.as_ref();
        slot.map(|slot| slot.span.clone())
    }

    /// Adds a holder.
    pub(super) fn hold(&self, id: &Id) {
        let (number, index) = place(id);
        if let Some(Some(slot)) = self.shard(number).slots.get_mut(index) {
            slot.holders += 1;
        }
    }

    /// Removes a holder, and returns whether it was the last one, so that the span is closed.
    pub(super) fn release(&self, id: &Id) -> bool {
        let (number, index) = place(id);
        let shard = &mut *self.shard(number);
        let Some(place @ Some(_)) = shard.slots.get_mut(index) else {
            return false;
        };
        if let Some(slot) = place
            && slot.holders > 1
        {
            slot.holders -= 1;
            return false;
        }
        *place = None;
        shard.free.push(index);
        true
    }

    fn shard(&self, number: usize) -> MutexGuard<'_, Shard> {
        // Nothing in here panics half-way.
        self.0[number]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shard and the slot of a span.
fn place(id: &Id) -> (usize, usize) {
    let place = usize::try_from(id.into_u64() - 1).unwrap_or(usize::MAX);
    (place % SHARDS, place / SHARDS)
}

/// The shard of this thread.
fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    OWN.try_with(|own| *own).unwrap_or_default()
}

thread_local! {
    /// The spans that this thread is in, the innermost last.
    static ENTERED: RefCell<Vec<(Id, Span)>> = const { RefCell::new(Vec::new()) };
}

/// Makes a span the innermost one of this thread.
pub(super) fn enter(id: &Id, span: Span) {
    // A thread that ends is in no span.
    let _ = ENTERED.try_with(|entered| entered.borrow_mut().push((id.clone(), span)));
}

/// Leaves a span, in whatever order.
pub(super) fn exit(id: &Id) {
    let _ = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        let place = entered.iter().rposition(|(other, _)| other == id);
        place.map(|place| entered.remove(place))
    });
}

/// The innermost span of this thread.
pub(super) fn current() -> Option<(Id, Span)> {
    let current = ENTERED.try_with(|entered| entered.borrow().last().cloned());
    current.ok().flatten()
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn spans() -> (Spans, Span) {
        let site = tracing::callsite!(
            name: "span",
            kind: tracing::metadata::Kind::SPAN,
            target: module_path!(),
            level: Level::INFO,
            fields: a
        );
        let span = Span {
            metadata: tracing::callsite::Callsite::metadata(site),
            fields: Arc::default(),
        };
        (Spans::default(), span)
    }

    #[test]
    fn a_span_is_open_until_its_last_holder_is_gone() {
        let (spans, span) = spans();
        let id = spans.open(span.clone());
        spans.hold(&id);
        assert!(!spans.release(&id) && spans.get(&id).is_some());
        assert!(spans.release(&id) && spans.get(&id).is_none());
        spans.hold(&id);
        assert!(!spans.release(&id), "it is closed once");

        let open = [spans.open(span.clone()), spans.open(span)];
        assert_eq!(open[0], id, "its place is free again");
        assert_ne!(open[1], id);
        assert!(spans.release(&open[1]) && spans.get(&open[0]).is_some());
    }

    #[test]
    fn spans_of_different_threads_do_not_meet() {
        let (spans, span) = spans();
        let mut ids = Vec::new();
        std::thread::scope(|scope| {
            let open = || [(); 3].map(|()| spans.open(span.clone()).into_u64());
            let threads: Vec<_> = (0..2 * SHARDS).map(|_| scope.spawn(open)).collect();
            ids.extend(
                threads
                    .into_iter()
                    .flat_map(|thread| thread.join().unwrap()),
            );
        });
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 6 * SHARDS);
        assert!(ids.iter().all(|id| spans.release(&Id::from_u64(*id))));
    }

    #[test]
    fn spans_may_be_left_in_another_order() {
        let (spans, span) = spans();
        let [outer, inner] = [(); 2].map(|()| spans.open(span.clone()));
        let innermost = || current().map(|(id, _)| id);
        for id in [&outer, &inner, &inner] {
            enter(id, span.clone());
        }
        exit(&outer);
        exit(&inner);
        assert_eq!(innermost().as_ref(), Some(&inner), "it was entered twice");
        exit(&inner);
        exit(&inner);
        assert_eq!(innermost(), None);
    }
}
