//! Turns events and spans into lines.

use std::cell::Cell;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata};
use tracing_core::span::Current;

use super::fields::{Fields, Recorder};
use super::lines::Lines;
use super::quote;
use super::spans::{self, Span, Spans};
use super::time::Clock;
use crate::flags::LogFormat;

/// Writes a line for each event: its time, level and name, the fields of the spans
/// around it, and its own fields. No key occurs twice.
///
/// The fields of a span are those that it is created with, and formatted once.
pub(super) struct Subscriber {
    lines: Lines,
    format: LogFormat,
    level: LevelFilter,
    spans: Spans,
}

/// What a thread needs for a line, kept for the next one.
#[derive(Default)]
struct Scratch {
    line: String,
    own: Fields,
    clock: Clock,
}

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::default();
}

impl Scratch {
    /// Takes the thread's own, because writing a field may log something itself.
    fn take() -> Self {
        SCRATCH.try_with(Cell::take).unwrap_or_default()
    }

    fn keep(mut self) {
        self.line.clear();
        self.own.clear();
        // A thread that ends keeps nothing.
        let _ = SCRATCH.try_with(|kept| kept.set(self));
    }
}

/// Writes a line of the start, which has no fields.
pub(super) fn start_line(line: &mut String, format: LogFormat, text: &str) {
    let mut clock = Clock::default();
    match format {
        LogFormat::Text => {
            clock.write(format, line);
            line.push(' ');
            line.push_str(text);
        }
        LogFormat::Json => {
            begin(line, format, &mut clock, "INFO");
            line.push_str(",\"msg\":");
            let start = line.len();
            line.push_str(text);
            quote::value(line, start, format);
        }
    }
    end(line, format);
}

/// Begins a line with its time and its level.
fn begin(line: &mut String, format: LogFormat, clock: &mut Clock, level: &str) {
    let (before, behind, end) = match format {
        LogFormat::Text => ("", " level=", ""),
        LogFormat::Json => ("{\"time\":\"", "\",\"level\":\"", "\""),
    };
    line.push_str(before);
    clock.write(format, line);
    [behind, level, end]
        .iter()
        .for_each(|part| line.push_str(part));
}

fn end(line: &mut String, format: LogFormat) {
    line.push_str(match format {
        LogFormat::Text => "\n",
        LogFormat::Json => "}\n",
    });
}

impl Subscriber {
    pub(super) fn new(lines: Lines, format: LogFormat, level: LevelFilter) -> Self {
        Self {
            lines,
            format,
            level,
            spans: Spans::default(),
        }
    }

    /// The span that an event or another span is in.
    fn around(&self, parent: Option<&Id>, is_contextual: bool) -> Option<Span> {
        match parent {
            Some(parent) => self.spans.get(parent),
            None if is_contextual => spans::current().map(|(_, span)| span),
            None => None,
        }
    }
}

impl tracing::Subscriber for Subscriber {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.enabled(metadata) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.target().starts_with("tower_tus");
        match ours {
            // An error has the fields of its request, whatever the level of those is.
            true if metadata.is_span() => true,
            true => *metadata.level() <= self.level,
            // Lines of the HTTP libraries only help to debug them, and any client can
            // cause their warnings.
            false => *metadata.level() <= LevelFilter::ERROR,
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // Spans have this level.
        Some(self.level.max(LevelFilter::INFO))
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut scratch = Scratch::take();
        let fields = &mut scratch.own;
        attributes.record(&mut Recorder {
            format: self.format,
            line: None,
            fields,
        });
        let outer = self.around(attributes.parent(), attributes.is_contextual());
        if let Some(outer) = outer {
            fields.inherit(&outer.fields);
        }
        let span = Span {
            metadata: attributes.metadata(),
            fields: Arc::new(fields.clone()),
        };
        scratch.keep();
        self.spans.open(span)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut scratch = Scratch::take();
        let Scratch { line, own, clock } = &mut scratch;
        begin(line, self.format, clock, event.metadata().level().as_str());
        event.record(&mut Recorder {
            format: self.format,
            line: Some(line),
            fields: own,
        });
        if let Some(span) = self.around(event.parent(), event.is_contextual()) {
            span.fields.write_unless_in(own, line);
        }
        line.push_str(own.as_str());
        end(line, self.format);
        self.lines.push(line);
        scratch.keep();
    }

