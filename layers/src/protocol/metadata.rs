use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use headers::Header;
use http::{HeaderName, HeaderValue};

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
    /// blank is as no metadata.
    ///
    /// # Errors
    ///
    /// When a key is empty, not visible ASCII or there twice, or a value is not base64.
    pub fn parse(raw: &[u8]) -> Result<Self, InvalidMetadata> {
        if raw.trim_ascii().is_empty() {
            return Ok(Self::EMPTY);
        }
        let elements = raw.split(|&byte| byte == b',');
        let pairs: Result<Vec<_>, _> = elements.map(|it| parse_pair(it.trim_ascii())).collect();
        let pairs = pairs?;
        let keys: HashSet<_> = pairs.iter().map(|(key, _)| key).collect();
        if keys.len() < pairs.len() {
            return Err(InvalidMetadata(()));
        }
        let raw = HeaderValue::from_bytes(raw).map_err(|_| InvalidMetadata(()))?;
        Ok(Self(Some(Arc::new(Parsed { raw, pairs }))))
    }

    /// Reads what can be read of the text, as tusd does: a pair that is
    /// malformed is left out, and of two with one key the last one counts.
    ///
    /// The text is the one that came where nothing was left out, and else one
    /// of what is left.
    ///
    /// ```
    /// use tower_tus_layers::protocol::Metadata;
    ///
    /// let metadata = Metadata::parse_lenient(b"a YQ==,b !!!,a Yg==,,c");
    /// assert_eq!(metadata.raw().unwrap(), "a Yg==,c");
    /// ```
    #[must_use]
    pub fn parse_lenient(raw: &[u8]) -> Self {
        Self::parse(raw).unwrap_or_else(|_| {
            let mut pairs: Vec<(Box<str>, Bytes)> = Vec::new();
            let elements = raw.split(|&byte| byte == b',');
            for pair in elements.filter_map(|it| parse_pair(it.trim_ascii()).ok()) {
                pairs.retain(|(key, _)| *key != pair.0);
                pairs.push(pair);
            }
            Self::from_pairs(pairs).unwrap_or_default()
        })
    }

    /// The lines of a header as one. A list may come in several.
    pub(crate) fn joined<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> Vec<u8> {
        let lines: Vec<_> = lines.into_iter().map(HeaderValue::as_bytes).collect();
        lines.join(&b',')
    }

    /// Metadata of these pairs, with the text that they make.
    ///
    /// # Errors
    ///
    /// When a key is empty, not visible ASCII, has a comma or is there twice.
    pub fn from_pairs<K, V>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, InvalidMetadata>
    where
        K: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let mut raw = String::new();
        for (key, value) in pairs {
            if !raw.is_empty() {
                raw.push(',');
            }
            raw.push_str(parse_key(key.as_ref().as_bytes())?);
            let value = value.as_ref();
            if !value.is_empty() {
                raw.push(' ');
                STANDARD.encode_string(value, &mut raw);
            }
        }
        Self::parse(raw.as_bytes())
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

fn parse_pair(pair: &[u8]) -> Result<(Box<str>, Bytes), InvalidMetadata> {
    let end = pair.iter().position(|&byte| byte == b' ');
    let (key, value) = pair.split_at(end.unwrap_or(pair.len()));
    let key = parse_key(key)?;
    let value = value.strip_prefix(b" ").unwrap_or(value);
    let value = STANDARD.decode(value).map_err(|_| InvalidMetadata(()))?;
    Ok((key.into(), value.into()))
}

fn parse_key(key: &[u8]) -> Result<&str, InvalidMetadata> {
    let visible = |byte: &u8| byte.is_ascii_graphic() && *byte != b',';
    if key.is_empty() || !key.iter().all(visible) {
        return Err(InvalidMetadata(()));
    }
    std::str::from_utf8(key).map_err(|_| InvalidMetadata(()))
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
    fn pairs_make_the_text_that_reads_as_them() {
        let metadata = Metadata::from_pairs([("name", &b"\xff\0"[..]), ("empty", b"")]).unwrap();
        assert_eq!(metadata.raw().unwrap(), "name /wA=,empty");
        assert_eq!(metadata.get("name"), Some(&b"\xff\0"[..]));
        assert!(Metadata::from_pairs([("a b", "")]).is_err());
        assert!(Metadata::from_pairs([("a,b", "")]).is_err());
        assert!(Metadata::from_pairs([("", "")]).is_err());
        assert!(Metadata::from_pairs([("a", ""), ("a", "")]).is_err());
        assert!(Metadata::from_pairs([("", ""); 0]).unwrap().is_empty());
    }
}
