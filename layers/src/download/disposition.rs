//! Tells browsers how to treat an upload whose name and type an untrusted client has
//! chosen.

use headers::{ContentType, HeaderMapExt};
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::media_type::{is_inline, is_script, named_type};
use crate::protocol::Metadata;

/// Maximum length of a name in characters. Longer ones are truncated: no file system
/// accepts them, and some clients do not accept such a header.
const MAX_NAME: usize = 255;

/// Everything except the `attr-char` of RFC 8187.
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

/// Writes the headers that tell browsers how to treat an upload, and returns its
/// type. What the operator has `chosen` comes before the metadata.
pub(super) fn describe(
    headers: &mut HeaderMap,
    metadata: &Metadata,
    chosen: &HeaderMap,
) -> ContentType {
    let chosen_type: Option<ContentType> = chosen.typed_get();
    let is_chosen = chosen_type.is_some();
    let named = chosen_type.unwrap_or_else(|| named_type(metadata));
    let kind = kind(chosen, &named);
    // The client has chosen the bytes, and browsers must not guess another type.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !kind.to_ascii_lowercase().starts_with("attachment") {
        let sandbox = HeaderValue::from_static("sandbox");
        headers.insert(CONTENT_SECURITY_POLICY, sandbox);
    }
    headers.insert(CONTENT_DISPOSITION, disposition(kind, metadata));
    let content_type = match is_script(&named) && !is_chosen {
        true => ContentType::text(),
        false => named,
    };
    headers.typed_insert(content_type.clone());
    content_type
}

/// Returns whether browsers save the upload or show it, perhaps with a name.
fn kind<'a>(chosen: &'a HeaderMap, content_type: &ContentType) -> &'a str {
    let chosen = chosen.get(CONTENT_DISPOSITION);
    match chosen.and_then(|chosen| chosen.to_str().ok()) {
        Some(chosen) => chosen,
        None if is_inline(content_type) => "inline",
        None => "attachment",
    }
}

/// Returns `Content-Disposition`, with the metadata's `filename` unless it has a name.
fn disposition(kind: &str, metadata: &Metadata) -> HeaderValue {
    let mut disposition = kind.to_owned();
    if let Some(name) = metadata.get("filename").and_then(name)
        && !kind.contains(';')
    {
        let plain: String = name.chars().map(plain).collect();
        disposition += &format!("; filename=\"{plain}\"");
        if plain != name {
            let encoded = utf8_percent_encode(&name, ENCODED);
            disposition += &format!("; filename*=UTF-8''{encoded}");
        }
    }
    HeaderValue::try_from(disposition).expect("it is visible ASCII and spaces")
}

/// Returns the name of a file without its path and without invisible characters.
// CRE-06
fn name(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let last = text.rsplit(['/', '\\']).next()?;
    let name: String = last
        .chars()
        .filter(|&char| !char.is_control() && !is_bidi_control(char))
        .take(MAX_NAME)
        .collect();
    let name = name.trim();
    (!matches!(name, "" | "." | "..")).then(|| name.to_owned())
}

