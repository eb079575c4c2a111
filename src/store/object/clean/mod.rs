//! Finds and removes what crashes have left in a bucket.
//!
//! What no state names is a leftover, and so is an upload whose termination has not
//! ended. Leftovers come in the order of their keys, and multipart uploads after the
//! object with their key. A pass costs, for `n` objects below the prefix, `n / 1,000`
//! calls that list objects, those that list multipart uploads, and one GET for each
//! `.info`: a list does not tell whether an upload is terminated. An `.info` that has
//! been found whole costs no GET while it stays the same ([`Settled`]).
//! Whether something else is there is mostly known from the list itself.
//!
//! Some things are left alone because nobody can tell whose they are: objects and
//! multipart uploads with keys that are no ids, and all that is beside an `.info` that
//! tusd has written, or that cannot be read. An object without an `.info` is an orphan
//! even if it carries our mark: somebody may have removed the `.info` of a finished
//! upload, and a mark does not tell which objects are finished. So a finished object that
//! a stopped server writes after a termination stays, too. An object of an upload
//! that goes on is replaced when it is finished.

mod elsewhere;
mod fence;
mod look;
mod name;
mod remove;
mod seen;
mod settled;
mod walk;

use async_trait::async_trait;
use tower_tus_layers::protocol::Error;
use tower_tus_layers::store::{Cleaner, Leftover, LeftoverPage, LeftoverRequest};

use self::elsewhere::Elsewhere;
use self::look::Look;
use self::name::Name;
use self::settled::Settled;
use self::walk::Walk;
use super::ObjectStore;

/// The number of things after which a page ends, however little it has found.
const SCANNED: usize = 100_000;
/// The maximum number of leftovers in a page.
const MOST: usize = 1_000;

/// What passes remember.
#[derive(Debug, Default)]
pub(super) struct Memory {
    elsewhere: Elsewhere,
    settled: Settled,
}

#[async_trait]
impl Cleaner for ObjectStore {
    async fn leftovers(&self, request: &LeftoverRequest) -> Result<LeftoverPage, Error> {
        let after = request.after.as_deref();
        if after.is_none() {
            self.memory_of_passes.elsewhere.forget();
        }
        page(self, after, request.limit.clamp(1, MOST), SCANNED).await
    }

    async fn clean(&self, leftover: &Leftover) -> Result<Option<u64>, Error> {
        match Name::of(&self.prefix, &leftover.name) {
            Some(name) => remove::remove(self, &name, leftover).await,
            None => Ok(None),
        }
    }
}

/// Returns a page that ends after so many leftovers, or after so many things.
pub(super) async fn page(
    store: &ObjectStore,
    after: Option<&str>,
    limit: usize,
    scanned: usize,
) -> Result<LeftoverPage, Error> {
    let after = after.and_then(|after| Name::of(&store.prefix, after));
    let mut look = Look::new(store, Walk::new(store, after));
    let (mut page, mut last, mut left) = (LeftoverPage::default(), None, scanned);
    while let Some(item) = look.walk.next().await? {
        if page.leftovers.len() == limit || left == 0 {
            page.next = last;
            break;
        }
        page.leftovers.extend(look.look(&item).await?);
        last = Some(item.name.to_string());
        left -= 1;
    }
    Ok(page)
}
