//! Uploads that are concatenated from others.
//!
//! The data file of a new final upload is complete before its `.info` exists,
//! and without `.info` there is no upload: a crash leaves at most an unused
//! file. The `.info` of a pending final says that it is pending until the data
//! file is complete; until then, the content of the data file does not count.

use std::collections::HashMap;

use tower_tus_layers::protocol::{Concat, Error, Interrupt, Length, NewUpload, Role, UploadId};

use super::create::create_with;
use super::error::{of_store, of_upload};
use super::handle::FileHandle;
use super::state::State;
use super::sync::Step;
use super::{Durability, FileStore, sys};

/// Number of bytes to copy between two checks of the interrupt. It takes a
/// fraction of a second on a slow disk, and is a multiple of every block size
/// that file systems share. Smaller copies are not worth interrupting.
const STEP: u64 = 16 << 20;

/// Creates the files of a new final upload, or leaves none behind.
pub(super) fn concatenate(
    store: &FileStore,
    mut new: NewUpload,
    interrupt: &Interrupt,
) -> Result<FileHandle, Error> {
    let order = new.concat.as_ref().map_or(&[][..], Concat::parts).to_vec();
    let parts = Parts::find(store, &order)?;
    let length = parts.length()?;
    new.length = Some(length); // CAT-04
    create_with(store, new, length.into(), |data| {
        parts.copy_to(data, store.durability, interrupt)
    })
}

/// Writes the bytes of a pending final.
pub(super) fn assemble(
    store: &FileStore,
    id: UploadId,
    interrupt: &Interrupt,
) -> Result<(), Error> {
    let state = State::open(store, id)?;
    let mut upload = state.upload.clone();
    let role = upload.concat.as_mut().map(|concat| &mut concat.role);
    let Some(Role::Final { parts, pending }) = role.filter(|_| state.upload.is_pending()) else {
        return Ok(());
    };
    let parts = Parts::find(store, parts)?;
    let length = parts.length()?;
    let path = &state.layout.data;
    let data = sys::File::open(path).map_err(of_upload)?;
    // An interrupted attempt may have left bytes behind.
    data.truncate(0).map_err(of_upload)?;
    parts
        .copy_to(&data, store.durability, interrupt)
        .and_then(|()| data.close().map_err(of_store))
        .inspect_err(|_| drop(sys::File::open(path).and_then(|data| data.truncate(0))))?;
    *pending = false;
    (upload.offset, upload.length) = (length.into(), Some(length)); // CAT-04
    state.rewrite(upload).map(drop)
}

/// Records in a part that a final upload waits for it.
pub(super) fn await_part(store: &FileStore, part: UploadId, id: UploadId) -> Result<(), Error> {
    let state = State::open(store, part)?;
    let mut upload = state.upload.clone();
    match upload.concat.as_mut().map(|concat| &mut concat.role) {
        Some(Role::Partial { awaited_by }) => awaited_by.push(id),
        _ => return Err(Error::InvalidConcat),
    }
    state.rewrite(upload).map(drop)
}

/// Complete uploads, in the order in which they are concatenated.
struct Parts<'a> {
    /// May contain the same upload more than once.
    // CAT-09
    order: &'a [UploadId],
    found: HashMap<&'a UploadId, State>,
}

impl<'a> Parts<'a> {
    fn find(store: &FileStore, order: &'a [UploadId]) -> Result<Self, Error> {
        let mut found = HashMap::new();
        for id in order {
            if !found.contains_key(id) {
                let part = State::open(store, id.clone())?;
                found.insert(id, part);
            }
        }
        match found.values().all(|part| part.upload.is_complete()) {
            true => Ok(Self { order, found }),
            false => Err(Error::UploadNotFinished),
        }
    }

    /// Returns the handle and the length of each part, in order.
    // CAT-05
    fn in_order(&self) -> impl Iterator<Item = (&State, Length)> {
        let parts = self.order.iter().map(|id| &self.found[id]);
        parts.map(|part| (part, part.upload.length.unwrap_or_default()))
    }

    fn length(&self) -> Result<Length, Error> {
        let mut lengths = self.in_order().map(|(_, length)| length);
        let sum = lengths.try_fold(Length::ZERO, |sum, length| sum.checked_add(length.get()));
        sum.ok_or(Error::MaxSizeExceeded)
    }

    /// Copies the parts to an empty file, and syncs it where finished uploads
    /// must be durable: the name must not survive a crash without the bytes.
    fn copy_to(
        &self,
        data: &sys::File,
        durability: Durability,
        interrupt: &Interrupt,
    ) -> Result<(), Error> {
        let mut unseen = 0;
        for (part, length) in self.in_order() {
            let mut left = length.get();
            let part = sys::File::open_to_read(&part.layout.data).map_err(of_upload)?;
            while left > 0 {
                if unseen == STEP {
                    interrupt.cause().map_or(Ok(()), Err)?;
                    unseen = 0;
                }
                let step = left.min(STEP - unseen);
                data.write_from(&part, step).map_err(of_upload)?;
                (left, unseen) = (left - step, unseen + step);
            }
        }
        match durability.syncs(Step::Assembled) {
            true => data.sync_data().map_err(of_store),
            false => Ok(()),
        }
    }
}
