//! Parses the media type of an upload, as its client named it.

use headers::ContentType;

use crate::protocol::Metadata;

/// The types that browsers may display, the same as in tusd: none that they would
/// run.
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

/// Parts of the names of all types that browsers run as scripts. An upload with such
/// a type could be loaded as a script from the server's own origin.
const SCRIPTS: [&str; 5] = [
    "javascript",
    "ecmascript",
    "jscript",
    "livescript",
    "vbscript",
];

/// Longer types are not in use, and would bloat the headers of every response.
const MAX_TYPE: usize = 256;

/// Returns the type in the metadata's `filetype`, or `application/octet-stream` if
/// that is no media type.
// CRE-06
pub(super) fn named_type(metadata: &Metadata) -> ContentType {
    let named = metadata.get("filetype").and_then(|text| {
        let text = std::str::from_utf8(text).ok()?;
        if text.len() > MAX_TYPE {
            return None;
        }
        // The parser also accepts what other headers may have, such as media ranges.
        let (kind, subtype) = essence(text).split_once('/')?;
        let strict = is_name(kind) && is_name(subtype) && text.is_ascii();
        strict.then(|| text.parse().ok()).flatten()
    });
    named.unwrap_or_else(ContentType::octet_stream)
}

/// Returns a type without its parameters.
fn essence(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim()
}

/// Whether this is a `restricted-name` of RFC 6838.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.bytes().all(allowed)
}

pub(super) fn is_inline(content_type: &ContentType) -> bool {
    INLINE.contains(&essence(&content_type.to_string()))
}

pub(super) fn is_script(content_type: &ContentType) -> bool {
    let text = content_type.to_string();
    SCRIPTS.iter().any(|name| essence(&text).contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_type(filetype: &[u8]) -> String {
        let metadata = Metadata::from_pairs([("filetype", filetype)]).unwrap();
        named_type(&metadata).to_string()
    }

    #[test]
    fn a_type_is_what_the_metadata_names_where_that_is_one() {
        for (filetype, expected) in [
            ("image/png", "image/png"),
            ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
            ("application/vnd.a+b", "application/vnd.a+b"),
        ] {
            assert_eq!(content_type(filetype.as_bytes()), expected);
        }
        assert_eq!(named_type(&Metadata::EMPTY), ContentType::octet_stream());
    }

    #[test]
    fn a_type_has_at_most_256_bytes() {
        let begin = "video/mp4; codecs=";
        for (bytes, kept) in [(256, true), (257, false), (60_000, false)] {
            let filetype = format!("{begin}{}", "x".repeat(bytes - begin.len()));
            let found = content_type(filetype.as_bytes());
            assert_eq!(found == filetype, kept, "{bytes}");
            assert!(kept || found == "application/octet-stream", "{bytes}");
        }
    }

    #[test]
    fn cre_06_what_is_no_type_is_octets() {
        let bad: [&[u8]; 23] = [
            b"",
            b"png",
            b"image/",
            b"/png",
            b"*/*",
            b"image/*",
            b"image/ png",
            b"image/png, text/html",
            b"image/a/b",
            b"-image/png",
            b"image/+png",
            b"text/plain; charset",
            b"text/plain; =x",
            b"text/plain; a=b c",
            b"text/plain; a=\"b",
            b"text/plain, image/png",
            b"text/plain\r\nSet-Cookie: a=b",
            b"text/plain;\r\n x=y",
            b"text/plain; x=\"\r\nSet-Cookie: a=b\"",
            b"text/plain\0",
            b"text/plain; x=\"\x7f\"",
            b"text/\xffplain",
            "text/pl\u{e4}in".as_bytes(),
        ];
        for filetype in bad {
            let shown = filetype.escape_ascii();
            assert_eq!(
                content_type(filetype),
                "application/octet-stream",
                "{shown}"
            );
        }
    }
}
