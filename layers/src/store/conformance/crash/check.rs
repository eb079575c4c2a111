//! What must be true of the uploads that are found after a crash.

use bytes::Bytes;

use super::super::read_all;
use super::Promises;
use super::notes::{Ends, Noted, Plan, Told, created, metadata};
use super::play::Play;
use crate::protocol::{Completion, Concat, Error, FinishState, Upload};
use crate::store::Store;

impl Play<'_> {
    /// Checks every upload against what was answered and promised.
    pub(super) async fn check(&self, promises: Promises) {
        for noted in &self.uploads {
            let found = find(&*self.store, noted).await;
            let life = found.as_ref().map(|upload| life_of(noted, upload));
            if let Some(must) = noted
                .lives
                .last()
                .and_then(|told| must_exist(told, promises))
            {
                assert!(
                    life == Some(noted.lives.len()),
                    "{}: {must}, but {} was found",
                    noted.plan.id,
                    life.map_or("none", |_| "an earlier upload of this id")
                );
            }
            let Some((upload, life)) = found.zip(life) else {
                continue;
            };
            let told = &noted.lives[life - 1];
            is_as_created(&noted.plan, &upload, life);
            let id = &noted.plan.id;
            assert!(
                !(told.terminated && promises.terminated),
                "{id}: it was terminated, but is there again"
            );
            // Its bytes may be lost, and the store may know it or not.
            if !promises.finished && (is_whole(&upload) || upload.is_failed()) {
                continue;
            }
            if !promises.chunks && told.unverified {
                continue;
            }
            assert!(!upload.is_failed(), "{id}: it has failed");
            offset_is_right(&noted.plan, told, &upload, promises);
            match stored(&*self.store, &upload).await {
                Ok(Some(bytes)) => bytes_are_right(&noted.plan, &bytes),
                Ok(None) => {}
                Err(error) => panic!("{id}: it cannot be read: {error:?}"),
            }
            is_still_finished(&noted.plan, told, &upload, promises);
            answer_is_kept(&*self.store, &noted.plan, &upload).await;
        }
    }

    /// Notes what clients are answered who ask for the uploads now.
    pub(super) async fn look(&mut self) {
        for noted in &mut self.uploads {
            if let Some(upload) = find(&*self.store, noted).await {
                noted.is_found(&upload);
            }
        }
    }
}

impl Noted {
    /// Notes that clients were answered with this state of the upload.
    pub(super) fn is_found(&mut self, upload: &Upload) {
        // If it is an earlier one, it was not terminated after all.
        self.lives.truncate(life_of(self, upload));
        let told = self.told();
        (told.created, told.offset) = (true, upload.offset.get());
        (told.terminating, told.terminated) = (false, false);
        told.declared = upload.length.is_some() && !upload.completion.is_awaited();
        told.whole = upload.is_finished();
        told.finished &= told.whole;
    }
}

/// A record that the upload is finished comes with its answer.
async fn answer_is_kept(store: &dyn Store, plan: &Plan, upload: &Upload) {
    if plan.answer.is_none() || upload.finishing != Some(FinishState::Done) {
        return;
    }
    let opened = store.open(&plan.id).await;
    let found = opened.expect("it was found before").answer();
    let id = &plan.id;
    assert_eq!(found, plan.answer, "{id}: the answer to its finish");
}

/// Finds an upload. Nothing but its absence is a reason not to find it.
async fn find(store: &dyn Store, noted: &Noted) -> Option<Upload> {
    match store.open(&noted.plan.id).await {
        Ok(handle) => Some(handle.info().clone()),
        Err(Error::NotFound) => None,
        Err(error) => panic!("{}: it cannot be opened: {error:?}", noted.plan.id),
    }
}

/// Returns why the upload must be found, if it must.
fn must_exist(told: &Told, promises: Promises) -> Option<&'static str> {
    match told {
        Told {
            terminating: true, ..
        } => None,
        Told { finished: true, .. } if promises.finished => Some("it was finished"),
        Told { whole: true, .. } if promises.finished => Some("it was found finished"),
        Told { created: true, .. } if promises.created => Some("its creation was answered"),
        _ => None,
    }
}