/// Whether the character changes the direction of text: it can make the name of a
/// program look like that of a picture.
const fn is_bidi_control(char: char) -> bool {
    matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Replaces a character that is unsafe between quotes. Some clients do not decode
/// escapes there, and some decode percent-encoding that was never applied.
const fn plain(char: char) -> char {
    match char {
        '"' | '\\' | '%' => '_',
        ' '..='~' => char,
        _ => '_',
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use http::header::CONTENT_TYPE;

    use super::*;

    fn metadata(key: &str, value: &[u8]) -> Metadata {
        Metadata::from_pairs([(key, value)]).unwrap()
    }

    /// Returns the headers of an upload with this one pair of metadata.
    fn described(key: &str, value: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let content_type = describe(&mut headers, &metadata(key, value), &HeaderMap::new());
        assert_eq!(headers.typed_get(), Some(content_type));
        headers
    }

    /// Returns the type and the disposition that come of these, and whether a browser
    /// may show the upload outside a sandbox.
    fn chosen(pairs: &[(HeaderName, &'static str)]) -> (String, String, bool) {
        let pairs = pairs.iter().cloned();
        let pairs = pairs.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let metadata = [("filename", "a.js"), ("filetype", "text/javascript")];
        let metadata = Metadata::from_pairs(metadata).unwrap();
        let mut headers = HeaderMap::new();
        describe(&mut headers, &metadata, &pairs.collect());
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        let text = |name| headers[name].to_str().unwrap().to_owned();
        let is_free = !headers.contains_key(CONTENT_SECURITY_POLICY);
        (text(CONTENT_TYPE), text(CONTENT_DISPOSITION), is_free)
    }

    #[test]
    fn what_the_operator_has_chosen_comes_before_what_the_client_says() {
        let saved = "attachment; filename=\"a.js\"";
        for (content_type, disposition, expected) in [
            ("", "", ("text/plain", saved, true)),
            ("text/html", "", ("text/html", saved, true)),
            (
                "application/javascript",
                "",
                ("application/javascript", saved, true),
            ),
            (
                "image/png",
                "",
                ("image/png", "inline; filename=\"a.js\"", false),
            ),
            (
                "image/png",
                "Attachment",
                ("image/png", "Attachment; filename=\"a.js\"", true),
            ),
            (
                "text/html",
                "inline; filename=b",
                ("text/html", "inline; filename=b", false),
            ),
            ("no type", "", ("text/plain", saved, true)),
        ] {
            let pairs = [
                (CONTENT_TYPE, content_type),
                (CONTENT_DISPOSITION, disposition),
            ];
            let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
            let (found_type, found, is_free) = chosen(&pairs.collect::<Vec<_>>());
            assert_eq!((&*found_type, &*found, is_free), expected);
        }
    }

    fn named(value: impl AsRef<[u8]>) -> String {
        let headers = described("filename", value.as_ref());
        let value = headers[CONTENT_DISPOSITION].to_str();
        value.unwrap().to_owned()
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
            let headers = described("filetype", filetype.as_bytes());
            let sandbox = headers.get(CONTENT_SECURITY_POLICY);
            let sandbox = sandbox.map(|policy| policy.to_str().unwrap());
            let (how, policy) = match shown {
                true => ("inline", Some("sandbox")),
                false => ("attachment", None),
            };
            assert_eq!(headers[CONTENT_DISPOSITION], how, "{filetype}");
            assert_eq!(sandbox, policy, "{filetype}");
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }

    #[test]
    fn a_script_is_given_out_as_text_and_not_shown() {
        for filetype in [
            "text/javascript",
            "Text/JavaScript; charset=utf-8",
            "application/javascript",
            "application/x-javascript",
            "text/javascript1.5",
            "application/ecmascript",
            "text/x-ecmascript",
            "text/jscript",
            "text/livescript",
            "text/vbscript",
        ] {
            let headers = described("filetype", filetype.as_bytes());
            assert_eq!(headers[CONTENT_TYPE], "text/plain", "{filetype}");
            assert_eq!(headers[CONTENT_DISPOSITION], "attachment", "{filetype}");
        }
        for other in [
            "application/postscript",
            "text/x-typescript",
            "text/plain; x=javascript",
            "text/html",
        ] {
            let headers = described("filetype", other.as_bytes());
            assert_eq!(headers[CONTENT_TYPE], other);
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
    fn no_character_turns_the_direction_of_a_name() {
        // The name of a program, displayed like that of a picture.
        assert_eq!(named("\u{202e}gpj.exe"), "attachment; filename=\"gpj.exe\"");
        let controls = ('\u{202a}'..='\u{202e}')
            .chain('\u{2066}'..='\u{2069}')
            .chain(['\u{200e}', '\u{200f}', '\u{61c}']);
        for control in controls {
            let name = format!("{control}a{control}b.txt{control}");
            let shown = control.escape_unicode();
            assert_eq!(named(name), "attachment; filename=\"ab.txt\"", "{shown}");
            assert_eq!(named(control.to_string()), "attachment", "{shown}");
        }
        // Letters of right-to-left scripts are kept.
        let hebrew = "attachment; filename=\"__.txt\"; filename*=UTF-8''%D7%90%D7%91.txt";
        assert_eq!(named("\u{5d0}\u{5d1}.txt"), hebrew);
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
