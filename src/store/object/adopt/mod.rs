//! Uploads that tusd has begun.
//!
//! Their document has no state of ours. What it would say is found out by tusd's own
//! rules, without a write. The first swap puts it into the document, beside tusd's
//! members, and from then on the upload is like any other one. tusd's tail becomes its
//! first piece where it is, and goes as any piece does.

mod ids;
mod s3;

use tower_tus_layers::protocol::{Error, FinishState, Rejection};

use super::info::Info;
use super::keys::Keys;
use super::objects::{Found, ObjectError, Objects, Result};
use super::state::State;
use crate::store::document::Document;

pub(super) use self::ids::{before_multipart, id_at, places};
pub(super) use self::s3::{is_completed, look_again, put_empty_part, tag_of_tail};

/// Why an upload of tusd is not continued here. Nothing of it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its bytes are nowhere.
    Missing,
    /// The stored bytes differ from what tusd has acknowledged.
    Broken(&'static str),
    /// Its bytes are where only tusd finds them.
    Unfinished,
}

impl Refused {
    /// Returns the answer to each request. A broken upload can be terminated, so it is
    /// opened as one that has failed.
    pub(super) fn error(self) -> Option<Error> {
        match self {
            Self::Missing => Some(Error::NotFound),
            Self::Broken(_) => None,
            // Clients create a new upload.
            Self::Unfinished => Some(
                Rejection::new(http::StatusCode::GONE)
                    .with_code("ERR_UPLOAD_OF_TUSD")
                    .with_text("only tusd can continue this upload, create a new upload")
                    .into(),
            ),
        }
    }
}

/// Finds out where the bytes of an upload are whose document has no state.
pub(super) async fn look(
    objects: &dyn Objects,
    keys: &Keys,
    document: Document,
    found: Found,
) -> Result<Info> {
    let key = document.stored("Key").filter(|key| !key.is_empty());
    let key = key.filter(|key| *key != keys.data());
    let state = State {
        // Whoever reads the same document has the same token.
        token: format!("tusd {}", found.tag),
        key: key.map(str::to_owned),
        ..State::default()
    };
    let mut info = Info {
        document,
        state,
        tag: found.tag,
        modified: found.modified,
        refused: None,
    };
    match s3::multipart(&info.document) {
        Some(multipart) => s3::look(objects, keys, &mut info, multipart).await?,
        None => look_for_object(objects, keys, &mut info, Refused::Unfinished).await?,
    }
    if let Some(Refused::Broken(why)) = info.refused {
        tracing::warn!(key = keys.info(), why, "an upload of tusd has failed");
        let offset = info.state.offset();
        info.document.record(offset, Some(FinishState::Failed));
    }
    Ok(info)
}

/// Looks for the object that tusd has made of the whole upload. Without it, the upload is
/// refused.
async fn look_for_object(
    objects: &dyn Objects,
    keys: &Keys,
    info: &mut Info,
    without: Refused,
) -> Result<()> {
    match objects.head(info.state.data(keys)).await {
        Ok(object) if Some(object.size) == info.document.length() => {
            info.state.set_whole();
            info.document.record(object.size, None);
        }
        Ok(_) => info.refused = Some(Refused::Broken("its object has another size")),
        Err(ObjectError::NotFound) => info.refused = Some(without),
        Err(error) => return Err(error),
    }
    Ok(())
}
