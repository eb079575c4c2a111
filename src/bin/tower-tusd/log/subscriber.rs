//! Turns events and spans into lines.

use std::cell::Cell;
use std::io::Write;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::lines::Lines;
use super::record::{Fields, Part};
use super::time;
use crate::flags::LogFormat;

/// Writes a line for each event: its time, level and name, the fields of the spans
/// around it, and its own fields. No key occurs twice.
pub(super) struct Subscriber {
    lines: Lines,
    format: LogFormat,
    level: LevelFilter,
}

/// The fields of a span as text.
struct Written(Vec<(&'static str, Vec<u8>)>);

/// Writes a line of the start, which has no fields.
pub(super) fn start_line(line: &mut Vec<u8>, format: LogFormat, text: &str) {
    match format {
        LogFormat::Text => {
            time::write_plain(line);
            let _ = write!(line, " {text}");
        }
        LogFormat::Json => {
            line.extend_from_slice(b"{\"time\":\"");
            time::write_rfc3339(line);
            line.extend_from_slice(b"\",\"level\":\"INFO\",\"msg\":");
            serde_json::to_writer(&mut *line, text).expect("a vector takes every string");
            line.push(b'}');
        }
    }
    line.push(b'\n');
}

impl Subscriber {
    pub(super) const fn new(lines: Lines, format: LogFormat, level: LevelFilter) -> Self {
        Self {
            lines,
            format,
            level,
        }
    }

    const fn fields(&self, part: Part) -> Fields {
        Fields {
            written: Vec::new(),
            format: self.format,
            part,
        }
    }

    fn begin(&self, line: &mut Vec<u8>, metadata: &Metadata<'_>) {
        let level = metadata.level();
        match self.format {
            LogFormat::Text => {
                time::write_plain(line);
                let _ = write!(line, " level={level}");
            }
            LogFormat::Json => {
                line.extend_from_slice(b"{\"time\":\"");
                time::write_rfc3339(line);
                let _ = write!(line, "\",\"level\":\"{level}\"");
            }
        }
    }

    fn end(&self, line: &mut Vec<u8>) {
        if self.format == LogFormat::Json {
            line.push(b'}');
        }
        line.push(b'\n');
    }
}

impl<S> Layer<S> for Subscriber
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // Lines of the HTTP libraries only help to debug them.
        let ours = metadata.target().starts_with("tower_tus");
        let level = match ours {
            true => self.level,
            // Any client can cause their warnings.
            false => LevelFilter::ERROR,
        };
        *metadata.level() <= level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = self.fields(Part::Rest);
        attributes.record(&mut fields);
        span.extensions_mut().insert(Written(fields.written));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        thread_local! {
            static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
        }
        // Taken, because writing a field may log something itself.
        let mut line = LINE.take();
        line.clear();
        self.begin(&mut line, event.metadata());
        let mut name = self.fields(Part::Event);
        event.record(&mut name);
        let mut own = self.fields(Part::Rest);
        event.record(&mut own);
        name.written
            .iter()
            .for_each(|(_, field)| line.extend_from_slice(field));
        // The nearest value wins: the event's own, then the innermost span's.
        let mut keys: Vec<_> = own.written.iter().map(|(key, _)| *key).collect();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Written(fields)) = span.extensions().get() {
                for (_, field) in fields.iter().filter(|(key, _)| !keys.contains(key)) {
                    line.extend_from_slice(field);
                }
                keys.extend(fields.iter().map(|(key, _)| *key));
            }
        }
        own.written
            .iter()
            .for_each(|(_, field)| line.extend_from_slice(field));
        self.end(&mut line);
        self.lines.push(&line);
        LINE.set(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry::Registry;

    struct Channel(Sender<u8>);

    impl Write for Channel {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            bytes
                .iter()
                .try_for_each(|byte| self.0.send(*byte))
                .unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `log` makes, less their times.
    fn logged(format: LogFormat, log: impl FnOnce()) -> Vec<String> {
        let (sender, bytes) = channel();
        let lines = Lines::to(Channel(sender));
        let subscriber = Subscriber::new(lines.clone(), format, LevelFilter::INFO);
        tracing::subscriber::with_default(Registry::default().with(subscriber), log);
        lines.flush(Duration::from_secs(20));
        let text = String::from_utf8(bytes.try_iter().collect()).unwrap();
        text.lines()
            .map(|line| match format {
                LogFormat::Text => line.splitn(3, ' ').nth(2).unwrap().to_owned(),
                LogFormat::Json => format!("{{{}", &line[line.find("\"level\"").unwrap()..]),
            })
            .collect()
    }

    fn created() {
        let span = tracing::info_span!("request", method = "POST", path = "", requestId = "a b");
        let _entered = span.enter();
        tracing::info!(id = %"0a", size = 5, odd = "\"\n", gone = None::<u64>, "UploadCreated");
        tracing::debug!("too much");
    }

    #[test]
    fn a_line_of_text_has_tusd_s_format() {
        let expected = r#"level=INFO event=UploadCreated method=POST path="" requestId="a b" id=0a size=5 odd="\"\n""#;
        assert_eq!(logged(LogFormat::Text, created), [expected]);
    }

    #[test]
    fn a_line_of_json_is_flat() {
        let expected = r#"{"level":"INFO","msg":"UploadCreated","method":"POST","path":"","requestId":"a b","id":"0a","size":5,"odd":"\"\n"}"#;
        assert_eq!(logged(LogFormat::Json, created), [expected]);
    }

    #[test]
    fn only_errors_of_libraries_are_logged() {
        let lines = logged(LogFormat::Text, || {
            tracing::warn!(target: "h2::proto", "a client sent something odd");
            tracing::error!(target: "h2::proto", "trouble");
        });
        assert_eq!(lines, ["level=ERROR event=trouble"]);
    }

    #[test]
    fn no_key_occurs_twice_in_a_line() {
        let log = || {
            let outer = tracing::info_span!("outer", id = 1, method = "POST");
            let _outer = outer.enter();
            let inner = tracing::info_span!("inner", id = 2, path = "a");
            let _inner = inner.enter();
            tracing::info!(path = "b", size = 3, level = 4, "odd");
            tracing::info!(path = None::<u64>, "plain");
        };
        assert_eq!(
            logged(LogFormat::Text, log),
            [
                "level=INFO event=odd id=2 method=POST path=b size=3",
                "level=INFO event=plain id=2 path=a method=POST"
            ]
        );
        assert_eq!(
            logged(LogFormat::Json, log)[0],
            r#"{"level":"INFO","msg":"odd","id":2,"method":"POST","path":"b","size":3}"#
        );
    }

    #[test]
    fn a_line_of_the_start_has_the_format_of_the_log() {
        let mut text = Vec::new();
        start_line(&mut text, LogFormat::Text, "Using \"a\"");
        let text = String::from_utf8(text).unwrap();
        assert!(text.ends_with(" Using \"a\"\n"), "{text}");
        let mut json = Vec::new();
        start_line(&mut json, LogFormat::Json, "Using \"a\"");
        let json = String::from_utf8(json).unwrap();
        let end = r#""level":"INFO","msg":"Using \"a\""}"#;
        assert!(
            json.starts_with(r#"{"time":""#) && json.trim_end().ends_with(end),
            "{json}"
        );
    }
}
