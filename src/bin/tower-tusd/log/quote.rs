//! Values behind their keys: text in the form of Go's `slog`, or as JSON.

use std::fmt::Write;

use crate::flags::LogFormat;

/// Quotes what follows `start`: in JSON always, in a line of text where it would be
/// ambiguous.
pub(super) fn value(line: &mut String, start: usize, format: LogFormat) {
    match format {
        LogFormat::Text => text(line, start),
        LogFormat::Json => json(line, start),
    }
}

fn text(line: &mut String, start: usize) {
    let value = &line[start..];
    // Most values, without a look at the properties of each character. Both folds look at
    // every byte, because the compiler then makes them look at many at once.
    let plain = value.bytes().fold(true, |all, byte| all & is_plain(byte));
    if value.is_empty() || !plain && value.chars().any(needs_quotes) {
        let value = line.split_off(start);
        write_quoted(&value, line);
    }
}

fn json(line: &mut String, start: usize) {
    let escapes = |byte| matches!(byte, 0..=0x1f | b'"' | b'\\');
    let value = &line[start..];
    if value.bytes().fold(false, |any, byte| any | escapes(byte)) {
        let value = line.split_off(start);
        line.push_str(&serde_json::to_string(&value).expect("a string can be JSON"));
        return;
    }
    line.insert(start, '"');
    line.push('"');
}

/// Whether a byte is a character that needs no quotes. Others may need none either.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && byte != b'=' && byte != b'"'
}

fn needs_quotes(char: char) -> bool {
    match char {
        ' ' | '=' | '"' | char::REPLACEMENT_CHARACTER => true,
        // Go's table calls these safe.
        '\\' | '\u{7f}' => false,
        char => !is_printable(char),
    }
}

/// Quotes like Go's `strconv.Quote`: on one line, whatever the text contains.
fn write_quoted(text: &str, line: &mut String) {
    line.push('"');
    for char in text.chars() {
        // Writing to a string cannot fail.
        let _ = match char {
            '"' | '\\' => write!(line, "\\{char}"),
            '\x07' => write!(line, "\\a"),
            '\x08' => write!(line, "\\b"),
            '\x0c' => write!(line, "\\f"),
            '\n' => write!(line, "\\n"),
            '\r' => write!(line, "\\r"),
            '\t' => write!(line, "\\t"),
            '\x0b' => write!(line, "\\v"),
            char if is_printable(char) => write!(line, "{char}"),
            char @ '\0'..='\x7f' => write!(line, "\\x{:02x}", u32::from(char)),
            char @ '\u{80}'..='\u{ffff}' => write!(line, "\\u{:04x}", u32::from(char)),
            char => write!(line, "\\U{:08x}", u32::from(char)),
        };
    }
    line.push('"');
}

fn is_printable(char: char) -> bool {
    // It escapes exactly the characters that are not printable, and `'`.
    char == '\'' || char.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value behind its key.
    fn written(text: &str, format: LogFormat) -> String {
        let mut line = "key=".to_owned();
        line.push_str(text);
        value(&mut line, 4, format);
        line.strip_prefix("key=").unwrap().to_owned()
    }

    #[test]
    fn text_is_quoted_where_go_quotes_it() {
        for (text, expected) in [
            ("POST", "POST"),
            ("", r#""""#),
            ("a/b-c_d.e,f:1", "a/b-c_d.e,f:1"),
            (r"a\b", r"a\b"),
            ("it's", "it's"),
            ("\u{e4}\u{6f22}", "\u{e4}\u{6f22}"),
            ("a b", r#""a b""#),
            ("a=b", r#""a=b""#),
            (r#"a"b"#, r#""a\"b""#),
            ("a \\", r#""a \\""#),
            ("one\ntwo\r\n", r#""one\ntwo\r\n""#),
            ("\x1b[31m", r#""\x1b[31m""#),
            ("\u{fffd}", "\"\u{fffd}\""),
            ("\u{2028}\u{feff}", r#""\u2028\ufeff""#),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            assert_eq!(written(text, LogFormat::Text), expected, "{text:?}");
        }
    }

    #[test]
    fn every_character_is_quoted_in_text_as_if_there_were_no_shortcut() {
        for char in '\0'..='\u{17f}' {
            let quoted = written(&char.to_string(), LogFormat::Text).starts_with('"');
            assert_eq!(quoted, needs_quotes(char), "{char:?}");
        }
    }

    #[test]
    fn json_is_what_serde_makes_of_it() {
        for char in '\0'..='\u{17f}' {
            let text = format!("a{char}b");
            let expected = serde_json::to_string(&text).unwrap();
            assert_eq!(written(&text, LogFormat::Json), expected);
        }
        assert_eq!(written("", LogFormat::Json), r#""""#);
    }
}
