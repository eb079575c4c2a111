//! A queue that serves several parties in turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A fixed number of permits. Requests of one party wait in line, and the
/// parties take turns, so that many requests of one party delay another by one
/// permit only.
#[derive(Clone, Debug)]
pub(super) struct Queue<K>(Arc<Mutex<State<K>>>);

#[derive(Debug)]
struct State<K> {
    free: usize,
    /// The waiting parties; the first one is next.
    parties: VecDeque<(K, VecDeque<oneshot::Sender<Permit<K>>>)>,
}

/// Passes its place on to the next in the queue when dropped.
#[derive(Debug)]
pub(crate) struct Permit<K>(Option<Queue<K>>);

impl<K> Queue<K> {
    pub(super) fn new(permits: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: permits,
            parties: VecDeque::new(),
        })))
    }

    fn permit(&self) -> Permit<K> {
        Permit(Some(Self(Arc::clone(&self.0))))
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        // No code that holds the lock can panic with the state half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the permit to the next in the queue.
    fn give_back(&self) {
        let mut state = self.state();
        while let Some(next) = state.next() {
            match next.send(self.permit()) {
                Ok(()) => return,
                // The receiver is gone. Dropping the whole permit would recurse
                // into this function.
                Err(mut permit) => drop(permit.0.take()),
            }
        }
        state.free += 1;
    }
}

impl<K: PartialEq + Copy> Queue<K> {
    /// Waits for a permit. Dropping the future gives up the place in the queue.
    pub(super) async fn take(&self, party: K) -> Permit<K> {
        let mut place = match self.enter(party) {
            Ok(permit) => return permit,
            Err(turn) => Place {
                queue: self,
                party,
                turn,
            },
        };
        let permit = (&mut place.turn).await;
        permit.expect("a place in the queue stays until its turn")
    }

    fn enter(&self, party: K) -> Result<Permit<K>, oneshot::Receiver<Permit<K>>> {
        let mut state = self.state();
        if state.free > 0 {
            state.free -= 1;
            drop(state);
            return Ok(self.permit());
        }
        let (sender, turn) = oneshot::channel();
        match state.parties.iter_mut().find(|(key, _)| *key == party) {
            Some((_, waiting)) => waiting.push_back(sender),
            None => state.parties.push_back((party, [sender].into())),
        }
        Err(turn)
    }
}

impl<K> State<K> {
    fn next(&mut self) -> Option<oneshot::Sender<Permit<K>>> {
        let (party, mut waiting) = self.parties.pop_front()?;
        let next = waiting.pop_front();
        if !waiting.is_empty() {
            self.parties.push_back((party, waiting));
        }
        next
    }
}

impl<K> Drop for Permit<K> {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.give_back();
        }
    }
}

/// A place in the queue.
struct Place<'a, K: PartialEq> {
    queue: &'a Queue<K>,
    party: K,
    turn: oneshot::Receiver<Permit<K>>,
}

impl<K: PartialEq> Drop for Place<'_, K> {
    fn drop(&mut self) {
        self.turn.close();
        let mut state = self.queue.state();
        let parties = &mut state.parties;
        let Some(at) = parties.iter().position(|(key, _)| *key == self.party) else {
            return;
        };
        parties[at].1.retain(|waiting| !waiting.is_closed());
        if parties[at].1.is_empty() {
            parties.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        pin!(future).now_or_never()
    }

    #[test]
    fn parties_take_turns_however_many_one_of_them_is() {
        let queue = Queue::new(1);
        let mut permit = now(queue.take('a'));
        let parties = ['a', 'a', 'a', 'b', 'a', 'c', 'b'];
        let mut waiting = parties.map(|party| Some((party, Box::pin(queue.take(party)))));
        let mut order = String::new();
        for place in waiting.iter_mut().flatten() {
            assert!(place.1.as_mut().now_or_never().is_none());
        }
        for _ in parties {
            drop(permit.take());
            for place in &mut waiting {
                let Some((party, turn)) = place else { continue };
                if let Some(next) = turn.as_mut().now_or_never() {
                    permit = Some(next);
                    order.push(*party);
                    *place = None;
                }
            }
        }
        assert_eq!(order, "abcabaa");
    }

    #[test]
    fn who_goes_leaves_no_place_and_no_permit_behind() {
        let queue = Queue::new(2);
        let permits = [now(queue.take('a')), now(queue.take('a'))];
        for _ in 0..100 {
            assert!(now(queue.take('a')).is_none());
            assert!(queue.state().parties.is_empty());
        }
        // The waiter goes away between receiving its permit and taking it.
        let mut waiting = Box::pin(queue.take('b'));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(permits);
        assert_eq!(queue.state().free, 1);
        drop(waiting);
        assert_eq!(queue.state().free, 2);
    }
}
