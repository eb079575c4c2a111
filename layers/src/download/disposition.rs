//! What a browser is to do with an upload, whose name and type a stranger has chosen.

use headers::ContentType;
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::protocol::Metadata;

/// The types that a browser may show, as tusd has them: none that it would run.
const INLINE: [&str; 16] = [
    "text/plain",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/bmp",
    "image/webp",
    "audio/wave",
    "audio/wav",
    "audio/x-wav",
    "audio/x-pn-wav",
    "audio/webm",
    "audio/ogg",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "application/ogg",
];

/// Longer names are cut: no file system takes them, and some clients no header of them.
const MAX_NAME: usize = 255;

/// All but the `attr-char` of RFC 8187.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The type that the metadata's `filetype` names, where it is one. CRE-06
pub(super) fn content_type(metadata: &Metadata) -> ContentType {
    let named = metadata.get("filetype").and_then(|text| {
        let text = std::str::from_utf8(text).ok()?;
        // The parser takes what other headers may have, such as ranges of types.
        let (kind, subtype) = essence(text).split_once('/')?;
        let strict = is_name(kind) && is_name(subtype) && text.is_ascii();
        strict.then(|| text.parse().ok()).flatten()
    });
    named.unwrap_or_else(ContentType::octet_stream)
}

/// A type less its parameters.
fn essence(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim()
}

/// `restricted-name` of RFC 6838
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// `Content-Disposition`, with the metadata's `filename`.
pub(super) fn disposition(metadata: &Metadata, content_type: &ContentType) -> HeaderValue {
    let text = content_type.to_string();
    let mut disposition = match INLINE.contains(&essence(&text)) {
        true => "inline".to_owned(),
        false => "attachment".to_owned(),
    };
    if let Some(name) = metadata.get("filename").and_then(name) {
        let plain: String = name.chars().map(plain).collect();
        disposition += &format!("; filename=\"{plain}\"");
        if plain != name {
            let encoded = utf8_percent_encode(&name, ENCODED);
            disposition += &format!("; filename*=UTF-8''{encoded}");
        }
    }
    HeaderValue::try_from(disposition).expect("it is visible ASCII and spaces")
}

/// The name of a file: no path, and nothing that cannot be seen. CRE-06
fn name(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let last = text.rsplit(['/', '\\']).next()?;
    let name: String = last
        .chars()
        .filter(|char| !char.is_control())
        .take(MAX_NAME)
        .collect();
    let name = name.trim();
    (!matches!(name, "" | "." | "..")).then(|| name.to_owned())
}

/// What stands for a character between quotes. Not all clients undo what is
/// escaped there, and some undo percent-encoding that nobody did.
const fn plain(char: char) -> char {
    match char {
        '"' | '\\' | '%' => '_',
        ' '..='~' => char,
        _ => '_',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(key: &str, value: &[u8]) -> Metadata {
        Metadata::from_pairs([(key, value)]).unwrap()
    }

    fn named(value: impl AsRef<[u8]>) -> String {
        let metadata = metadata("filename", value.as_ref());
        let value = disposition(&metadata, &content_type(&metadata));
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn only_what_a_browser_does_not_run_is_shown_by_it() {
        for (filetype, shown) in [
            ("text/plain", true),
            ("TEXT/Plain; charset=utf-8", true),
            ("image/png", true),
            ("video/mp4; codecs=\"avc1, mp4a\"", true),
            ("text/html", false),
            ("image/svg+xml", false),
            ("application/pdf", false),
            ("text/plainx", false),
            ("text/html; x=text/plain", false),
            ("", false),
        ] {
            let metadata = metadata("filetype", filetype.as_bytes());
            let value = disposition(&metadata, &content_type(&metadata));
            assert_eq!(
                value,
                if shown { "inline" } else { "attachment" },
                "{filetype}"
            );
        }
    }

    #[test]
    fn a_type_is_what_the_metadata_names_where_that_is_one() {
        for (filetype, expected) in [
            ("image/png", "image/png"),
            ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
            ("application/vnd.a+b", "application/vnd.a+b"),
        ] {
            let metadata = metadata("filetype", filetype.as_bytes());
            assert_eq!(content_type(&metadata).to_string(), expected);
        }
        assert_eq!(content_type(&Metadata::EMPTY), ContentType::octet_stream());
    }

    #[test]
    fn cre_06_what_is_no_type_is_octets() {
        let bad: [&[u8]; 16] = [
            b"",
            b"png",
            b"image/",
            b"/png",
            b"*/*",
            b"image/*",
            b"image/ png",
            b"image/png, text/html",
            b"image/a/b",
            b"text/plain\r\nSet-Cookie: a=b",
            b"text/plain;\r\n x=y",
            b"text/plain; x=\"\r\nSet-Cookie: a=b\"",
            b"text/plain\0",
            b"text/plain; x=\"\x7f\"",
            b"text/\xffplain",
            "text/pl\u{e4}in".as_bytes(),
        ];
        for filetype in bad {
            let found = content_type(&metadata("filetype", filetype));
            let shown = filetype.escape_ascii();
            assert_eq!(found, ContentType::octet_stream(), "{shown}");
        }
    }

    #[test]
    fn a_name_of_plain_ascii_is_as_it_is() {
        for name in ["a.txt", "my file (1).tar.gz", ".profile", "it's;a=b,c"] {
            assert_eq!(named(name), format!("attachment; filename=\"{name}\""));
        }
    }

    #[test]
    fn any_other_name_is_there_twice() {
        for (name, plain, encoded) in [
            ("\u{fc}ber.txt", "_ber.txt", "%C3%BCber.txt"),
            ("\u{4f60}\u{597d}", "__", "%E4%BD%A0%E5%A5%BD"),
            ("100%.txt", "100_.txt", "100%25.txt"),
            ("a\"b\".txt", "a_b_.txt", "a%22b%22.txt"),
        ] {
            let expected = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
            assert_eq!(named(name), expected);
        }
        let not_utf_8 = "attachment; filename=\"a_b\"; filename*=UTF-8''a%EF%BF%BDb";
        assert_eq!(named(b"a\xffb"), not_utf_8);
    }

    #[test]
    fn cre_06_a_name_leads_nowhere_and_ends_no_header() {
        for (name, expected) in [
            ("x\r\nSet-Cookie: a", "xSet-Cookie: a"),
            ("x\0\x1b\x7f\u{85}y", "xy"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\a.txt", "a.txt"),
            ("  a.txt \t", "a.txt"),
        ] {
            assert_eq!(named(name), format!("attachment; filename=\"{expected}\""));
        }
        for name in ["", " ", "..", ".", "a/", "a/..", "\r\n"] {
            assert_eq!(named(name), "attachment", "{name:?}");
        }
        assert!(named("\"\u{fc}".repeat(9_999)).len() < 2_000);
    }
}
