//! Text, written like Go.

use std::borrow::Cow;
use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// Converts bytes to text, with U+FFFD for each invalid byte.
pub(in crate::hooks) fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text.into()
}

/// Returns the beginning of a hook's output, on one line for the log.
pub(in crate::hooks) fn excerpt(bytes: &[u8]) -> String {
    const ENOUGH: usize = 1024;
    match bytes.get(..ENOUGH) {
        Some(begin) => format!("{:?}...", text(begin)),
        None => format!("{:?}", text(bytes)),
    }
}

/// Serializes strings, numbers and maps like Go.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut json = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut json, Go))
        .expect("strings, numbers and maps serialize to JSON");
    json
}

/// Compact JSON, escaped for use within HTML and JavaScript.
struct Go;

impl Formatter for Go {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        for piece in fragment.split_inclusive(is_escaped) {
            let last = piece.chars().next_back().filter(|&last| is_escaped(last));
            let plain = piece.len() - last.map_or(0, char::len_utf8);
            writer.write_all(&piece.as_bytes()[..plain])?;
            if let Some(last) = last {
                write!(writer, "\\u{:04x}", u32::from(last))?;
            }
        }
        Ok(())
    }
}

const fn is_escaped(char: char) -> bool {
    matches!(char, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_html_could_take_for_its_own_is_escaped() {
        let json = json(&"<b>\u{2028}a & \"b\"\u{2029}\n\u{1}\u{e4}</b>");
        let expected = r#""\u003cb\u003e\u2028a \u0026 \"b\"\u2029\n\u0001ä\u003c/b\u003e""#;
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }

    #[test]
    fn each_byte_that_is_no_text_is_replaced() {
        assert_eq!(text("a\u{e4}".as_bytes()), "a\u{e4}");
        // The first two bytes of a three-byte character.
        assert_eq!(text(b"a\xe2\x82b\xff"), "a\u{fffd}\u{fffd}b\u{fffd}");
    }
}
