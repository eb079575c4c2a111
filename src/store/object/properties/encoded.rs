//! Texts of any characters in headers: the encoded words of RFC 2047, which S3 itself
//! uses for metadata.

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// The most bytes in one word, which has at most 75 characters.
const MOST: usize = 45;

/// Writes a text so that a header can have it, unchanged if it can.
pub(super) fn encoded(text: &str) -> String {
    if is_plain(text) && !text.contains("=?") {
        return text.to_owned();
    }
    let (mut words, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (word, others) = rest.split_at(end_of_word(rest));
        words.push(format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(word)));
        rest = others;
    }
    words.join(" ")
}

/// Returns how many bytes go into the next word, which ends with a character.
fn end_of_word(text: &str) -> usize {
    let ends = (1..=MOST.min(text.len())).rev();
    let mut ends = ends.filter(|end| text.is_char_boundary(*end));
    ends.next().unwrap_or(text.len())
}

/// Whether a header can have this text, and every server signs it as we do: some change
/// spaces at an end, or several in a row.
pub(super) fn is_plain(text: &str) -> bool {
    let is_visible = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_visible && text.trim() == text && !text.contains("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> String {
        let words = text.split(' ').map(|word| {
            assert!(word.len() <= 75, "{word}");
            let word = word.strip_prefix("=?UTF-8?B?").unwrap();
            let word = BASE64_STANDARD.decode(word.strip_suffix("?=").unwrap());
            String::from_utf8(word.unwrap()).unwrap()
        });
        words.collect()
    }

    #[test]
    fn a_text_that_headers_can_have_stays_as_it_is() {
        for text in ["", "a", "a b.txt", "=a?", "~!\"%"] {
            assert_eq!(encoded(text), text);
        }
    }

    #[test]
    fn all_others_can_be_read_again() {
        let long = "ä€😀".repeat(50);
        for text in [
            "ä",
            "a\nb",
            " a",
            "a  b",
            "a\0",
            "\u{7f}",
            "=?UTF-8?B?YQ==?=",
            &long,
        ] {
            let encoded = encoded(text);
            assert!(is_plain(&encoded), "{encoded}");
            assert_eq!(decoded(&encoded), text);
        }
        assert_eq!(encoded("Zoë"), "=?UTF-8?B?Wm/Dqw==?=");
    }
}
