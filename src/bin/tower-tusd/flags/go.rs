//! Values of flags in the syntax of Go's `flag` package.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};

/// `1 t T TRUE true True` and `0 f F FALSE false False`.
pub(crate) fn boolean(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("neither true nor false"),
    }
}

/// `42`, `1_000_000`, `0x10`, `0o17`, `017`, `0b1`, with or without a sign.
pub(crate) fn integer<T: TryFrom<i128>>(text: &str) -> Result<T, &'static str> {
    const INVALID: &str = "not an integer";
    const RANGE: &str = "out of range";

    let (negative, number) = split_sign(text);
    let (radix, digits, prefixed) = split_radix(number);
    if !underscores_separate_digits(digits, prefixed) {
        return Err(INVALID);
    }
    let digits = digits.replace('_', "");
    // `from_str_radix` takes a sign of its own.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(INVALID);
    }
    let value = i128::from_str_radix(&digits, radix).map_err(|_| RANGE)?;
    T::try_from(if negative { -value } else { value }).map_err(|_| RANGE)
}

/// `1h2m3.5s`, `.5s`, `1µs`, and `0`, which alone needs no unit.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    let mut rest = match split_sign(text) {
        (_, "0") => return Ok(Duration::ZERO),
        (_, "") => return Err("not a duration"),
        (true, _) => return Err("a negative duration"),
        (false, rest) => rest,
    };
    let mut nanos = 0_i64;
    while !rest.is_empty() {
        let (amount, after) = split_at_first(rest, |c| !c.is_ascii_digit() && c != '.');
        let (unit, after) = split_at_first(after, |c| c.is_ascii_digit() || c == '.');
        nanos = term(amount, nanos_per(unit)?)?
            .checked_add(nanos)
            .ok_or("too long")?;
        rest = after;
    }
    Ok(Duration::from_nanos(nanos.unsigned_abs()))
}

/// A path of the file system; empty means none.
pub(crate) fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A number of milliseconds.
pub(crate) fn milliseconds(text: &str) -> Result<Duration, &'static str> {
    integer(text).map(Duration::from_millis)
}

/// `664`: octal digits without a prefix.
pub(crate) fn permissions(text: &str) -> Result<u32, &'static str> {
    let octal = !text.is_empty() && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    match u32::from_str_radix(text, 8) {
        Ok(bits @ 0..=0o7777) if octal => Ok(bits),
        _ => Err("not permissions in octal, such as 664"),
    }
}

fn nanos_per(unit: &str) -> Result<i64, &'static str> {
    match unit {
        "ns" => Ok(1),
        // The micro sign, and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => Ok(1_000),
        "ms" => Ok(1_000_000),
        "s" => Ok(1_000_000_000),
        "m" => Ok(60_000_000_000),
        "h" => Ok(3_600_000_000_000),
        "" => Err("a duration needs a unit, as in 60s"),
        _ => Err("the units of a duration are ns, us, ms, s, m and h"),
    }
}

/// One amount with its unit, in whole nanoseconds.
fn term(amount: &str, unit: i64) -> Result<i64, &'static str> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits_only(fraction) {
        return Err("not a duration");
    }
    let whole = match whole {
        "" => 0,
        whole => whole.parse::<i64>().map_err(|_| "too long")?,
    };
    let mut nanos = whole.checked_mul(unit).ok_or("too long")?;
    let mut scale = unit;
    for digit in fraction.bytes() {
        scale /= 10;
        nanos = nanos
            .checked_add(i64::from(digit - b'0') * scale)
            .ok_or("too long")?;
    }
    Ok(nanos)
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The radix, the digits, and whether they had a prefix.
fn split_radix(number: &str) -> (u32, &str, bool) {
    let prefixes = [
        ("0x", 16),
        ("0X", 16),
        ("0o", 8),
        ("0O", 8),
        ("0b", 2),
        ("0B", 2),
    ];
    for (prefix, radix) in prefixes {
        if let Some(digits) = number.strip_prefix(prefix) {
            return (radix, digits, true);
        }
    }
    let radix = if number.starts_with('0') { 8 } else { 10 };
    (radix, number, false)
}

