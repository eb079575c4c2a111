//! Values for people.

use std::fmt::Write;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A text from a client on one line, and without what changes a terminal or the
/// order of characters.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' => printable.push_str(r"\\"),
            '\n' => printable.push_str(r"\n"),
            '\r' => printable.push_str(r"\r"),
            '\t' => printable.push_str(r"\t"),
            char if is_harmful(char) => {
                // Writing to a string cannot fail.
                let _ = write!(printable, "\\u{{{:x}}}", u32::from(char));
            }
            char => printable.push(char),
        }
    }
    printable
}

fn is_harmful(char: char) -> bool {
    let reorders = matches!(char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let invisible = matches!(
        char,
        '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
    );
    char.is_control() || reorders || invisible
}

/// The beginning of a text that fits into so many columns.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let (mut beginning, mut left) = (String::new(), columns.saturating_sub(1));
    for char in text.chars() {
        let width = char.width().unwrap_or(0);
        let Some(rest) = left.checked_sub(width) else {
            break;
        };
        left = rest;
        beginning.push(char);
    }
    beginning.push('…');
    beginning
}

/// A number of bytes for a column, in at most 6 characters: `512`, `1.5K`, `12.0M`.
pub(super) fn size(bytes: u64) -> String {
    match in_units(bytes) {
        Some((amount, unit)) => format!("{amount:.1}{unit}"),
        None => bytes.to_string(),
    }
}

/// A number of bytes for a sentence: `512 bytes`, `1.5 KiB`.
pub(super) fn amount(bytes: u64) -> String {
    match in_units(bytes) {
        Some((amount, unit)) => format!("{amount:.1} {unit}iB"),
        None if bytes == 1 => "1 byte".to_owned(),
        None => format!("{bytes} bytes"),
    }
}

/// An amount in the unit that fits best, if that is no byte.
fn in_units(bytes: u64) -> Option<(f64, char)> {
    if bytes < 1024 {
        return None;
    }
    let (mut amount, mut unit) = (bytes as f64 / 1024.0, 'K');
    for next in ['M', 'G', 'T', 'P', 'E'] {
        // 1023.95 would be written as 1024.0.
        if amount < 1023.95 {
            break;
        }
        (amount, unit) = (amount / 1024.0, next);
    }
    Some((amount, unit))
}

/// How long ago something happened: `5s`, `3m`, `7h`, `12d`.
pub(super) fn age(then: SystemTime, now: SystemTime) -> String {
    // A clock that is a little behind.
    let seconds = now.duration_since(then).unwrap_or_default().as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A time where the computer is: `2026-11-27 03:12:44 +01:00`.
pub(super) fn local(time: SystemTime) -> String {
    match Timestamp::try_from(time) {
        Ok(time) => time
            .to_zoned(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S %:z")
            .to_string(),
        // Beyond the year 9999.
        Err(_) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_text_of_a_client_cannot_change_the_terminal() {
        assert_eq!(printable("Ü 名 a.txt"), "Ü 名 a.txt");
        assert_eq!(printable("a\x1b[31m\nb\t\\"), r"a\u{1b}[31m\nb\t\\");
        assert_eq!(printable("gpj.\u{202e}exe"), r"gpj.\u{202e}exe");
        assert_eq!(printable("\u{9b}2J\u{7f}"), r"\u{9b}2J\u{7f}");
    }

    #[test]
    fn a_text_is_cut_to_the_columns_that_a_terminal_shows() {
        for (text, columns, shown) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("名名", 4, "名名"),
            ("名名名", 5, "名名…"),
            ("名名", 2, "…"),
            ("abc", 0, "…"),
        ] {
            assert_eq!(fit(text, columns), shown, "{text} {columns}");
        }
    }

    #[test]
    fn a_size_is_short_and_never_a_thousand_of_a_unit() {
        for (bytes, shown) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1536, "1.5K"),
            ((1 << 20) - 1, "1.0M"),
            (50 << 20, "50.0M"),
            (u64::MAX, "16.0E"),
        ] {
            assert_eq!(size(bytes), shown, "{bytes}");
        }
        assert_eq!([0, 1, 1536].map(amount), ["0 bytes", "1 byte", "1.5 KiB"]);
    }

    #[test]
    fn an_age_is_in_the_unit_that_says_most() {
        let then = SystemTime::UNIX_EPOCH;
        for (seconds, shown) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_600, "1h"),
            (172_799, "47h"),
            (172_800, "2d"),
        ] {
            let now = then + Duration::from_secs(seconds);
            assert_eq!(age(then, now), shown);
        }
        assert_eq!(age(then + Duration::from_secs(5), then), "0s");
    }
}
