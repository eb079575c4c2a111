//! Finds and removes what crashes have left.
//!
//! What a file is, is decided by a [look](look::look) at it and at the files beside it, and
//! once more before it is [removed](remove::remove), under the claims with which the store
//! itself creates, changes and removes uploads. Of files without such a claim, only
//! those are looked at that nobody has changed for a while.
//!
//! Each removal ends with the file that marks the others. So what a crash leaves of it
//! is found again.

mod elsewhere;
mod look;
mod name;
mod remove;
mod scan;

use async_trait::async_trait;
use tower_tus_layers::protocol::Error;
use tower_tus_layers::store::{Cleaner, Leftover, LeftoverPage, LeftoverRequest};

pub(super) use self::elsewhere::Elsewhere;
use self::scan::Scan;
use super::FileStore;
use super::error::of_store;

#[async_trait]
impl Cleaner for FileStore {
    async fn leftovers(&self, request: &LeftoverRequest) -> Result<LeftoverPage, Error> {
        let _turn = self.ahead.turn().await;
        let mut scan = Scan::new(self, request);
        while !scan.is_done() {
            scan = self.listing(move |store| scan.go_on(store)).await?;
        }
        // An unmounted disk looks like one on which nothing was left.
        self.short(|_| Ok(())).await?;
        Ok(scan.end(self))
    }

    async fn clean(&self, leftover: &Leftover) -> Result<Option<u64>, Error> {
        let leftover = leftover.clone();
        self.long(move |store| remove::remove(store, &leftover).map_err(of_store))
            .await
    }
}
