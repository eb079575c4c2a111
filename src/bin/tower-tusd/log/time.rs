//! Local times.

use std::io::Write;

use jiff::Zoned;

/// `2023/11/29 08:46:14.137300`
pub(super) fn write_plain(line: &mut Vec<u8>) {
    plain(&Zoned::now(), line);
}

/// `2023-11-29T08:46:14.1373+01:00`
pub(super) fn write_rfc3339(line: &mut Vec<u8>) {
    rfc3339(&Zoned::now(), line);
}

fn plain(now: &Zoned, line: &mut Vec<u8>) {
    let _ = write!(
        line,
        "{:04}/{:02}/{:02} {:02}:{:02}:{:02}.{:06}",
        now.year(),
        now.month(),
        now.day(),
        now.hour(),
        now.minute(),
        now.second(),
        now.subsec_nanosecond() / 1000,
    );
}

/// Like Go: no trailing zeros in a second, and `Z` for UTC.
fn rfc3339(now: &Zoned, line: &mut Vec<u8>) {
    let zone = match now.offset().is_zero() {
        true => "Z",
        false => "%:z",
    };
    let _ = write!(
        line,
        "{}{}",
        now.strftime("%Y-%m-%dT%H:%M:%S%.f"),
        now.strftime(zone)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&Zoned, &mut Vec<u8>), time: &str) -> String {
        let mut line = Vec::new();
        write(&time.parse().unwrap(), &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_time_is_local_and_has_go_s_format() {
        let berlin = "2023-11-29T08:46:14.137300999+01:00[+01:00]";
        assert_eq!(written(plain, berlin), "2023/11/29 08:46:14.137300");
        assert_eq!(
            written(rfc3339, berlin),
            "2023-11-29T08:46:14.137300999+01:00"
        );
        let utc = "2023-01-02T03:04:05.5Z[UTC]";
        assert_eq!(written(plain, utc), "2023/01/02 03:04:05.500000");
        assert_eq!(written(rfc3339, utc), "2023-01-02T03:04:05.5Z");
        let whole = "2023-01-02T03:04:05-03:30[-03:30]";
        assert_eq!(written(rfc3339, whole), "2023-01-02T03:04:05-03:30");
    }
}
