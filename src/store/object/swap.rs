//! Replaces the state of an upload by compare-and-swap.
//!
//! A failed call says little: it may have been done, and may still be. The token of the
//! state that is found then tells.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use super::info::Info;
use super::keys::Keys;
use super::objects::{ObjectError, Objects, Payload, Properties, Result, Tag, When};
use super::state::{State, random};
use crate::store::document::Document;

/// How long to find out whether a swap was done, besides the time of the last call, which
/// the cloud limits.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What came of a swap.
#[derive(Debug)]
pub(super) enum Swapped {
    Done(Info),
    /// Somebody else has written this meanwhile.
    Newer(Info),
}

/// Writes the state of a new upload, unless there is one.
pub(super) async fn create(
    objects: &dyn Objects,
    keys: &Keys,
    document: Document,
    state: State,
) -> Result<Swapped> {
    Draft::new(document, state).write(objects, keys, None).await
}

/// Replaces the state of an upload, if it is still `old`. If somebody has only asked the
/// writer to stop, this is kept.
///
/// # Errors
///
/// [`ObjectError::NotFound`] if the upload was removed; [`ObjectError::Unknown`] if
/// nobody can tell whether it was replaced.
pub(super) async fn swap(
    objects: &dyn Objects,
    keys: &Keys,
    old: &Info,
    document: Document,
    state: State,
) -> Result<Swapped> {
    if old.refused.is_some() && !state.gone {
        let error = "an upload of tusd that cannot be continued is left as it is";
        return Err(ObjectError::Invalid(error.into()));
    }
    let (mut old, mut draft) = (old.clone(), Draft::new(document, state));
    loop {
        match draft.write(objects, keys, Some(&old.tag)).await? {
            Swapped::Newer(newer) if old.state.is_same(&newer.state) => {
                let state = &mut draft.info.state;
                state.wanted = state.writer.is_some() && newer.state.wanted;
                draft = Draft::new(draft.info.document, draft.info.state);
                old = newer;
            }
            swapped => return Ok(swapped),
        }
    }
}

/// Asks the writer to end, by a state that is the same otherwise: the writer goes on from
/// it.
pub(super) async fn want(objects: &dyn Objects, keys: &Keys, old: &Info) -> Result<Swapped> {
    let mut state = old.state.clone();
    state.wanted = true;
    let draft = Draft::with_token(old.document.clone(), state);
    draft.write(objects, keys, Some(&old.tag)).await
}

/// A state that is to be written. Each attempt writes the same bytes.
struct Draft {
    info: Info,
    json: Payload,
}

impl Draft {
    fn new(document: Document, mut state: State) -> Self {
        // The same bytes would get the same tag.
        state.token = random();
        Self::with_token(document, state)
    }

    fn with_token(document: Document, state: State) -> Self {
        let mut whole = document.clone();
        whole.set_object(state.clone());
        Self {
            json: whole.to_json().into(),
            info: Info {
                document,
                state,
                tag: Tag(String::new()),
                modified: Some(SystemTime::now()),
                refused: None,
            },
        }
    }

    /// Puts the state in place of the one with the tag `old`, until its fate is known.
    async fn write(
        &self,
        objects: &dyn Objects,
        keys: &Keys,
        old: Option<&Tag>,
    ) -> Result<Swapped> {
        let (key, when) = (keys.info(), old.map_or(When::Absent, When::Match));
        let (end, mut pause) = (Instant::now() + PATIENCE, PAUSE);
        let mut may_be_done = false;
        loop {
            let put = objects
                .put(&key, self.json.clone(), when, &Properties::default())
                .await;
            let error = match put {
                Ok(tag) => return Ok(self.done(tag)),
                Err(error) if error.may_be_done() => {
                    may_be_done = true;
                    match Info::read(objects, keys).await {
                        Ok(found) if Some(&found.tag) != old => return Ok(self.compare(found)),
                        Err(ObjectError::NotFound) if old.is_some() => {
                            return Err(ObjectError::NotFound);
                        }
                        Err(error @ ObjectError::Invalid(_)) => return Err(error),
                        // The call may still come.
                        _ => error,
                    }
                }
                Err(error @ ObjectError::Busy(_)) => error,
                Err(error) => return Err(unknown_if(may_be_done, error)),
            };
            if Instant::now() >= end {
                return Err(unknown_if(may_be_done, error));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn done(&self, tag: Tag) -> Swapped {
        Swapped::Done(Info {
            tag,
            ..self.info.clone()
        })
    }

    /// Tells whose state was found.
    fn compare(&self, found: Info) -> Swapped {
        match self.info.state.is_same(&found.state) {
            true => Swapped::Done(found),
            false => Swapped::Newer(found),
        }
    }
}

/// What the last attempt says is no proof about those before it.
fn unknown_if(may_be_done: bool, error: ObjectError) -> ObjectError {
    match error {
        ObjectError::Unknown(_) => error,
        error if may_be_done => ObjectError::Unknown(error.into()),
        error => error,
    }
}
