//! Which bytes become which part of a final.

use std::sync::Arc;

use crate::store::object::objects::Rules;
use crate::store::object::parts::{self, Progress};

/// The size of parts that the store copies, unless there would be too many: small enough
/// that an interrupt is soon seen.
const COPIED: u64 = 512 << 20;

/// Bytes of an object, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// The bucket, if it is another one than that of the store.
    pub(super) bucket: Option<Arc<str>>,
    pub(super) key: Arc<str>,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// A part of the final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Copied inside the store.
    Copied(Range),
    /// Read, and sent again.
    Sent(Vec<Range>),
}

/// Divides the bytes of a final into parts. `preferred` is the size of those that are
/// sent: all of them if a source is not in the bucket of the final.
pub(super) fn plan(
    rules: &Rules,
    preferred: u64,
    bucket: Option<&str>,
    sources: &[Range],
) -> Vec<Piece> {
    let are_here = sources.iter().all(|it| it.bucket.as_deref() == bucket);
    if are_here && rules.copies_parts && !rules.equal_parts {
        let copied = copied(rules, sources);
        if is_allowed(rules, &copied) {
            return copied;
        }
    }
    sent(rules, preferred, sources)
}

/// Copies what is large enough. Smaller sources are sent, together with as much of the
/// next one as a part needs.
fn copied(rules: &Rules, sources: &[Range]) -> Vec<Piece> {
    let most = COPIED.max(total(sources) / u64::from(rules.max_parts / 2).max(1));
    let most = most.min(rules.max_part);
    let (mut pieces, mut small) = (Vec::new(), Vec::new());
    for source in sources {
        let mut source = source.clone();
        if !small.is_empty() {
            let needed = rules.min_part.saturating_sub(total(&small));
            let rest = source.len().saturating_sub(needed);
            let taken = match rest < rules.min_part {
                true => source.len(),
                false => needed,
            };
            small.push(source.split_to(taken));
            send_if_enough(rules, &mut small, &mut pieces);
        }
        match source.len() {
            0 => {}
            // S3 copies no range of an object that is not larger.
            len if len <= rules.min_part => {
                small.push(source);
                send_if_enough(rules, &mut small, &mut pieces);
            }
            _ => pieces.extend(source.in_equal_parts(most).map(Piece::Copied)),
        }
    }
    if !small.is_empty() {
        pieces.push(Piece::Sent(small));
    }
    pieces
}

/// Makes a part of small sources if they are large enough together.
fn send_if_enough(rules: &Rules, small: &mut Vec<Range>, pieces: &mut Vec<Piece>) {
    if total(small) >= rules.min_part {
        pieces.push(Piece::Sent(std::mem::take(small)));
    }
}

/// Sends everything in parts of the same size.
fn sent(rules: &Rules, preferred: u64, sources: &[Range]) -> Vec<Piece> {
    let rules = Rules {
        equal_parts: false,
        ..rules.clone()
    };
    let progress = Progress {
        rest: Some(total(sources)),
        parts: 0,
        next: 1,
    };
    let size = parts::size(&rules, preferred, progress);
    let (mut pieces, mut part, mut missing) = (Vec::new(), Vec::new(), size);
    for source in sources {
        let mut source = source.clone();
        while source.len() > 0 {
            let taken = source.split_to(missing.min(source.len()));
            missing -= taken.len();
            part.push(taken);
            if missing == 0 {
                pieces.push(Piece::Sent(std::mem::take(&mut part)));
                missing = size;
            }
        }
    }
    if !part.is_empty() {
        pieces.push(Piece::Sent(part));
    }
    pieces
}

fn is_allowed(rules: &Rules, pieces: &[Piece]) -> bool {
    let are_large = pieces.iter().rev().skip(1);
    pieces.len() <= rules.max_parts as usize
        && are_large.map(Piece::len).all(|len| len >= rules.min_part)
        && pieces.iter().all(|piece| piece.len() <= rules.max_part)
}

pub(super) fn total(ranges: &[Range]) -> u64 {
    ranges.iter().map(Range::len).sum()
}

impl Range {
    pub(super) const fn len(&self) -> u64 {
        self.to - self.from
    }

    /// Takes the first bytes out.
    fn split_to(&mut self, len: u64) -> Self {
        let taken = Self {
            to: self.from + len,
            ..self.clone()
        };
        self.from = taken.to;
        taken
    }

