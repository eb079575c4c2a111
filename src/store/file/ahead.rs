//! Keeps walks for the next page, so that a large directory is not read for each.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::walk::{Names, Walk};

/// How many walks go on at once, and how many are kept: each may take megabytes.
const MOST: usize = 2;

/// How long a walk is kept. It knows nothing of uploads that were created since.
const FRESH: Duration = Duration::from_secs(60);

/// The walks of a store.
#[derive(Clone)]
pub(super) struct Ahead(Arc<Shared>);

struct Shared {
    turns: Semaphore,
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    walk: Walk,
    prefix: String,
    after: String,
    since: Instant,
}

impl Default for Ahead {
    fn default() -> Self {
        Self(Arc::new(Shared {
            turns: Semaphore::new(MOST),
            kept: Mutex::default(),
        }))
    }
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ahead")
    }
}

impl Ahead {
    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is memory for one more walk.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        let turn = self.0.turns.acquire().await;
        turn.expect("the semaphore is never closed")
    }

    /// Returns the walk that goes on after a page, or a new one.
    pub(super) fn walk(&self, dir: &Path, names: Names, prefix: &str, after: Option<&str>) -> Walk {
        let mut kept = self.kept();
        kept.retain(|it| it.since.elapsed() < FRESH);
        let goes_on = |it: &Kept| {
            it.walk.names() == names && it.prefix == prefix && Some(&*it.after) == after
        };
        match kept.iter().position(goes_on) {
            Some(at) => kept.remove(at).walk,
            None => Walk::new(dir.into(), names, prefix, after),
        }
    }

    /// Keeps a walk for the page after this name.
    pub(super) fn keep(&self, walk: Walk, prefix: &str, after: &str) {
        let mut kept = self.kept();
        // A newer walk knows more.
        kept.retain(|it| (&*it.prefix, &*it.after) != (prefix, after));
        if kept.len() == MOST {
            kept.remove(0);
        }
        kept.push(Kept {
            walk,
            prefix: prefix.to_owned(),
            after: after.to_owned(),
            since: Instant::now(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, poll_fn};
    use std::pin::pin;
    use std::task::Poll;

    use super::super::walk::{Budget, Stop};
    use super::*;

    /// A walk that is kept, known by what it returns first.
    fn keep(ahead: &Ahead, prefix: &str, after: &str) {
        let mut walk = Walk::new("/nowhere".into(), Names::Ids, prefix, Some(after));
        walk.give_back("kept".to_owned());
        ahead.keep(walk, prefix, after);
    }

    fn is_kept(ahead: &Ahead, names: Names, prefix: &str, after: Option<&str>) -> bool {
        let mut walk = ahead.walk(Path::new("/nowhere"), names, prefix, after);
        walk.next(&mut Budget::new(10)).unwrap() == Stop::Name("kept".to_owned())
    }

    #[test]
    fn a_walk_goes_on_once_for_the_page_that_follows() {
        let ahead = Ahead::default();
        keep(&ahead, "a", "ab");
        assert!(!is_kept(&ahead, Names::Ids, "a", None));
        assert!(!is_kept(&ahead, Names::Ids, "a", Some("ac")));
        assert!(!is_kept(&ahead, Names::Ids, "", Some("ab")));
        assert!(!is_kept(&ahead, Names::Files, "a", Some("ab")));
        assert!(is_kept(&ahead, Names::Ids, "a", Some("ab")));
        assert!(!is_kept(&ahead, Names::Ids, "a", Some("ab")));
    }

    #[test]
    fn few_walks_are_kept_and_none_for_long() {
        let ahead = Ahead::default();
        for after in ["a", "b", "c", "c"] {
            keep(&ahead, "", after);
        }
        assert!(!is_kept(&ahead, Names::Ids, "", Some("a")));
        assert!(is_kept(&ahead, Names::Ids, "", Some("b")));
        ahead.kept()[0].since -= FRESH;
        assert!(!is_kept(&ahead, Names::Ids, "", Some("c")));
        assert!(ahead.kept().is_empty());
    }

    #[tokio::test]
    async fn few_walks_go_on_at_once() {
        let ahead = Ahead::default();
        let turns = (ahead.turn().await, ahead.turn().await);
        let mut third = pin!(ahead.turn());
        let is_early = poll_fn(|cx| Poll::Ready(third.as_mut().poll(cx).is_ready()));
        assert!(!is_early.await);
        drop(turns);
        let _third = third.await;
    }
}
