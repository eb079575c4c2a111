//! How large the parts of an upload are, and which numbers they get.

use super::objects::{PartNumber, Rules};

/// How many part numbers a takeover skips: more than one writer may have used that no
/// state names.
pub(super) const WINDOW: PartNumber = 16;

/// The size of parts, unless an upload needs larger ones: 8 MiB.
pub(super) const PREFERRED: u64 = 8 << 20;

/// For a length that is not known yet, parts double after so many numbers.
const DOUBLES_AFTER: PartNumber = 1_000;

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// The number of bytes that are not in parts yet, if the length is known.
    pub(super) rest: Option<u64>,
    /// How many parts it has.
    pub(super) parts: u32,
    /// The number of the next one.
    pub(super) next: PartNumber,
}

/// Returns the size of the next part of an upload.
pub(super) fn size(rules: &Rules, preferred: u64, progress: Progress) -> u64 {
    let size = preferred.clamp(rules.min_part.max(1), rules.max_part);
    if rules.equal_parts {
        return size;
    }
    let size = match progress.rest {
        Some(rest) => size.max(rest.div_ceil(progress.more_parts(rules))),
        None => size << (progress.next / DOUBLES_AFTER).min(16),
    };
    size.min(rules.max_part)
}

impl Progress {
    /// Returns how many more parts the upload can have, if takeovers go on to use up
    /// numbers as they have so far, and at least every other one.
    fn more_parts(self, rules: &Rules) -> u64 {
        let left = rules.max_parts.saturating_sub(self.next) + 1;
        let numbers_a_part = self.next.div_ceil(self.parts + 1).max(2);
        u64::from(left / numbers_a_part).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn begin(rest: Option<u64>) -> Progress {
        let (parts, next) = (0, 1);
        Progress { rest, parts, next }
    }

    #[test]
    fn parts_have_the_preferred_size_unless_there_would_be_too_many() {
        let size = |rest| size(&Rules::S3, PREFERRED, begin(Some(rest)));
        assert_eq!(size(0), 8 * MIB);
        assert_eq!(size(40_000 * MIB), 8 * MIB);
        assert_eq!(size(80_000 * MIB), 16 * MIB);
        let largest = Rules::S3.max_object;
        assert!(size(largest) <= Rules::S3.max_part);
        assert!(size(largest) * 5_000 >= largest);
    }

    #[test]
    fn the_numbers_suffice_although_takeovers_use_some_up() {
        // A takeover before each part. Without any, the largest object fits.
        for (takeover, length) in [(0, Rules::S3.max_object), (WINDOW, 2 << 40)] {
            let mut progress = begin(Some(length));
            while let Some(rest) = progress.rest.filter(|rest| *rest > 0) {
                progress.next += takeover;
                let part = size(&Rules::S3, PREFERRED, progress).min(rest);
                assert!(
                    progress.next <= Rules::S3.max_parts,
                    "{rest} bytes are left"
                );
                progress.rest = Some(rest - part);
                progress.next += 1;
                progress.parts += 1;
            }
        }
    }

    #[test]
    fn without_a_length_parts_grow() {
        let size = |next| {
            let progress = Progress {
                next,
                ..begin(None)
            };
            size(&Rules::S3, PREFERRED, progress)
        };
        assert_eq!(
            [1, 999, 1_000, 2_000].map(size),
            [8, 8, 16, 32].map(|it| it * MIB)
        );
        assert_eq!(size(10_000), 5 << 30);
        let sum: u64 = (1..=10_000).map(size).sum();
        assert!(sum > Rules::S3.max_object);
    }

    #[test]
    fn where_parts_have_to_be_equal_they_are() {
        let rules = Rules {
            equal_parts: true,
            ..Rules::S3
        };
        for rest in [None, Some(1 << 40)] {
            assert_eq!(size(&rules, 6 * MIB, begin(rest)), 6 * MIB);
        }
    }
}
