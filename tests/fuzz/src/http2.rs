use std::collections::BTreeMap;

use crate::connection::{End, converse};
use crate::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, MAX, RST_STREAM, SETTINGS,
    literals, write,
};
use crate::runtime::run;
use crate::world::World;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SEPARATOR: &[u8] = b"\n--\n";

/// A whole connection over HTTP/2: steps between lines of `--`. The first letter of a
/// step is what it does:
///
/// | | |
/// |---|---|
/// | `H1-` | a request on stream 1, whose header lines follow; `e` instead of `-` ends it |
/// | `D1e` | bytes of its body |
/// | `T1e` | trailers |
/// | `F4-` | a frame: the kind, the flags and the stream are the next three bytes |
/// | `R` | bytes that may be no frame |
/// | `W` | the client waits |
pub fn http2(script: &[u8]) {
    let steps = steps(script);
    run(is_answered(&steps));
}

/// Whatever a client does, it gets frames in an order that HTTP/2 allows, and at most one
/// response to each request. A client that breaks no rule gets all responses.
async fn is_answered(steps: &[&[u8]]) {
    let world = World::full().await;
    let pieces = pieces(steps);
    let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
    let talk = converse(&world, &pieces, End::Later).await;
    let streams = in_order(&talk.received);
    if is_orderly(steps) && !streams.contains_key(&0) {
        let (answered, asked) = (streams.len(), talk.methods.len());
        assert!(
            answered >= asked,
            "{answered} answers to {:?}",
            talk.methods
        );
    }
    world.check().await;
}

fn steps(script: &[u8]) -> Vec<&[u8]> {
    let mut steps = Vec::new();
    let mut rest = script;
    while let Some(at) = rest.windows(SEPARATOR.len()).position(|it| it == SEPARATOR) {
        steps.push(&rest[..at]);
        rest = &rest[at + SEPARATOR.len()..];
    }
    steps.push(rest);
    steps
}

/// Whether there are only whole requests.
fn is_orderly(steps: &[&[u8]]) -> bool {
    let mut open = BTreeMap::new();
    steps.iter().all(|step| match step {
        [b'H' | b'D', stream, end @ (b'e' | b'-'), ..] => {
            open.insert(stream, *end == b'-');
            true
        }
        [b'F' | b'R' | b'T' | b'H' | b'D', ..] => false,
        _ => true,
    }) && open.values().all(|is_open| !is_open)
}

/// What is sent before each wait.
fn pieces(steps: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut now = PREFACE.to_vec();
    write(&mut now, SETTINGS, 0, 0, &[]);
    let mut pieces = Vec::new();
    for step in steps {
        match step {
            [b'W', ..] => pieces.push(std::mem::take(&mut now)),
            [b'R', bytes @ ..] => now.extend_from_slice(bytes),
            [b'F', kind, flags, stream, payload @ ..] => {
                write(&mut now, *kind, *flags, number(*stream), payload);
            }
            [b'D', stream, flags, payload @ ..] => {
                write(&mut now, DATA, end(*flags), number(*stream), payload);
            }
            [b'H' | b'T', stream, flags, lines @ ..] => {
                head(&mut now, end(*flags), number(*stream), &literals(lines));
            }
            _ => {}
        }
    }
    pieces.push(now);
    pieces
}

/// A digit is itself, and any other byte the number that it has.
fn number(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        _ => u32::from(byte),
    }
}

fn end(flag: u8) -> u8 {
    match flag {
        b'e' => END_STREAM,
        b'-' => 0,
        other => other,
    }
}

/// Writes a head in as many frames as it takes.
fn head(to: &mut Vec<u8>, flags: u8, stream: u32, block: &[u8]) {
    let (first, mut rest) = block.split_at(block.len().min(MAX));
    let last = |rest: &[u8]| if rest.is_empty() { END_HEADERS } else { 0 };
    write(to, HEADERS, flags | last(rest), stream, first);
    while !rest.is_empty() {
        let (next, after) = rest.split_at(rest.len().min(MAX));
        write(to, CONTINUATION, last(after), stream, next);
        rest = after;
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    Open,
    Ended,
    Reset,
}

/// Follows the server's frames on each stream, with `GOAWAY` on that of the connection.
/// RFC 9113, section 5.1
fn in_order(mut received: &[u8]) -> BTreeMap<u32, State> {
    let mut streams = BTreeMap::<u32, State>::new();
    let mut is_first = true;
    while let Some(frame) = Frame::next(&mut received) {
        assert!(frame.payload.len() <= MAX, "{frame:?} is too long");
        if is_first {
            assert!(
                matches!(frame.kind, SETTINGS | GOAWAY),
                "{frame:?} comes first"
            );
            is_first = false;
        }
        if matches!(frame.kind, HEADERS | DATA | RST_STREAM) {
            let state = streams.entry(frame.stream).or_default();
            *state = after(*state, frame);
        }
        if frame.kind == GOAWAY {
            streams.insert(0, State::Ended);
        }
    }
    streams
}

fn after(state: State, frame: Frame<'_>) -> State {
    // After a whole response, a reset asks the client to stop sending. If it goes on on a
    // stream that has ended, each frame may get another one.
    if frame.kind == RST_STREAM {
        return State::Reset;
    }
    assert_ne!(state, State::Reset, "{frame:?} comes after the reset");
    // A reset may also be the answer to a stream that a client cannot open.
    assert!(
        frame.stream % 2 == 1,
        "{frame:?} is on no stream of a client"
    );
    assert_ne!(state, State::Ended, "{frame:?} comes after the end");
    let is_end = frame.flags & END_STREAM > 0;
    match frame.kind {
        DATA => {
            assert_eq!(state, State::Open, "{frame:?} comes before the head");
            if is_end { State::Ended } else { State::Open }
        }
        _ => {
            // Another head is trailers, which end the stream.
            assert!(state == State::Idle || is_end, "{frame:?} is a second head");
            if is_end { State::Ended } else { State::Open }
        }
    }
}