fn underscores_separate_digits(digits: &str, prefixed: bool) -> bool {
    let starts_well = prefixed || !digits.starts_with('_');
    starts_well && !digits.ends_with('_') && !digits.contains("__")
}

fn split_at_first(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        let nanos = |text| duration(text).unwrap().as_nanos();
        assert_eq!(nanos("0"), 0);
        assert_eq!(nanos("+0"), 0);
        assert_eq!(nanos("10s"), 10_000_000_000);
        assert_eq!(nanos("+5s"), 5_000_000_000);
        assert_eq!(nanos("1h2m3.5s"), 3_723_500_000_000);
        assert_eq!(nanos(".5s"), 500_000_000);
        assert_eq!(nanos("5.s"), 5_000_000_000);
        assert_eq!(nanos("1.5h"), 5_400_000_000_000);
        assert_eq!(nanos("1µs"), 1_000);
        assert_eq!(nanos("1\u{3bc}s"), 1_000);
        assert_eq!(nanos("1us2ns"), 1_002);
        assert_eq!(nanos("300ms"), 300_000_000);
        assert_eq!(nanos("0.1234567891234s"), 123_456_789);
        assert_eq!(nanos("9223372036854775807ns"), i64::MAX as u128);
    }

    #[test]
    fn a_duration_that_go_refuses_is_refused() {
        let malformed = [
            "", "60", "s", ".s", ".", "1..5s", "1.5.5s", "1x", "1 s", " 1s", "1s ", "1s2", "--1s",
            "1_000s", "1e3s", "1S", "+", "-", "0x1s", "1mss",
        ];
        for text in malformed {
            assert!(duration(text).is_err(), "{text:?}");
        }
        assert!(duration("-1s").is_err(), "no wait is negative here");
        assert!(duration("9223372036854775808ns").is_err());
        assert!(duration("9223372036.854775808s").is_err());
        assert!(duration("2562047h48m").is_err());
        assert!(duration("99999999999999999999h").is_err());
    }

    #[test]
    fn integers_are_those_of_go() {
        let taken = [
            ("0", 0),
            ("8080", 8080),
            ("1_000_000", 1_000_000),
            ("0x10", 16),
            ("0X_fF", 255),
            ("0b101", 5),
            ("0o17", 15),
            ("017", 15),
            ("0_17", 15),
            ("+5", 5),
            ("-0x10", -16),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ];
        for (text, value) in taken {
            assert_eq!(integer::<i64>(text), Ok(value), "{text:?}");
        }
    }

    #[test]
    fn an_integer_that_go_refuses_is_refused() {
        let malformed = [
            "", "-", "0x", "0x_", "_1", "1_", "1__0", "08", "0b2", "1.0", "1e3", " 1", "1 ", "ten",
            "0x-1", "--1", "+-1", "\u{663}",
        ];
        for text in malformed {
            assert!(integer::<i64>(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn permissions_are_octal_without_a_prefix() {
        for (text, bits) in [("664", 0o664), ("0775", 0o775), ("2775", 0o2775), ("0", 0)] {
            assert_eq!(permissions(text), Ok(bits), "{text:?}");
        }
        for text in ["", "0o664", "888", "+664", "-1", "10000", "6_64", "rw-"] {
            assert!(permissions(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_integer_fits_its_type_or_is_refused() {
        assert_eq!(integer::<u16>("65535"), Ok(65535));
        assert_eq!(integer::<u16>("65536"), Err("out of range"));
        assert_eq!(integer::<u16>("-1"), Err("out of range"));
        assert!(integer::<i64>("9223372036854775808").is_err());
        let endless = "9".repeat(99);
        assert_eq!(integer::<i64>(&endless), Err("out of range"));
    }

    #[test]
    fn booleans_are_those_of_go() {
        for text in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(boolean(text), Ok(true));
        }
        for text in ["0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(boolean(text), Ok(false));
        }
        for text in ["", "yes", "no", "tRUE", "2", "on"] {
            assert!(boolean(text).is_err(), "{text:?}");
        }
    }
}