    fn enter(&self, id: &Id) {
        if let Some(span) = self.spans.get(id) {
            spans::enter(id, span);
        }
    }

    fn exit(&self, id: &Id) {
        spans::exit(id);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.spans.hold(id);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        self.spans.release(&id)
    }

    fn current_span(&self) -> Current {
        match spans::current() {
            Some((id, span)) => Current::new(id, span.metadata),
            None => Current::none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Write};
    use std::sync::mpsc::{Sender, channel};
    use std::thread;
    use std::time::Duration;

    use tracing::{Instrument, Span as Handle};

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
        logged_at(LevelFilter::INFO, format, log)
    }

    fn logged_at(level: LevelFilter, format: LogFormat, log: impl FnOnce()) -> Vec<String> {
        let (sender, bytes) = channel();
        let lines = Lines::to(Channel(sender));
        let subscriber = Subscriber::new(lines.clone(), format, level);
        tracing::subscriber::with_default(subscriber, log);
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
    fn an_error_has_the_fields_of_its_request_even_if_only_errors_are_logged() {
        let log = || {
            let span = tracing::info_span!("request", method = "POST");
            let _entered = span.enter();
            tracing::info!("RequestIncoming");
            tracing::warn!("odd");
            tracing::error!("InternalServerError");
        };
        let lines = logged_at(LevelFilter::ERROR, LogFormat::Text, log);
        assert_eq!(lines, ["level=ERROR event=InternalServerError method=POST"]);
        let lines = logged_at(LevelFilter::WARN, LogFormat::Text, log);
        assert_eq!(lines.len(), 2, "{lines:?}");
    }

    #[test]
    fn a_span_is_that_of_whoever_is_in_it_on_any_thread() {
        let log = || {
            let span = tracing::info_span!("request", n = 1);
            let work = async { tracing::info!("inside") }.instrument(span.clone());
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _default = tracing::dispatcher::set_default(&dispatch);
                    tracing::info!("outside");
                    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                    assert!(std::pin::pin!(work).poll(&mut context).is_ready());
                    tracing::info!("outside");
                });
            });
            tracing::info!("outside");
            span.in_scope(|| {
                assert_eq!(Handle::current().id(), span.id());
                Handle::current().in_scope(|| tracing::info!("inside"));
            });
            assert!(Handle::current().is_none());
        };
        let expected = ["outside", "inside n=1", "outside", "outside", "inside n=1"];
        let expected = expected.map(|line| format!("level=INFO event={line}"));
        assert_eq!(logged(LogFormat::Text, log), expected);
    }

    #[test]
    fn an_event_can_name_the_span_that_it_belongs_to() {
        let log = || {
            let outer = tracing::info_span!("outer", n = 1);
            let _outer = outer.enter();
            let other = tracing::info_span!(parent: None, "other", n = 2);
            let child = tracing::info_span!(parent: &other, "child", m = 3);
            // A child keeps the fields of its parent.
            drop(other);
            tracing::info!(parent: &child, "there");
            tracing::info!(parent: None, "nowhere");
            tracing::info!("here");
        };
        let expected = ["there m=3 n=2", "nowhere", "here n=1"];
        let expected = expected.map(|line| format!("level=INFO event={line}"));
        assert_eq!(logged(LogFormat::Text, log), expected);
    }

    #[test]
    fn a_line_of_the_start_has_the_format_of_the_log() {
        let mut text = String::new();
        start_line(&mut text, LogFormat::Text, "Using \"a\"");
        assert!(text.ends_with(" Using \"a\"\n"), "{text}");
        let mut json = String::new();
        start_line(&mut json, LogFormat::Json, "Using \"a\"");
        let end = r#""level":"INFO","msg":"Using \"a\""}"#;
        assert!(
            json.starts_with(r#"{"time":""#) && json.trim_end().ends_with(end),
            "{json}"
        );
    }
}
