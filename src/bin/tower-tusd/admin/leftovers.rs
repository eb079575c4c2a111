//! What commands say about leftovers.

use serde::Serialize;
use tower_tus::layers::protocol::UploadId;
use tower_tus::layers::store::Leftover;
use tower_tus::layers::sweep::{Fate, Reason, SweepOptions};

use super::json::rfc3339;
use super::output;
use super::text::{amount, printable};
use crate::flags::Selection;

/// A leftover as JSON. `docs/administration.md` describes the members.
#[derive(Debug, Serialize)]
pub(super) struct LeftoverLine<'a> {
    name: &'a str,
    kind: &'static str,
    id: Option<&'a str>,
    bytes: u64,
    modified: Option<String>,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<'a> LeftoverLine<'a> {
    /// `removed` is the action for one that is not kept.
    pub(super) fn new(leftover: &'a Leftover, fate: &Fate, removed: &'static str) -> Self {
        let (action, reason, error) = match fate {
            Fate::Removed { .. } => (removed, None, None),
            Fate::Failed(error) => ("fail", None, Some(output::reason(error))),
            Fate::Kept(reason) => ("keep", Some(reason.as_str()), None),
            _ => ("keep", None, None),
        };
        Self {
            name: &leftover.name,
            kind: leftover.kind.as_str(),
            id: leftover.id.as_ref().map(UploadId::as_str),
            bytes: leftover.bytes,
            modified: leftover.modified.and_then(rfc3339),
            action,
            reason,
            error,
        }
    }
}

/// A leftover in one line, behind what happens to it.
pub(super) fn describe(leftover: &Leftover, action: &str) -> String {
    let (kind, name, bytes) = (
        leftover.kind.as_str(),
        printable(&leftover.name),
        amount(leftover.bytes),
    );
    format!("{action} {kind:<10} {name} ({bytes})")
}

/// Says why a sweep keeps something.
pub(super) const fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Foreign => "it may belong to somebody: only -foreign removes it",
        Reason::Young => "it was changed within -older-than",
        Reason::Held => "a request holds its upload",
        _ => "it has changed",
    }
}

pub(super) fn options(selection: &Selection) -> SweepOptions {
    let options = SweepOptions::default().older_than(selection.older_than);
    match selection.foreign {
        true => options.foreign(),
        false => options,
    }
}
