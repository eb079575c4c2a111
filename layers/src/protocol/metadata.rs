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

/// `Upload-Metadata`: pairs of a key and a value, and the exact text they came as.
///
/// HEAD returns the header as the client wrote it (CRE-12), so the raw text is
/// kept beside what it says. A clone shares both.
///
/// ```
/// use tower_tus_layers::protocol::Metadata;
///
/// let metadata = Metadata::parse(b"filename d29ybGQucGRm, is_confidential")?;
/// assert_eq!(metadata.get("filename"), Some(&b"world.pdf"[..]));
/// assert_eq!(metadata.get("is_confidential"), Some(&b""[..]));
/// # Ok::<_, tower_tus_layers::protocol::InvalidMetadata>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata(Option<Arc<Parsed>>);

#[derive(PartialEq, Eq)]
struct Parsed {
    raw: HeaderValue,
    pairs: Vec<(Box<str>, Bytes)>,
}

impl Metadata {
    /// No pairs.
    pub const EMPTY: Self = Self(None);

    /// Reads the text of the header. CRE-04
    ///
    /// White space around commas is accepted. A text that is empty or all
    /// blank is as no metadata. The time that it takes is linear in the text.
    ///
    /// # Errors
    ///
    /// When a key is empty, not visible ASCII or there twice, or a value is not base64.
    pub fn parse(raw: &[u8]) -> Result<Self, InvalidMetadata> {
        Self::read(raw, Strictness::Strict)
    }

    /// Reads what can be read of the text, as tusd does: keys may be beyond ASCII,
    /// a pair that is malformed is left out, and of two with one key the last one
    /// counts.
    ///
    /// The text is the one that came where nothing was left out, and else what is
    /// left of it, byte by byte. A key that is not UTF-8 reads as text with U+FFFD
    /// in the place of each wrong byte.
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

    /// The lines of a header as one. A list may come in several.
    pub(crate) fn joined<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> Vec<u8> {
        let lines: Vec<_> = lines.into_iter().map(HeaderValue::as_bytes).collect();
        lines.join(&b',')
    }

    /// Makes metadata of these pairs, and its text. Keys beyond ASCII are accepted and
    /// written in UTF-8, though a strict server accepts none from clients.
    ///
    /// # Errors
    ///
    /// When a key is empty, has a space, a comma or a control character, or is there twice.
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

    /// The decoded value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.iter()
            .find_map(|(known, value)| (known == key).then_some(value))
    }

    /// The pairs in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let pairs = self.0.as_ref().map_or(&[][..], |parsed| &parsed.pairs);
        pairs.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The header as it came, byte by byte, or nothing when there are no pairs. CRE-12
    #[must_use]
    pub fn raw(&self) -> Option<&HeaderValue> {
        self.0.as_ref().map(|parsed| &parsed.raw)
    }
}

/// What stands between two commas.
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

/// Base64 as Go reads it: the bits that are left over may be any.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// CRE-05
fn is_key(key: &[u8], strictness: Strictness) -> bool {
    let allowed = |&byte: &u8| match byte {
        b',' => false,
        0x80.. => strictness == Strictness::Lenient,
        _ => byte.is_ascii_graphic(),
    };
    !key.is_empty() && key.iter().all(allowed)
}

/// A key as text, in which each byte that is none becomes U+FFFD, as in Go's JSON.
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

/// The text is not a value of `Upload-Metadata`.
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
        // UTF-8, Latin-1, and two keys that read the same as text.
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
            // Go takes bits that are left over.
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
        // It takes a second, and in quadratic time many minutes.
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
