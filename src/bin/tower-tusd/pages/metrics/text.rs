//! The text format of Prometheus, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use metrics::{Key, KeyName, SharedString};

use super::histogram::Histogram;

/// A page of metrics. Those with the same name and kind have to follow each other.
pub(super) struct Page<'a> {
    descriptions: &'a BTreeMap<KeyName, SharedString>,
    /// The name of the metrics that are being written.
    family: Option<&'a str>,
    text: String,
}

impl<'a> Page<'a> {
    pub(super) const fn new(descriptions: &'a BTreeMap<KeyName, SharedString>) -> Self {
        Self {
            descriptions,
            family: None,
            text: String::new(),
        }
    }

    pub(super) fn counter(&mut self, key: &'a Key, count: u64) {
        self.head(key, "counter");
        self.line(key, "", None, count);
    }

    pub(super) fn gauge(&mut self, key: &'a Key, value: f64) {
        self.head(key, "gauge");
        self.line(key, "", None, value);
    }

    pub(super) fn histogram(&mut self, key: &'a Key, histogram: &Histogram) {
        self.head(key, "histogram");
        let mut total = 0;
        for (bound, count) in histogram.buckets() {
            self.line(key, "_bucket", Some(bound), count);
            total = count;
        }
        self.line(key, "_sum", None, histogram.sum());
        self.line(key, "_count", None, total);
    }

    pub(super) fn end(mut self) -> String {
        if self.family.is_some() {
            self.text.push('\n');
        }
        self.text
    }

    /// Describes the metrics with the name of `key`, once.
    fn head(&mut self, key: &'a Key, kind: &str) {
        let name = key.name();
        match self.family.replace(name) {
            Some(family) if family == name => return,
            Some(_) => self.text.push('\n'),
            None => {}
        }
        if let Some(description) = self.descriptions.get(name) {
            let _ = write!(self.text, "# HELP {name} ");
            escape(description, &['\\', '\n'], &mut self.text);
            self.text.push('\n');
        }
        let _ = writeln!(self.text, "# TYPE {name} {kind}");
    }

    /// Writes one value. Buckets have their upper bound as their last label.
    fn line(&mut self, key: &Key, suffix: &str, bound: Option<f64>, value: impl Display) {
        let text = &mut self.text;
        text.push_str(key.name());
        text.push_str(suffix);
        let mut separator = '{';
        for label in key.labels() {
            let _ = write!(text, "{separator}{}=\"", label.key());
            escape(label.value(), &['\\', '\n', '"'], text);
            text.push('"');
            separator = ',';
        }
        if let Some(bound) = bound {
            let _ = match bound.is_infinite() {
                true => write!(text, "{separator}le=\"+Inf\""),
                false => write!(text, "{separator}le=\"{bound}\""),
            };
            separator = ',';
        }
        if separator == ',' {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }
}

/// Appends a text with a backslash before each of the characters in `special`.
fn escape(text: &str, special: &[char], out: &mut String) {
    for char in text.chars() {
        if special.contains(&char) {
            out.push('\\');
        }
        out.push(match char {
            '\n' => 'n',
            char => char,
        });
    }
}
