use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{Engine, alphabet};
use bytes::Bytes;
use headers::Header;
use http::{HeaderName, HeaderValue};

use super::Strictness;
use super::header::UPLOAD_METADATA;

/// `Upload-Metadata`: pairs of a key and a value, and the exact text of the
/// header.
///
/// HEAD returns the header exactly as the client sent it, so the text is kept
/// with the pairs. Cloning is cheap.
///
/// ```
/// use tower_tus_layers::protocol::Metadata;
///
/// let metadata = Metadata::parse(b"filename d29ybGQucGRm, hash /w==, is_confidential")?;
/// assert_eq!(metadata.filename(), Some("world.pdf"));
/// assert_eq!(metadata.get_str("is_confidential"), Some(""));
/// assert_eq!(metadata.get("hash"), Some(&b"\xff"[..]));
/// # Ok::<_, tower_tus_layers::protocol::InvalidMetadata>(())
/// ```
// CRE-12
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata(Option<Arc<Parsed>>);

#[derive(PartialEq, Eq)]
struct Parsed {
    raw: HeaderValue,
    pairs: Vec<(Box<str>, Bytes)>,
}

impl Metadata {
    /// Metadata without pairs.
    pub const EMPTY: Self = Self(None);

    /// Parses the text of the header.
    ///
    /// Accepts white space around commas. An empty or blank text has no pairs.
    /// Takes time linear in the length of the text.
    ///
    /// # Errors
    ///
    /// If a key is empty, repeated or not visible ASCII, or a value is not
    /// base64.
    // CRE-04
    pub fn parse(raw: &[u8]) -> Result<Self, InvalidMetadata> {
        Self::read(raw, Strictness::Strict)
    }

    /// Parses the text leniently, like tusd: accepts keys beyond ASCII, leaves
    /// out malformed pairs, and keeps the last of several pairs with the same
    /// key.
    ///
    /// [`raw`](Self::raw) is then the text without the malformed pairs, byte
    /// for byte. In keys that are not UTF-8, U+FFFD replaces each invalid byte.
    ///
    /// ```
    /// use tower_tus_layers::protocol::Metadata;
    ///
    /// let metadata = Metadata::parse_lenient(b"a YQ==,b !!!,a Yg==,,c");
    /// assert_eq!(metadata.raw().unwrap(), "a Yg==,c");
    /// ```
    #[must_use]
    pub fn parse_lenient(raw: &[u8]) -> Self {
        Self::read(raw, Strictness::Lenient).unwrap_or_else(|_| {
            let mut keys = HashSet::new();
            let elements = raw.rsplit(|&byte| byte == b',').map(<[u8]>::trim_ascii);
            let mut kept: Vec<_> = elements
                .filter(|element| {
                    let pair = Pair::read(element, Strictness::Lenient);
                    pair.is_ok_and(|pair| keys.insert(pair.key))
                })
                .collect();
            kept.reverse();
            Self::read(&kept.join(&b','), Strictness::Lenient).unwrap_or_default()
        })
    }

    fn read(raw: &[u8], strictness: Strictness) -> Result<Self, InvalidMetadata> {
        if raw.trim_ascii().is_empty() {
            return Ok(Self::EMPTY);
        }
        let elements = raw.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        let pairs: Result<Vec<_>, _> = elements.map(|it| Pair::read(it, strictness)).collect();
        let pairs = pairs?;
        let keys: HashSet<_> = pairs.iter().map(|pair| pair.key).collect();
        if keys.len() < pairs.len() {
            return Err(InvalidMetadata(()));
        }
        let raw = HeaderValue::from_bytes(raw).map_err(|_| InvalidMetadata(()))?;
        let pairs = pairs.into_iter().map(|pair| (text(pair.key), pair.value));
        let pairs = pairs.collect();
        Ok(Self(Some(Arc::new(Parsed { raw, pairs }))))
    }

    /// Joins the lines of a header, because a list may be sent in several.
    pub(crate) fn joined<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> Vec<u8> {
        let lines: Vec<_> = lines.into_iter().map(HeaderValue::as_bytes).collect();
        lines.join(&b',')
    }