    /// Divides it into as few ranges as `most` bytes of each allow.
    fn in_equal_parts(mut self, most: u64) -> impl Iterator<Item = Self> {
        let count = self.len().div_ceil(most);
        (0..count).map(move |index| self.split_to(self.len() / (count - index)))
    }
}

impl Piece {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Copied(range) => range.len(),
            Self::Sent(ranges) => total(ranges),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        min_part: 10,
        max_part: 40,
        max_parts: 20,
        ..Rules::S3
    };

    /// Returns the size of each part, and whether it is copied.
    fn parts(rules: &Rules, lens: &[u64]) -> Vec<(u64, bool)> {
        let sources: Vec<_> = lens.iter().map(|len| source(*len)).collect();
        let pieces = plan(rules, 15, None, &sources);
        assert_eq!(joined(&pieces), joined(&[Piece::Sent(sources)]), "{lens:?}");
        let is_copied = |piece: &Piece| matches!(piece, Piece::Copied(_));
        pieces
            .iter()
            .map(|piece| (piece.len(), is_copied(piece)))
            .collect()
    }

    fn source(len: u64) -> Range {
        Range {
            bucket: None,
            key: len.to_string().into(),
            from: 0,
            to: len,
        }
    }

    fn joined(pieces: &[Piece]) -> Vec<(Arc<str>, u64)> {
        let ranges = pieces.iter().flat_map(|piece| match piece {
            Piece::Copied(range) => vec![range.clone()],
            Piece::Sent(ranges) => ranges.clone(),
        });
        let bytes = ranges.flat_map(|it| (it.from..it.to).map(move |at| (it.key.clone(), at)));
        bytes.collect()
    }

    #[test]
    fn whatever_is_large_enough_is_copied() {
        let (copied, sent) = (true, false);
        for (lens, expected) in [
            (&[11, 40][..], &[(11, copied), (40, copied)][..]),
            (&[10, 40, 10], &[(10, sent), (40, copied), (10, sent)]),
            (
                &[81, 3],
                &[(27, copied), (27, copied), (27, copied), (3, sent)],
            ),
            (&[1, 40], &[(10, sent), (31, copied)]),
            (&[1, 15], &[(16, sent)]),
            (&[4, 4, 4, 4], &[(12, sent), (4, sent)]),
            (&[20, 3, 3, 30], &[(20, copied), (10, sent), (26, copied)]),
            (&[3], &[(3, sent)]),
        ] {
            assert_eq!(parts(&RULES, lens), expected, "{lens:?}");
        }
    }

    #[test]
    fn the_parts_of_any_sources_are_allowed() {
        for first in 1..60 {
            for second in 1..60 {
                for third in [1, 9, 10, 11, 41] {
                    let parts = parts(&RULES, &[first, second, third]);
                    let (_last, others) = parts.split_last().unwrap();
                    assert!(others.iter().all(|(size, _)| *size >= 10), "{parts:?}");
                    assert!(parts.iter().all(|(size, _)| *size <= 40), "{parts:?}");
                }
            }
        }
    }

    #[test]
    fn where_nothing_can_be_copied_the_parts_have_the_same_size() {
        let without = Rules {
            copies_parts: false,
            ..RULES
        };
        let equal = Rules {
            equal_parts: true,
            ..RULES
        };
        for rules in [without, equal] {
            let expected = [15, 15, 15, 15, 4].map(|size| (size, false));
            assert_eq!(parts(&rules, &[40, 1, 22, 1]), expected);
        }
    }

    #[test]
    fn nothing_is_copied_from_another_bucket() {
        let mut sources = [source(40), source(30)];
        sources[1].bucket = Some("other".into());
        for bucket in [None, Some("other")] {
            let pieces = plan(&RULES, 15, bucket, &sources);
            let is_sent = |piece: &Piece| matches!(piece, Piece::Sent(_));
            assert!(pieces.iter().all(is_sent), "{bucket:?}");
        }
        let pieces = plan(&RULES, 15, Some("other"), &sources[1..]);
        assert_eq!(pieces, [Piece::Copied(sources[1].clone())]);
    }

    #[test]
    fn too_many_sources_are_sent_in_fewer_parts() {
        let sizes = parts(&RULES, &[11; 25]);
        assert!(sizes.len() <= 20, "{sizes:?}");
    }
}
