//! Counts the requests that are sent again within one call: whoever makes the call notes
//! them, and whoever watches it reads them.

use std::cell::Cell;

tokio::task_local! {
    static RETRIES: Cell<u32>;
}

/// Adds to the retries of the call that is being watched, if one is.
pub(crate) fn note(retries: u32) {
    let add = |noted: &Cell<u32>| noted.set(noted.get().saturating_add(retries));
    // Nobody watches.
    let _ = RETRIES.try_with(add);
}

/// Makes a call, and returns how many retries it needed as well.
pub(super) async fn counted<T>(call: impl Future<Output = T>) -> (T, u32) {
    let counted = async { (call.await, RETRIES.with(Cell::get)) };
    let (result, retries) = RETRIES.scope(Cell::new(0), counted).await;
    // Watchers may watch each other.
    note(retries);
    (result, retries)
}
