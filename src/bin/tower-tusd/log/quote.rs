//! Text behind `key=`, in the form of Go's `slog`.

use std::io::Write;

/// Appends `text`, in quotes where it would be ambiguous.
pub(super) fn write(text: &str, line: &mut Vec<u8>) {
    if text.is_empty() || text.chars().any(needs_quotes) {
        write_quoted(text, line);
    } else {
        line.extend_from_slice(text.as_bytes());
    }
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
fn write_quoted(text: &str, line: &mut Vec<u8>) {
    line.push(b'"');
    for char in text.chars() {
        // Writing to a vector cannot fail.
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
    line.push(b'"');
}

fn is_printable(char: char) -> bool {
    // It escapes exactly the characters that are not printable, and `'`.
    char == '\'' || char.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_is_quoted_where_go_quotes_it() {
        for (text, written) in [
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
            let mut line = Vec::new();
            super::write(text, &mut line);
            assert_eq!(String::from_utf8(line).unwrap(), written, "{text:?}");
        }
    }
}
