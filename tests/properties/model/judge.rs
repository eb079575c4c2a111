//! What holds for each answer, whatever the state of the upload.

use super::Conditions;
use crate::request::{Answer, Request};

/// Fails if an answer lacks what each answer to this kind of request has.
pub(super) fn form(request: &Request, answer: &Answer) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{request:?}\nwas answered {why}: {answer:?}"));
    // CORE-06, CORE-07
    if answer.header("tus-resumable") != Some("1.0.0") {
        return wrong("without Tus-Resumable");
    }
    match request {
        // CORE-22
        Request::Head if answer.header("cache-control") != Some("no-store") => {
            wrong("without Cache-Control")
        }
        Request::Head if !answer.body.is_empty() => wrong("with a body"),
        // CORE-20
        Request::Head if answer.status == 404 && answer.header("upload-offset").is_some() => {
            wrong("with an offset")
        }
        Request::Create(new) => match (&new.id, answer.id()) {
            (Some(asked), Some(given)) if *asked != given => wrong("with another id"),
            // CWU-05
            _ if new.brings_bytes()
                && answer.status == 201
                && answer.header("upload-offset").is_none() =>
            {
                wrong("without an offset")
            }
            _ => Ok(()),
        },
        _ if answer.header("location").is_some() => wrong("with a Location"),
        _ => Ok(()),
    }
}

impl Request {
    /// Returns the statuses with which a request is refused, whatever it is for.
    pub(super) fn refusals_of_form(&self, conditions: &Conditions) -> Vec<u16> {
        match self {
            Self::Append { load, length, .. } => {
                let malformed = load.refusal().filter(|status| *status == 400);
                let is_too_long = length.is_some_and(|length| conditions.is_too_long(length));
                let refusals = [malformed, is_too_long.then_some(413)];
                refusals.into_iter().flatten().collect()
            }
            _ => Vec::new(),
        }
    }
}
