//! Local times.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::flags::LogFormat;

/// Writes times. The date and the time zone are looked up once per second, because that
/// costs more than the rest of a line.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The second that was looked up, and for which format.
    looked_up: Option<(u64, LogFormat)>,
    /// The second as text, without its fraction.
    text: String,
    /// The offset of the time zone, in JSON.
    offset: String,
}

impl Clock {
    /// Writes the time: `2023/11/29 08:46:14.137300`, or in JSON
    /// `2023-11-29T08:46:14.1373+01:00`.
    pub(super) fn write(&mut self, format: LogFormat, line: &mut String) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // A clock before 1970 is not set.
        let now = now.unwrap_or_default();
        self.write_at(now, &TimeZone::system, format, line);
    }

    fn write_at(
        &mut self,
        now: Duration,
        zone: &dyn Fn() -> TimeZone,
        format: LogFormat,
        line: &mut String,
    ) {
        if self.looked_up != Some((now.as_secs(), format)) {
            self.look_up(now, zone(), format);
        }
        line.push_str(&self.text);
        match format {
            LogFormat::Text => fraction(now.subsec_micros(), 6, line),
            LogFormat::Json => {
                fraction(now.subsec_nanos(), 9, line);
                // Like Go.
                let end = line.trim_end_matches('0').trim_end_matches('.').len();
                line.truncate(end);
                line.push_str(&self.offset);
            }
        }
    }

    fn look_up(&mut self, now: Duration, zone: TimeZone, format: LogFormat) {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let time = time.to_zoned(zone);
        let (text, offset) = match (format, time.offset().is_zero()) {
            (LogFormat::Text, _) => ("%Y/%m/%d %H:%M:%S", ""),
            (LogFormat::Json, true) => ("%Y-%m-%dT%H:%M:%S", "Z"),
            (LogFormat::Json, false) => ("%Y-%m-%dT%H:%M:%S", "%:z"),
        };
        self.looked_up = Some((now.as_secs(), format));
        self.text.clear();
        self.offset.clear();
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{}", time.strftime(text));
        let _ = write!(self.offset, "{}", time.strftime(offset));
    }
}

/// Writes a point and the digits of a fraction.
fn fraction(mut value: u32, digits: usize, line: &mut String) {
    let mut text = *b"000000000";
    for digit in text[..digits].iter_mut().rev() {
        *digit += (value % 10) as u8;
        value /= 10;
    }
    line.push('.');
    line.push_str(std::str::from_utf8(&text[..digits]).expect("digits are ASCII"));
}

#[cfg(test)]
mod tests {
    use jiff::Zoned;

    use super::*;

    fn written(clock: &mut Clock, format: LogFormat, time: &str) -> String {
        let time: Zoned = time.parse().unwrap();
        let since = time.timestamp().as_nanosecond().try_into().unwrap();
        let mut line = String::new();
        let zone = || time.time_zone().clone();
        clock.write_at(Duration::from_nanos(since), &zone, format, &mut line);
        line
    }

    #[test]
    fn a_time_is_local_and_has_go_s_format() {
        let text = |time| written(&mut Clock::default(), LogFormat::Text, time);
        let json = |time| written(&mut Clock::default(), LogFormat::Json, time);
        let berlin = "2023-11-29T08:46:14.137300999+01:00[+01:00]";
        assert_eq!(text(berlin), "2023/11/29 08:46:14.137300");
        assert_eq!(json(berlin), "2023-11-29T08:46:14.137300999+01:00");
        let utc = "2023-01-02T03:04:05.5Z[UTC]";
        assert_eq!(text(utc), "2023/01/02 03:04:05.500000");
        assert_eq!(json(utc), "2023-01-02T03:04:05.5Z");
        let whole = "2023-01-02T03:04:00-03:30[-03:30]";
        assert_eq!(text(whole), "2023/01/02 03:04:00.000000");
        assert_eq!(json(whole), "2023-01-02T03:04:00-03:30");
    }

    #[test]
    fn a_change_of_the_offset_is_seen_in_the_next_second() {
        let mut clock = Clock::default();
        let mut json = |time: &str| written(&mut clock, LogFormat::Json, time);
        let zone = "[Europe/Berlin]";
        for (time, shown) in [
            ("2023-03-26T01:59:59.5+01:00", "2023-03-26T01:59:59.5+01:00"),
            (
                "2023-03-26T01:59:59.75+01:00",
                "2023-03-26T01:59:59.75+01:00",
            ),
            (
                "2023-03-26T03:00:00.01+02:00",
                "2023-03-26T03:00:00.01+02:00",
            ),
        ] {
            assert_eq!(json(&format!("{time}{zone}")), shown);
        }
    }
}