/// Returns how often an upload of this id had been created when this one was.
fn life_of(noted: &Noted, upload: &Upload) -> usize {
    let mut lives = 1..=noted.lives.len();
    let life = lives.find(|&life| metadata(life) == upload.metadata);
    life.unwrap_or_else(|| panic!("{}: it was created otherwise: {upload:?}", upload.id))
}

fn is_as_created(plan: &Plan, upload: &Upload, life: usize) {
    let id = &plan.id;
    assert_eq!(upload.created, Some(created(life)), "{id}: its creation");
    let parts = |concat: &Concat| (concat.is_final(), concat.parts().to_vec());
    let planned = plan.role.clone().map(|role| Concat::new(role, None));
    assert_eq!(
        upload.concat.as_ref().map(parts),
        planned.as_ref().map(parts),
        "{id}: its parts"
    );
    let is_by_client = matches!(upload.completion, Completion::ByClient { .. });
    assert_eq!(
        is_by_client,
        plan.ends == Ends::ByClient,
        "{id}: its completion"
    );
    let known = plan.ends == Ends::AtItsLength && !plan.is_final();
    let length = plan.length();
    assert!(
        upload.length == Some(length) || (upload.length.is_none() && !known),
        "{id}: its length is {:?} instead of {length}",
        upload.length
    );
}

fn offset_is_right(plan: &Plan, told: &Told, upload: &Upload, promises: Promises) {
    let (id, offset) = (&plan.id, upload.offset.get());
    assert!(
        offset <= plan.length().get(),
        "{id}: its offset is {offset}, beyond its length"
    );
    if promises.offsets {
        let answered = told.offset;
        assert!(
            offset >= answered,
            "{id}: its offset is {offset}, but {answered} was answered"
        );
        assert!(
            !told.declared || upload.length.is_some() && !upload.completion.is_awaited(),
            "{id}: its length was declared, but is not known"
        );
    }
    let Some(chunk) = &told.chunk else {
        return;
    };
    let range = &chunk.range;
    // A chunk that was read to its end counts, and may then lose bytes like any
    // other. If it was there at once, its bytes were verified before the first
    // of them was stored.
    let may_be_torn = chunk.was_read && (chunk.came_at_once || !promises.offsets);
    let is_torn = range.start < offset && offset < range.end;
    assert!(
        may_be_torn || !is_torn,
        "{id}: its offset is {offset}, within the atomic chunk {range:?}"
    );
    assert!(
        !chunk.is_unverified(offset),
        "{id}: its offset is {offset}, but the atomic chunk {range:?} had not ended"
    );
}

/// Returns whether no request gives the upload any more bytes.
pub(super) fn is_whole(upload: &Upload) -> bool {
    upload.is_finished() || upload.is_final() && !upload.is_pending()
}

/// Returns the stored bytes of an upload, unless the store cannot be read.
pub(super) async fn stored(store: &dyn Store, upload: &Upload) -> Result<Option<Vec<u8>>, Error> {
    let Some(reader) = store.reader() else {
        return Ok(None);
    };
    let content = reader.read(&upload.id).await?;
    let (read, offset) = (content.upload().offset, upload.offset);
    let id = &upload.id;
    assert_eq!(read, offset, "{id}: its readers see another offset");
    read_all(&*content, 0..offset.get()).await.map(Some)
}

pub(super) fn bytes_are_right(plan: &Plan, bytes: &[u8]) {
    let (id, text) = (&plan.id, &plan.text);
    assert!(
        text.starts_with(bytes),
        "{id}: its bytes are {:?} instead of {text:?}",
        Bytes::copy_from_slice(bytes),
    );
}

fn is_still_finished(plan: &Plan, told: &Told, upload: &Upload, promises: Promises) {
    if !promises.finished {
        return;
    }
    let id = &plan.id;
    assert!(
        !upload.is_final() || upload.is_pending() || upload.is_complete(),
        "{id}: it lacks bytes of its parts: {upload:?}"
    );
    assert!(
        !told.finished || upload.is_finished(),
        "{id}: it was finished, but is not any more: {upload:?}"
    );
    assert!(
        !told.whole || upload.is_complete(),
        "{id}: it was found finished, but lacks bytes: {upload:?}"
    );
}
