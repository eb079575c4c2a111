//! From events and spans to lines.

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

/// Writes a line for each event: its time, level and name, the fields of the
/// spans around it, and its own.
pub(super) struct Subscriber {
    lines: Lines,
    format: LogFormat,
    level: LevelFilter,
}

/// The fields of a span, written once.
struct Written(Vec<u8>);

impl Subscriber {
    pub(super) const fn new(lines: Lines, format: LogFormat, level: LevelFilter) -> Self {
        Self {
            lines,
            format,
            level,
        }
    }

    const fn fields<'a>(&self, line: &'a mut Vec<u8>, part: Part) -> Fields<'a> {
        Fields {
            line,
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
        // What the HTTP libraries have to say is for those who debug them.
        let ours = metadata.target().starts_with("tower_tus");
        let level = match ours {
            true => self.level,
            false => LevelFilter::WARN,
        };
        *metadata.level() <= level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut written = Vec::with_capacity(64);
        attributes.record(&mut self.fields(&mut written, Part::Rest));
        span.extensions_mut().insert(Written(written));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        thread_local! {
            static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
        }
        // Taken, because what is written may log something of its own.
        let mut line = LINE.take();
        line.clear();
        self.begin(&mut line, event.metadata());
        event.record(&mut self.fields(&mut line, Part::Event));
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Written(fields)) = span.extensions().get() {
                line.extend_from_slice(fields);
            }
        }
        event.record(&mut self.fields(&mut line, Part::Rest));
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
    fn a_line_of_text_is_tusd_s() {
        let expected = r#"level=INFO event=UploadCreated method=POST path="" requestId="a b" id=0a size=5 odd="\"\n""#;
        assert_eq!(logged(LogFormat::Text, created), [expected]);
    }

    #[test]
    fn a_line_of_json_is_flat() {
        let expected = r#"{"level":"INFO","msg":"UploadCreated","method":"POST","path":"","requestId":"a b","id":"0a","size":5,"odd":"\"\n"}"#;
        assert_eq!(logged(LogFormat::Json, created), [expected]);
    }

    #[test]
    fn libraries_are_heard_when_they_warn() {
        let lines = logged(LogFormat::Text, || {
            tracing::info!(target: "h2::proto", "chatter");
            tracing::warn!(target: "h2::proto", "trouble");
        });
        assert_eq!(lines, ["level=WARN event=trouble"]);
    }
}
