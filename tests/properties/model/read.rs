//! HEAD and GET.

use std::ops::Range;

use super::stored::is_described;
use super::{Conditions, Finishing, Stored};
use crate::actions::Span;
use crate::request::Answer;

impl Stored {
    pub(super) fn headed(&self, answer: &Answer, conditions: &Conditions) -> Vec<Self> {
        if answer.status == 200 {
            // CORE-17
            let told = answer.number("upload-offset");
            let here = told.and_then(|told| self.at(told));
            let here = here.filter(|here| is_described(&here.about, here.length, answer));
            return here
                .and_then(|here| here.settled(conditions))
                .into_iter()
                .collect();
        }
        let whole = self.length.and_then(|length| self.at(length));
        match whole.map(|whole| whole.finish(conditions)) {
            // A client would take offset = length for success.
            Some((after, Some(failure)))
                if failure == answer.status && answer.header("upload-offset").is_none() =>
            {
                vec![after]
            }
            _ => Vec::new(),
        }
    }

    /// Returns the upload after a HEAD that has succeeded: a complete one is finished.
    fn settled(self, conditions: &Conditions) -> Option<Self> {
        if !self.is_complete() {
            return Some(self);
        }
        let (after, failure) = self.finish(conditions);
        failure.is_none().then_some(after)
    }

    pub(super) fn given_out(
        &self,
        span: Option<Span>,
        answer: &Answer,
        conditions: &Conditions,
    ) -> Vec<Self> {
        // Nobody knows yet whether it may be given out.
        if conditions.decides && self.finishing != Finishing::Done {
            return match answer.status {
                400 => vec![self.clone()],
                _ => Vec::new(),
            };
        }
        if self.may_have_parts(conditions) && answer.status == 400 {
            return vec![self.clone()];
        }
        let Some(whole) = whole(answer) else {
            return Vec::new();
        };
        // A request that is open may bring more.
        let Some(here) = self.beyond(whole) else {
            return Vec::new();
        };
        let is_right = match span.filter(|_| whole > 0).map(|span| within(span, whole)) {
            None => answer.status == 200 && answer.body == here.bytes,
            Some(None) => answer.status == 416,
            Some(Some(range)) => {
                let (start, end) = (range.start, range.end - 1);
                let named = format!("bytes {start}-{end}/{whole}");
                let range = index(range.start)..index(range.end);
                answer.status == 206
                    && answer.header("content-range") == Some(&*named)
                    && answer.body == here.bytes[range]
            }
        };
        match is_right && is_described(&here.about, here.length, answer) {
            true => vec![here],
            false => Vec::new(),
        }
    }
}

impl Stored {
    /// Whether bytes may be in parts that are not joined.
    fn may_have_parts(&self, conditions: &Conditions) -> bool {
        let most = self.offset() + self.tail.len() as u64;
        let has_parts = conditions.part_size.is_some_and(|size| most >= size);
        has_parts && self.finishing != Finishing::Done
    }
}

/// Returns how many bytes of the upload the server had.
fn whole(answer: &Answer) -> Option<u64> {
    match answer.status {
        200 => Some(answer.body.len() as u64),
        206 | 416 => {
            let (_, whole) = answer.header("content-range")?.split_once('/')?;
            whole.parse().ok()
        }
        _ => None,
    }
}

/// Returns the bytes of a span, if there are any.
fn within(span: Span, whole: u64) -> Option<Range<u64>> {
    let range = match span {
        Span::From(first) => u64::from(first)..whole,
        Span::Within(first, last) => u64::from(first)..(u64::from(last) + 1).min(whole),
        Span::Last(bytes) => whole.saturating_sub(bytes.into())..whole,
    };
    (!range.is_empty()).then_some(range)
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("it is small")
}