    /// Creates metadata from pairs, and writes its text. Keys beyond ASCII are
    /// accepted and written in UTF-8, although a strict server rejects them
    /// from clients.
    ///
    /// # Errors
    ///
    /// If a key is empty, repeated, or contains a space, a comma or a control
    /// character.
    pub fn from_pairs<K, V>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, InvalidMetadata>
    where
        K: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let mut raw = String::new();
        for (key, value) in pairs {
            let (key, value) = (key.as_ref(), value.as_ref());
            if !is_key(key.as_bytes(), Strictness::Lenient) {
                return Err(InvalidMetadata(()));
            }
            if !raw.is_empty() {
                raw.push(',');
            }
            raw.push_str(key);
            if !value.is_empty() {
                raw.push(' ');
                STANDARD.encode_string(value, &mut raw);
            }
        }
        Self::read(raw.as_bytes(), Strictness::Lenient)
    }

    /// Returns the decoded value of `key`, which may be any bytes.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.iter()
            .find_map(|(known, value)| (known == key).then_some(value))
    }

    /// Returns the decoded value of `key` if it is UTF-8.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<&str> {
        str::from_utf8(self.get(key)?).ok()
    }

    /// Returns the client's name for the file: the value of `filename`, like in
    /// tusd, or else of `name`, which Uppy and others send. Values that are
    /// empty or not UTF-8 are skipped.
    ///
    /// Use it for display only. A client may send any text, such as
    /// `../../etc/passwd`: do not use it as a path.
    #[must_use]
    pub fn filename(&self) -> Option<&str> {
        self.first_of(["filename", "name"])
    }

    /// Returns the client's media type for the file: the value of `filetype`,
    /// like in tusd, or else of `type`, which Uppy and others send. Values that
    /// are empty or not UTF-8 are skipped.
    ///
    /// A client may send any text: check it before you use it in a header.
    #[must_use]
    pub fn filetype(&self) -> Option<&str> {
        self.first_of(["filetype", "type"])
    }

    fn first_of(&self, keys: [&str; 2]) -> Option<&str> {
        let mut values = keys.into_iter().filter_map(|key| self.get_str(key));
        values.find(|value| !value.is_empty())
    }

    /// Iterates over the pairs in the order of the header.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let pairs = self.0.as_ref().map_or(&[][..], |parsed| &parsed.pairs);
        pairs.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Returns whether there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the header as it was sent, byte for byte, or `None` if there are
    /// no pairs.
    // CRE-12
    #[must_use]
    pub fn raw(&self) -> Option<&HeaderValue> {
        self.0.as_ref().map(|parsed| &parsed.raw)
    }
}

/// The text between two commas.
struct Pair<'a> {
    key: &'a [u8],
    value: Bytes,
}

impl<'a> Pair<'a> {
    fn read(element: &'a [u8], strictness: Strictness) -> Result<Self, InvalidMetadata> {
        let end = element.iter().position(|&byte| byte == b' ');
        let (key, value) = element.split_at(end.unwrap_or(element.len()));
        if !is_key(key, strictness) {
            return Err(InvalidMetadata(()));
        }
        let base64 = match strictness {
            Strictness::Strict => &STANDARD,
            Strictness::Lenient => &LENIENT,
        };
        let value = base64.decode(value.strip_prefix(b" ").unwrap_or(value));
        let value = value.map_err(|_| InvalidMetadata(()))?.into();
        Ok(Self { key, value })
    }
}

/// Decodes base64 like Go: ignores the value of the unused trailing bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Returns whether a key is valid.
// CRE-05
fn is_key(key: &[u8], strictness: Strictness) -> bool {
    let allowed = |&byte: &u8| match byte {
        b',' => false,
        0x80.. => strictness == Strictness::Lenient,
        _ => byte.is_ascii_graphic(),
    };
    !key.is_empty() && key.iter().all(allowed)
}

/// Converts a key to text. Each byte that is not UTF-8 becomes U+FFFD, like in
/// Go's JSON.
fn text(key: &[u8]) -> Box<str> {
    let mut text = String::with_capacity(key.len());
    for chunk in key.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text.into()
}

