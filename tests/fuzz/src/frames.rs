//! The frames of HTTP/2. RFC 9113, section 4.1

/// The kinds of frames that matter here.
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// Maximum payload that every receiver accepts.
pub(crate) const MAX: usize = 1 << 14;

/// A frame that was received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the next frame, or `None` if it is cut short.
    pub(crate) fn next(bytes: &mut &'a [u8]) -> Option<Self> {
        let [a, b, c, kind, flags, stream @ ..] = *bytes.first_chunk::<9>()?;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let payload = bytes.get(9..9 + length)?;
        *bytes = &bytes[9 + length..];
        Some(Self {
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
            payload,
        })
    }
}

/// Writes a frame, however long it is.
pub(crate) fn write(to: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("an input is short");
    to.extend_from_slice(&length.to_be_bytes()[1..]);
    to.extend_from_slice(&[kind, flags]);
    to.extend_from_slice(&stream.to_be_bytes());
    to.extend_from_slice(payload);
}

/// Writes header lines as literals that are never indexed. RFC 7541, section 6.2.3
pub(crate) fn literals(lines: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    for line in lines
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        // A pseudo header begins with a colon.
        let colon = line[1..].iter().position(|&byte| byte == b':');
        let (name, value) = line.split_at(colon.map_or(line.len(), |at| at + 1));
        let value = value.get(1..).unwrap_or_default();
        block.push(0x10);
        string(&mut block, name);
        string(&mut block, value.strip_prefix(b" ").unwrap_or(value));
    }
    block
}

/// Writes a string literal. RFC 7541, section 5.2
fn string(to: &mut Vec<u8>, text: &[u8]) {
    const PREFIX: usize = 0x7f;
    let mut rest = text.len();
    if rest < PREFIX {
        to.push(rest as u8);
    } else {
        to.push(PREFIX as u8);
        rest -= PREFIX;
        while rest >= 128 {
            to.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        to.push(rest as u8);
    }
    to.extend_from_slice(text);
}
