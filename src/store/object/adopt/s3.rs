//! Uploads of tusd's `s3store`.
//!
//! The bytes are those of a multipart upload, then those of the object `<object id>.part`.
//! tusd numbers parts from 1 on, and the upload is finished once its multipart upload is
//! gone.

use std::cmp;

use tower_tus_layers::protocol::FinishState;

use super::ids::split;
use super::{Refused, look_for_object};
use crate::store::document::Document;
use crate::store::object::calls::{all_parts, retried};
use crate::store::object::info::Info;
use crate::store::object::keys::Keys;
use crate::store::object::objects::{
    Found, MultipartId, ObjectError, Objects, Part, PartNumber, Payload, Result, Rules, Tag,
};
use crate::store::object::parts::WINDOW;
use crate::store::object::state::State;

/// The beginning of the name of a piece that is tusd's tail. The tag follows with which
/// it was found: unlike our pieces, it can be replaced.
const TAIL: char = '@';

/// Returns the multipart upload that the id names.
pub(super) fn multipart(document: &Document) -> Option<MultipartId> {
    let (_, multipart) = split(document.id())?;
    let kind = document.stored("Type");
    let is_of_s3 = kind.is_none_or(|kind| kind == "s3store");
    is_of_s3.then(|| MultipartId(multipart.to_owned()))
}

/// Returns the tag that tusd's tail has, if this is the name of it.
pub(in super::super) fn tag_of_tail(piece: &str) -> Option<&str> {
    piece.strip_prefix(TAIL)
}

/// Whether the multipart upload of tusd is gone, so that its object is known to be made
/// of it. tusd's objects have no mark.
pub(in super::super) async fn is_completed(
    objects: &dyn Objects,
    key: &str,
    state: &State,
) -> Result<bool> {
    match state.multipart() {
        Some(multipart) if state.is_of_tusd() => match objects.parts(key, &multipart, 0).await {
            Ok(_) => Ok(false),
            Err(ObjectError::NotFound) => Ok(true),
            Err(error) => Err(error),
        },
        _ => Ok(false),
    }
}

/// Finds the bytes.
pub(super) async fn look(
    objects: &dyn Objects,
    keys: &Keys,
    info: &mut Info,
    multipart: MultipartId,
) -> Result<()> {
    let key = info.state.data(keys).to_owned();
    if info.document.is_final() {
        let interrupted = Refused::Broken("its concatenation was interrupted");
        look_for_object(objects, keys, info, interrupted).await?;
        // tusd leaves it behind if it has joined the bytes itself.
        info.state.multipart = Some(multipart.0);
        return Ok(());
    }
    let tail = keys.tail_of_tusd();
    let (parts, tail) = tokio::join!(all_parts(objects, &key, &multipart), objects.head(&tail));
    let parts = match parts {
        Err(ObjectError::NotFound) => {
            return look_for_object(objects, keys, info, Refused::Missing).await;
        }
        parts => parts?,
    };
    let tail = match tail {
        Err(ObjectError::NotFound) => None,
        tail => Some(tail?).filter(|tail| tail.size > 0),
    };
    info.state.multipart = Some(multipart.0);
    describe(&mut info.state, &parts, tail.as_ref());
    if objects.rules().equal_parts {
        info.state.part_size = parts.first().map(|part| part.size);
    }
    // tusd writes the document only once.
    let of_parts = parts.iter().map(|part| part.modified);
    let of_tail = tail.and_then(|tail| tail.modified);
    info.modified = of_parts.fold(cmp::max(info.modified, of_tail), cmp::max);
    let offset = info.state.offset();
    let pending = FinishState::Pending { attempts: 0 };
    info.document.record(offset, Some(pending));
    let length = info.document.length();
    info.refused = fault(objects.rules(), &info.state, length).map(Refused::Broken);
    Ok(())
}

/// Notices that tusd has finished an upload that was continued here, after somebody has
/// returned to tusd for a while.
pub(in super::super) async fn look_again(
    objects: &dyn Objects,
    keys: &Keys,
    info: &mut Info,
) -> Result<()> {
    let (key, length) = (info.state.data(keys), info.document.length());
    // Else it may have been finished here.
    let is_open = !info.state.gone && length != Some(info.state.offset());
    if !is_open || !is_completed(objects, key, &info.state).await? {
        return Ok(());
    }
    match objects.head(key).await {
        Ok(object) if Some(object.size) == length => {
            info.state.set_whole();
            info.document.record(object.size, None);
            Ok(())
        }
        Ok(_) | Err(ObjectError::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

fn describe(state: &mut State, parts: &[Part], tail: Option<&Found>) {
    let described = parts.iter().map(|part| {
        let Tag(tag) = part.tag.clone();
        (part.number, part.size, tag)
    });
    state.parts = described.collect();
    state.next = parts.last().map_or(1, |part| part.number + 1);
    // Parts of tusd may still be on their way.
    state.claimed = true;
    let tail = tail.map(|tail| (format!("{TAIL}{}", tail.tag), tail.size));
    state.tail = tail.into_iter().collect();
}

/// Returns why the bytes cannot be those that clients have sent, or cannot become an
/// object.
fn fault(rules: &Rules, state: &State, length: Option<u64>) -> Option<&'static str> {
    let mut numbers = (1..).zip(&state.parts);
    let first = state.parts.first().map(|(_, size, _)| *size);
    let offset = state.offset();
    if !numbers.all(|(expected, (number, ..))| *number == expected) {
        // It was lost while later ones were stored.
        return Some("a part is missing before its last one");
    }
    if length.is_some_and(|length| offset > length) {
        return Some("it has more bytes than its length");
    }
    let are_equal = state.parts.iter().all(|(_, size, _)| Some(*size) == first);
    if rules.equal_parts && !are_equal && Some(offset) != length {
        return Some("its parts have different sizes, which this store cannot join");
    }
    None
}

/// Sends a part without bytes, which an upload without bytes needs to be completed.
pub(in super::super) async fn put_empty_part(
    objects: &dyn Objects,
    key: &str,
    state: &State,
    multipart: &MultipartId,
) -> Result<(PartNumber, Tag)> {
    // Nobody uses a number behind the window.
    let number = state.next + WINDOW;
    let put = || objects.put_part(key, multipart, number, Payload::default());
    Ok((number, retried(put).await?))
}
