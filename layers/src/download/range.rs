//! Parses `Range` (RFC 9110, section 14).

use std::ops::Range;

use http::HeaderMap;
use http::header::RANGE;

/// Maximum number of ranges in one request.
///
/// Each adds some text to the body, and a small request must not cause a large
/// response.
const MAX_RANGES: usize = 32;

/// What a request wants of an upload.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    /// One or more ranges, none of them empty.
    Ranges(Vec<Range<u64>>),
    /// Only ranges beyond the end.
    Beyond,
}

impl Wanted {
    /// Reads the header. One that is malformed or too large is ignored.
    pub(super) fn of(asked: &HeaderMap, length: u64) -> Self {
        let mut values = asked.get_all(RANGE).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Self::Whole;
        };
        // An empty upload has no ranges, and clients that request its beginning want
        // the whole.
        match parse(value.as_bytes(), length) {
            Some(ranges) if length > 0 => Self::bounded(ranges, length),
            _ => Self::Whole,
        }
    }

    fn bounded(ranges: Vec<Range<u64>>, length: u64) -> Self {
        let lengths = ranges.iter().map(|range| range.end - range.start);
        let total = lengths.fold(0, u64::saturating_add);
        match ranges.len() {
            0 => Self::Beyond,
            // Overlapping ranges could request the same bytes many times.
            2.. if total > length => Self::Whole,
            _ => Self::Ranges(ranges),
        }
    }
}

/// Returns the ranges that can be satisfied, or `None` if the header is malformed.
fn parse(value: &[u8], length: u64) -> Option<Vec<Range<u64>>> {
    let value = std::str::from_utf8(value).ok()?;
    let (unit, specs) = value.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let specs: Vec<_> = specs
        .split(',')
        .map(|spec| spec.trim_matches([' ', '\t']))
        .filter(|spec| !spec.is_empty())
        .collect();
    if !(1..=MAX_RANGES).contains(&specs.len()) {
        return None;
    }
    let ranges: Option<Vec<_>> = specs.into_iter().map(|spec| range(spec, length)).collect();
    Some(
        ranges?
            .into_iter()
            .filter(|range| !range.is_empty())
            .collect(),
    )
}

/// Parses one range, which is empty if it lies beyond the end.
fn range(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        let suffix = number(last)?;
        return Some(length.saturating_sub(suffix)..length);
    }
    let first = number(first)?;
    if last.is_empty() {
        return Some(first..length);
    }
    let last = number(last)?;
    (first <= last).then(|| first..last.saturating_add(1).min(length))
}

/// Parses digits. A number that overflows is beyond any upload, like `u64::MAX`.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn wanted(value: &str, length: u64) -> Wanted {
        let mut asked = HeaderMap::new();
        asked.insert(RANGE, HeaderValue::from_str(value).unwrap());
        Wanted::of(&asked, length)
    }

    #[test]
    fn each_form_of_a_range_is_read() {
        for (value, range) in [
            ("bytes=0-4", 0..5),
            ("bytes=3-3", 3..4),
            ("Bytes=5-", 5..10),
            ("bytes=0-", 0..10),
            ("bytes=-3", 7..10),
            ("bytes=-30", 0..10),
            ("bytes=4-99", 4..10),
            ("bytes=4-99999999999999999999999", 4..10),
            ("bytes=-99999999999999999999999", 0..10),
            ("bytes= ,\t1-2 ,, ", 1..3),
            ("bytes=1-2,70-80", 1..3),
        ] {
            assert_eq!(wanted(value, 10), Wanted::Ranges(vec![range]), "{value}");
        }
        let ranges = vec![1..2, 9..10, 0..1];
        assert_eq!(wanted("bytes=1-1,-1,0-0", 10), Wanted::Ranges(ranges));
    }

    #[test]
    fn what_is_not_there_cannot_be_had() {
        for value in [
            "bytes=10-",
            "bytes=10-11",
            "bytes=-0",
            "bytes=11-12,20-",
            "bytes=99999999999999999999999-",
            "bytes=18446744073709551615-18446744073709551615",
        ] {
            assert_eq!(wanted(value, 10), Wanted::Beyond, "{value}");
        }
    }

    #[test]
    fn what_is_malformed_is_as_absent() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=4-3",
            "bytes=1",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=--1",
            "bytes=1-2-3",
            "bytes=0-1,x",
            "bytes=1 - 2",
            "bytes 0-1",
            "bytes =0-1",
            "lines=0-1",
            "bytes=0-1;2-3",
            "bytes=\u{e9}-1",
        ] {
            assert_eq!(wanted(value, 10), Wanted::Whole, "{value:?}");
        }
        let mut twice = HeaderMap::new();
        twice.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        twice.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(Wanted::of(&twice, 10), Wanted::Whole);
        assert_eq!(Wanted::of(&HeaderMap::new(), 10), Wanted::Whole);
    }

    #[test]
    fn of_nothing_there_is_only_the_whole() {
        for value in ["bytes=0-", "bytes=-5", "bytes=7-9"] {
            assert_eq!(wanted(value, 0), Wanted::Whole, "{value}");
        }
    }

    #[test]
    fn more_than_there_is_or_too_many_pieces_is_the_whole() {
        assert_eq!(wanted("bytes=0-,0-", 10), Wanted::Whole);
        assert_eq!(wanted("bytes=0-5,4-8", 10), Wanted::Whole);
        let most = vec!["1-1"; MAX_RANGES].join(",");
        let ranges = vec![1..2; MAX_RANGES];
        assert_eq!(
            wanted(&format!("bytes={most}"), 100),
            Wanted::Ranges(ranges)
        );
        assert_eq!(wanted(&format!("bytes={most},1-1"), 100), Wanted::Whole);
    }
}
