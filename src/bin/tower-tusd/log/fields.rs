//! Fields of events and spans, as text.

use std::error::Error;
use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};

use super::quote;
use crate::flags::LogFormat;

/// The field with the name of an event.
const EVENT: &str = "message";

/// Keys that every line has already, in either format.
const TAKEN: [&str; 4] = ["time", "level", "event", "msg"];

/// Fields as text, one after the other, each with its key. No key occurs twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    text: String,
    /// The key of each field, and where its text ends.
    ends: Vec<(&'static str, usize)>,
}

impl Fields {
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Appends the fields whose keys `nearer` lacks to a line.
    pub(super) fn write_unless_in(&self, nearer: &Self, line: &mut String) {
        if !nearer.ends.iter().any(|(key, _)| self.has(key)) {
            return line.push_str(&self.text);
        }
        let fields = self.iter().filter(|(key, _)| !nearer.has(key));
        fields.for_each(|(_, text)| line.push_str(text));
    }

    /// Adds the fields of the span around these, except those whose keys are in use: the
    /// nearest value wins.
    pub(super) fn inherit(&mut self, outer: &Self) {
        for (key, text) in outer.iter() {
            if !self.has(key) {
                self.text.push_str(text);
                self.ends.push((key, self.text.len()));
            }
        }
    }

    fn has(&self, key: &str) -> bool {
        self.ends.iter().any(|(other, _)| *other == key)
    }

    fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |&(key, end)| {
            let text = &self.text[start..end];
            start = end;
            (key, text)
        })
    }
}

/// Visits fields and writes them.
pub(super) struct Recorder<'a> {
    pub(super) format: LogFormat,
    /// The line to which the name of an event belongs. Spans have none.
    pub(super) line: Option<&'a mut String>,
    pub(super) fields: &'a mut Fields,
}

impl Recorder<'_> {
    /// Writes a value behind ` key=` or `,"key":`, if its key is not in use.
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut String)) {
        let key = field.name();
        if key == EVENT {
            let Some(line) = &mut self.line else { return };
            line.push_str(match self.format {
                LogFormat::Text => " event=",
                LogFormat::Json => ",\"msg\":",
            });
            return value(line);
        }
        if TAKEN.contains(&key) || self.fields.has(key) {
            return;
        }
        let text = &mut self.fields.text;
        let (before, behind) = match self.format {
            LogFormat::Text => (" ", "="),
            LogFormat::Json => (",\"", "\":"),
        };
        [before, key, behind]
            .iter()
            .for_each(|part| text.push_str(part));
        value(text);
        self.fields.ends.push((key, self.fields.text.len()));
    }

    /// Writes a value that looks the same in both formats.
    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        self.write(field, |text| {
            let _ = write!(text, "{value}");
        });
    }

    /// Writes what may need quotes.
    fn text(&mut self, field: &Field, value: impl FnOnce(&mut String)) {
        let format = self.format;
        self.write(field, |text| {
            let start = text.len();
            value(text);
            quote::value(text, start, format);
        });
    }
}

impl Visit for Recorder<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, |text| text.push_str(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.text(field, |text| {
            let _ = write!(text, "{value}");
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, |text| {
            let _ = write!(text, "{value:?}");
        });
    }
}
