//! Fields of events and spans, written behind each other.

use std::error::Error;
use std::fmt::{self, Debug};
use std::io::Write;

use tracing::field::{Field, Visit};

use super::quote;
use crate::flags::LogFormat;

/// The name of an event, which tracing has among its fields.
const EVENT: &str = "message";

/// Which of the fields are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The event's name.
    Event,
    /// All others.
    Rest,
}

/// Writes fields into a line.
pub(super) struct Fields<'a> {
    pub(super) line: &'a mut Vec<u8>,
    pub(super) format: LogFormat,
    pub(super) part: Part,
}

impl Fields<'_> {
    /// Writes ` key=` or `,"key":`, when the field belongs to this part.
    fn key(&mut self, field: &Field) -> Option<&mut Vec<u8>> {
        let key = field.name();
        if (key == EVENT) != (self.part == Part::Event) {
            return None;
        }
        let _ = match (self.format, self.part) {
            (LogFormat::Text, Part::Event) => write!(self.line, " event="),
            (LogFormat::Text, Part::Rest) => write!(self.line, " {key}="),
            (LogFormat::Json, Part::Event) => write!(self.line, ",\"msg\":"),
            (LogFormat::Json, Part::Rest) => write!(self.line, ",\"{key}\":"),
        };
        Some(self.line)
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

    /// What reads the same in both forms.
    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        if let Some(line) = self.key(field) {
            let _ = write!(line, "{value}");
        }
    }
}

impl Visit for Fields<'_> {
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
