//! Finds and removes what belongs to no upload.
//!
//! A pass costs a list call for 1,000 objects and a read for each upload, because only
//! its state tells what it needs. A state is read after what it may name was listed.

mod judge;
mod states;
mod thing;
mod walk;

use std::collections::BTreeSet;

use tower_tus_layers::protocol::{Error, UploadId};
use tower_tus_layers::store::{Leftover, LeftoverKind, LeftoverPage, LeftoverRequest};

use self::judge::Judge;
use self::states::States;
use self::thing::Thing;
use self::walk::Walk;
use super::calls::retried;
use super::info::Info;
use super::objects::ObjectError;
use super::{ObjectStore, terminate};

/// How many things are looked at together.
const BATCH: usize = 1_000;

/// Returns the next leftovers.
pub(super) async fn leftovers(
    store: &ObjectStore,
    request: &LeftoverRequest,
) -> Result<LeftoverPage, Error> {
    let limit = request.limit.max(1);
    let mut walk = Walk::new(store, request.after.as_deref());
    let mut page = LeftoverPage::default();
    loop {
        let things = walk.batch(BATCH).await?;
        let is_last = things.len() < BATCH;
        page.leftovers.extend(judge(store, &things).await?);
        if page.leftovers.len() > limit || page.leftovers.len() == limit && !is_last {
            page.leftovers.truncate(limit);
            page.next = page.leftovers.last().map(|last| last.name.clone());
            return Ok(page);
        }
        if is_last {
            return Ok(page);
        }
    }
}

/// Returns the leftovers among some things that were listed.
async fn judge(store: &ObjectStore, things: &[Thing]) -> Result<Vec<Leftover>, Error> {
    let places: BTreeSet<UploadId> = things.iter().flat_map(|it| it.places(store)).collect();
    let states = States::read(store, places).await?;
    let judge = Judge::new(store, things, &states);
    let mut leftovers = Vec::new();
    for thing in things {
        leftovers.extend(judge.leftover(thing).await?);
    }
    Ok(leftovers)
}

/// Removes a leftover, if it still is one.
pub(super) async fn clean(store: &ObjectStore, leftover: &Leftover) -> Result<Option<u64>, Error> {
    let Some(thing) = Thing::find(store, &leftover.name).await? else {
        return Ok(None);
    };
    let things = [thing];
    let found = judge(store, &things).await?;
    let Some(found) = found.first().filter(|found| found.kind == leftover.kind) else {
        return Ok(None);
    };
    let [thing] = &things;
    match found.kind {
        LeftoverKind::HalfMade => remove_rest(store, thing).await?,
        _ => thing.remove(store).await?,
    }
    Ok(Some(found.bytes))
}

/// Removes the rest of an upload that was terminated.
async fn remove_rest(store: &ObjectStore, thing: &Thing) -> Result<(), Error> {
    for place in thing.places(store) {
        let keys = store.keys(&place);
        match retried(|| Info::read(&*store.objects, &keys)).await {
            Ok(info) if info.state.gone => terminate::remove(store, &keys, &info.state).await?,
            Ok(_) | Err(ObjectError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
