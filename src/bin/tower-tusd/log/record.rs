//! Fields of events and spans, as text.

use std::error::Error;
use std::fmt::{self, Debug};
use std::io::Write;

use tracing::field::{Field, Visit};

use super::quote;
use crate::flags::LogFormat;

/// The field with the name of an event.
const EVENT: &str = "message";

/// Which of the fields are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The event's name.
    Event,
    /// All others.
    Rest,
}

/// Keys that every line has already, in either format.
const TAKEN: [&str; 4] = ["time", "level", "event", "msg"];

/// Writes fields, each with its key.
pub(super) struct Fields {
    pub(super) written: Vec<(&'static str, Vec<u8>)>,
    pub(super) format: LogFormat,
    pub(super) part: Part,
}

impl Fields {
    /// Begins a field with ` key=` or `,"key":`, if it belongs to this part and its
    /// key is not in use.
    fn key(&mut self, field: &Field) -> Option<&mut Vec<u8>> {
        let key = field.name();
        let taken = TAKEN.contains(&key) || self.written.iter().any(|(other, _)| *other == key);
        if taken || (key == EVENT) != (self.part == Part::Event) {
            return None;
        }
        let text = match (self.format, self.part) {
            (LogFormat::Text, Part::Event) => " event=".to_owned(),
            (LogFormat::Text, Part::Rest) => format!(" {key}="),
            (LogFormat::Json, Part::Event) => ",\"msg\":".to_owned(),
            (LogFormat::Json, Part::Rest) => format!(",\"{key}\":"),
        };
        self.written.push((key, text.into_bytes()));
        self.written.last_mut().map(|(_, field)| field)
    }

    fn text(&mut self, field: &Field, text: &str) {
        let format = self.format;
        let Some(line) = self.key(field) else { return };
        match format {
            LogFormat::Text => quote::write(text, line),
            LogFormat::Json => {
                serde_json::to_writer(line, text).expect("a vector takes every string");
            }
        }
    }

    /// Writes a value that looks the same in both formats.
    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        if let Some(line) = self.key(field) {
            let _ = write!(line, "{value}");
        }
    }
}

impl Visit for Fields {
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
        self.text(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.text(field, &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, &format!("{value:?}"));
    }
}