impl Header for Metadata {
    fn name() -> &'static HeaderName {
        &UPLOAD_METADATA
    }

    fn decode<'i, I>(values: &mut I) -> Result<Self, headers::Error>
    where
        I: Iterator<Item = &'i HeaderValue>,
    {
        let raw = Self::joined(values);
        Self::parse(&raw).map_err(|_| headers::Error::invalid())
    }

    fn encode<E: Extend<HeaderValue>>(&self, values: &mut E) {
        values.extend(self.raw().cloned());
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self
            .iter()
            .map(|(key, value)| (key, value.escape_ascii().to_string()));
        f.debug_map().entries(text).finish()
    }
}

/// Error for a text that is not a value of `Upload-Metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidMetadata(());

impl fmt::Display for InvalidMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid upload metadata")
    }
}

impl std::error::Error for InvalidMetadata {}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn every_legal_form_is_read_and_its_text_kept() {
        for raw in ["a YQ==", "a YQ==,b,c ", " a YQ== , b Yg==\t", "a,b", "%!$ "] {
            let metadata = Metadata::parse(raw.as_bytes()).unwrap();
            assert_eq!(metadata.raw().unwrap(), raw);
        }
        let metadata = Metadata::parse(b"a YQ==,b,c ").unwrap();
        let pairs: Vec<_> = metadata.iter().collect();
        assert_eq!(pairs, [("a", &b"a"[..]), ("b", b""), ("c", b"")]);
    }

    #[test]
    fn a_name_and_a_type_are_read_under_the_keys_that_clients_send() {
        for (pairs, name, kind) in [
            (&[][..], None, None),
            (
                &[("filename", "a.txt"), ("filetype", "text/plain")],
                Some("a.txt"),
                Some("text/plain"),
            ),
            // Uppy
            (
                &[("name", "b.txt"), ("type", "text/css")],
                Some("b.txt"),
                Some("text/css"),
            ),
            (
                &[
                    ("name", "b"),
                    ("filename", "a"),
                    ("type", "d"),
                    ("filetype", "c"),
                ],
                Some("a"),
                Some("c"),
            ),
            (
                &[
                    ("filename", ""),
                    ("name", "b"),
                    ("filetype", ""),
                    ("type", ""),
                ],
                Some("b"),
                None,
            ),
        ] {
            let metadata = Metadata::from_pairs(pairs.iter().copied()).unwrap();
            assert_eq!(metadata.filename(), name, "{pairs:?}");
            assert_eq!(metadata.filetype(), kind, "{pairs:?}");
        }
    }

    #[test]
    fn a_value_that_is_not_utf_8_is_no_text() {
        let metadata = Metadata::from_pairs([("filename", &b"\xff"[..]), ("name", b"a")]).unwrap();
        assert_eq!(metadata.get_str("filename"), None);
        assert_eq!(metadata.filename(), Some("a"));
        assert_eq!(metadata.get_str("absent"), None);
    }

    #[test]
    fn blank_is_as_absent() {
        for raw in ["", " ", " \t "] {
            let metadata = Metadata::parse(raw.as_bytes()).unwrap();
            assert!(metadata.is_empty() && metadata.raw().is_none());
        }
    }

    #[test]
    fn malformed_text_is_refused() {
        let bad = [
            "a YQ==,a Yg==",
            "a,a",
            ",",
            "a YQ==,",
            "a YQ==,,b",
            "a YQ",
            "a Y",
            "a !!!",
            "a YQ== YQ==",
            "a  YQ==",
            "a\tYQ==",
            "\u{e4} YQ==",
        ];
        for raw in bad {
            assert!(
                Metadata::parse(raw.as_bytes()).is_err(),
                "{raw:?} was taken"
            );
        }
    }

    #[test]
    fn read_leniently_keys_beyond_ascii_are_kept_byte_by_byte() {
        // UTF-8, Latin-1, and two keys that are the same as text.
        for raw in [
            "gr\u{f6}\u{df}e MQ==,a YQ==".as_bytes(),
            b"\xe4 YQ==",
            b" a YQ== , \xe4 YQ==,\xf6 Yg== ",
            "\u{1f600}".as_bytes(),
        ] {
            let shown = raw.escape_ascii();
            assert!(Metadata::parse(raw).is_err(), "CRE-05: {shown}");
            let metadata = Metadata::parse_lenient(raw);
            assert_eq!(metadata.raw().unwrap().as_bytes(), raw, "CRE-12: {shown}");
        }
        let metadata = Metadata::parse_lenient("gr\u{f6}\u{df}e MQ==".as_bytes());
        assert_eq!(metadata.get("gr\u{f6}\u{df}e"), Some(&b"1"[..]));
        let metadata = Metadata::parse_lenient(b"\xe4\xf6 YQ==,b");
        let pairs: Vec<_> = metadata.iter().collect();
        assert_eq!(pairs, [("\u{fffd}\u{fffd}", &b"a"[..]), ("b", b"")]);
    }

    #[test]
    fn read_leniently_what_is_left_is_as_it_came() {
        for (raw, left) in [
            (&b"\xe4 YQ==,b !!!,\xe4 Yg==,,c"[..], &b"\xe4 Yg==,c"[..]),
            (b"\xe4 YQ==,\xf6 Yg==,\xe4 !!!", b"\xe4 YQ==,\xf6 Yg=="),
            // Go ignores the unused trailing bits.
            (b"a YR==,,b", b"a YR==,b"),
            (b"a\x7f YQ==,b", b"b"),
            (b"a YQ==,a YQ==,a YQ==", b"a YQ=="),
            (b"a YQ==,b Yg==,a Yw==", b"b Yg==,a Yw=="),
            (b",,,", b""),
        ] {
            let metadata = Metadata::parse_lenient(raw);
            let found = metadata.raw().map_or(&b""[..], HeaderValue::as_bytes);
            assert_eq!(
                found.escape_ascii().to_string(),
                left.escape_ascii().to_string()
            );
            assert_eq!(
                Metadata::parse_lenient(left),
                metadata,
                "it is read the same again"
            );
        }
    }

    #[test]
    fn as_many_keys_as_a_client_likes_are_read_in_linear_time() {
        const KEYS: usize = 200_000;
        let keys = |last: &str| {
            let keys = (0..KEYS).map(|key| format!("k{key}"));
            let keys: Vec<_> = keys.chain([last.to_owned()]).collect();
            keys.join(",").into_bytes()
        };
        let begin = Instant::now();
        let all = Metadata::parse(&keys("last")).unwrap();
        assert_eq!(all.iter().count(), KEYS + 1);
        assert!(Metadata::parse(&keys("k0")).is_err());
        for (last, count) in [("k0", KEYS), ("last,", KEYS + 1)] {
            let metadata = Metadata::parse_lenient(&keys(last));
            assert_eq!(metadata.iter().count(), count);
        }
        // Takes a second; in quadratic time it would take many minutes.
        assert!(begin.elapsed().as_secs() < 60);
    }

    #[test]
    fn pairs_make_the_text_that_reads_as_them() {
        let metadata = Metadata::from_pairs([("name", &b"\xff\0"[..]), ("empty", b"")]).unwrap();
        assert_eq!(metadata.raw().unwrap(), "name /wA=,empty");
        assert_eq!(metadata.get("name"), Some(&b"\xff\0"[..]));
        let metadata = Metadata::from_pairs([("\u{e4}", "a")]).unwrap();
        assert_eq!(metadata.raw().unwrap(), "\u{e4} YQ==");
        assert_eq!(metadata.get("\u{e4}"), Some(&b"a"[..]));
        assert!(Metadata::from_pairs([("a b", "")]).is_err());
        assert!(Metadata::from_pairs([("a\tb", "")]).is_err());
        assert!(Metadata::from_pairs([("a,b", "")]).is_err());
        assert!(Metadata::from_pairs([("", "")]).is_err());
        assert!(Metadata::from_pairs([("a", ""), ("a", "")]).is_err());
        assert!(Metadata::from_pairs([("", ""); 0]).unwrap().is_empty());
    }
}
