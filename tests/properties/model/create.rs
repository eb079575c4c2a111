//! POST.

use std::sync::Arc;

use super::append::Chunk;
use super::quota::Fits;
use super::{Conditions, Pending, State, Stored, Torn, present};
use crate::actions::Framing;
use crate::request::{About, Answer, Content, Joined, Load, New, NewLength};

impl State {
    /// Returns the states after a creation with this answer.
    pub(super) fn created(&self, new: &New, answer: &Answer, conditions: &Conditions) -> Vec<Self> {
        let results = match self {
            Self::Absent => Self::new(new, conditions),
            Self::Present(_) | Self::Pending(_) => {
                let mut refusals = refusals(new, conditions);
                refusals.push(409);
                refusals.extend(too_long(new, conditions));
                let unchanged = |status| (status, self.clone());
                refusals.into_iter().map(unchanged).collect()
            }
        };
        let fits = |(status, after): &(u16, Self)| {
            // CRE-15. A failure after the creation names the upload, too.
            let is_named = *after != Self::Absent && *self == Self::Absent;
            *status == answer.status && answer.id().is_some() == is_named
        };
        results
            .into_iter()
            .filter(fits)
            .map(|(_, after)| after)
            .collect()
    }

    /// Returns the states after a creation whose answer did not come.
    pub(super) fn begun(new: &New, torn: Torn, conditions: &Conditions) -> Vec<Self> {
        if !refusals(new, conditions).is_empty() {
            return vec![Self::Absent];
        }
        let base = Stored::new(new.about.clone(), known(new), conditions);
        let mut next = match &new.content {
            Content::Sent(_, Some(load)) => {
                present(base.torn(&Chunk::first(load), torn, conditions))
            }
            Content::Sent(_, None) => present(base.perhaps_finished(conditions)),
            Content::Joined(Joined::Whole(bytes)) => {
                present(base.with(bytes, base.touched).perhaps_finished(conditions))
            }
            Content::Joined(Joined::Waits(parts)) => vec![pending(new, parts, conditions)],
            Content::Joined(Joined::Refused(_)) => unreachable!("it is refused"),
        };
        if torn == Torn::Killed {
            next.push(Self::Absent);
        }
        next
    }

    /// Returns the statuses that a creation under a free id may get, and the state
    /// afterwards.
    fn new(new: &New, conditions: &Conditions) -> Vec<(u16, Self)> {
        let refused = |status| (status, Self::Absent);
        let too_long = too_long(new, conditions).map(refused);
        let refusals = refusals(new, conditions);
        if !refusals.is_empty() {
            let refusals = refusals.into_iter().map(refused);
            return refusals.chain(too_long).collect();
        }
        let base = Stored::new(new.about.clone(), known(new), conditions);
        let (fits, full) = conditions.room_for(known(new).unwrap_or(0));
        let full = (fits != Fits::Yes).then(|| refused(full));
        let made = match fits {
            Fits::No => Vec::new(),
            Fits::Yes | Fits::Perhaps => Self::made(new, &base, conditions),
        };
        made.into_iter().chain(full).chain(too_long).collect()
    }

    /// Returns what a creation gets that is not refused.
    fn made(new: &New, base: &Stored, conditions: &Conditions) -> Vec<(u16, Self)> {
        match &new.content {
            Content::Sent(_, load) => first_bytes(base, load.as_ref(), conditions),
            Content::Joined(Joined::Whole(bytes)) => {
                vec![finished(base.with(bytes, base.touched), conditions)]
            }
            // CUF-02
            Content::Joined(Joined::Waits(parts)) => vec![(201, pending(new, parts, conditions))],
            Content::Joined(Joined::Refused(_)) => unreachable!("it is refused"),
        }
    }
}

impl New {
    /// Returns how many bytes its head announces.
    fn announced(&self) -> u64 {
        match &self.content {
            Content::Sent(_, Some(load)) if load.framing == Framing::Announced => {
                load.bytes.len() as u64
            }
            Content::Sent(..) | Content::Joined(_) => 0,
        }
    }
}

impl<'a> Chunk<'a> {
    fn first(load: &'a Load) -> Self {
        let (offset, length) = (0, None);
        Self {
            offset,
            length,
            load,
        }
    }
}

fn first_bytes(base: &Stored, load: Option<&Load>, conditions: &Conditions) -> Vec<(u16, State)> {
    // CRE-10
    let (status, created) = finished(base.clone(), conditions);
    let (Some(load), 201, State::Present(created)) = (load, status, &created) else {
        return vec![(status, created)];
    };
    let results = created.take(&Chunk::first(load), conditions).into_iter();
    let results = results.map(|(status, after)| match status {
        204 => (201, State::Present(after)),
        // AMB-17: bytes that are not what they should be leave no upload behind.
        _ if load.refusal() == Some(status) => (status, State::Absent),
        _ => (status, State::Present(after)),
    });
    results.collect()
}

/// Finishes a new upload if it is complete.
fn finished(new: Stored, conditions: &Conditions) -> (u16, State) {
    if !new.is_complete() {
        return (201, State::Present(new));
    }
    let (after, failure) = new.finish(conditions);
    (failure.unwrap_or(201), State::Present(after))
}

fn pending(new: &New, parts: &[(usize, Arc<About>)], conditions: &Conditions) -> State {
    State::Pending(Pending {
        about: new.about.clone(),
        parts: parts.to_vec(),
        length: None,
        created: conditions.birth(),
        touched: conditions.stamp(),
    })
}

/// Returns the statuses with which a creation is refused before anything exists.
fn refusals(new: &New, conditions: &Conditions) -> Vec<u16> {
    let mut refusals: Vec<_> = conditions.create.status().into_iter().collect();
    match &new.content {
        Content::Sent(length, load) => {
            if matches!(length, NewLength::Both | NewLength::Neither) {
                refusals.push(400);
            }
            let load = load.as_ref();
            let is_malformed = |load: &&Load| load.is_malformed();
            refusals.extend(load.filter(is_malformed).and_then(Load::refusal));
            let is_too_long = |load: &Load| {
                let room = known(new).unwrap_or(u64::MAX);
                load.framing == Framing::Announced && load.bytes.len() as u64 > room
            };
            refusals.extend(load.is_some_and(is_too_long).then_some(413));
            let known = known(new);
            let exceeds = known.is_some_and(|length| conditions.is_too_long(length));
            refusals.extend(exceeds.then_some(413));
        }
        Content::Joined(Joined::Refused(statuses)) => refusals.extend(statuses),
        Content::Joined(_) => {}
    }
    refusals
}

/// Returns the status with which what is too long for any upload may be refused before
/// anything exists, whatever else is wrong with the request.
fn too_long(new: &New, conditions: &Conditions) -> Option<u16> {
    let length = known(new).unwrap_or(0).max(new.announced());
    conditions.is_too_long(length).then_some(413)
}

/// Returns the length of a new upload, if it is known.
fn known(new: &New) -> Option<u64> {
    match &new.content {
        Content::Sent(NewLength::Known(length), _) => Some(*length),
        Content::Joined(Joined::Whole(bytes)) => Some(bytes.len() as u64),
        Content::Sent(..) | Content::Joined(_) => None,
    }
}
