//! The responses on a connection over HTTP/1.

use http::Method;

/// A response, as far as it can be told from the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// Reads all responses to requests with these methods, and panics if they are no valid
/// HTTP. A response behind them is to what is no request.
pub(crate) fn responses(mut bytes: &[u8], methods: &[Method]) -> Vec<Seen> {
    let mut methods = methods.iter();
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (head, rest) = head(bytes);
        bytes = rest;
        // `100 Continue` comes before the response.
        if head.status < 200 {
            continue;
        }
        let method = methods.next();
        let (body, rest) = body(&head, method, bytes);
        bytes = rest;
        all.push(Seen { body, ..head });
    }
    all
}

fn head(bytes: &[u8]) -> (Seen, &[u8]) {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no whole head: {}", bytes.escape_ascii()));
    let mut lines = bytes[..end].split(|&byte| byte == b'\n');
    let mut lines = lines
        .by_ref()
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = lines.next().expect("there is a first line");
    let status = first
        .strip_prefix(b"HTTP/1.1 ")
        .or(first.strip_prefix(b"HTTP/1.0 "));
    let status = status.and_then(|text| str::from_utf8(text.get(..3)?).ok()?.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status: {}", first.escape_ascii()));
    let seen = Seen {
        status,
        headers: lines.map(header).collect(),
        body: Vec::new(),
    };
    (seen, &bytes[end + 4..])
}

fn header(line: &[u8]) -> (String, Vec<u8>) {
    let shown = line.escape_ascii();
    let colon = line.iter().position(|&byte| byte == b':');
    let (name, value) = line.split_at(colon.unwrap_or_else(|| panic!("no header: {shown}")));
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    assert!(
        !name.is_empty() && name.iter().all(in_name),
        "no name: {shown}"
    );
    let value = value[1..].trim_ascii();
    let in_value = |byte: &u8| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f;
    assert!(value.iter().all(in_value), "no value: {shown}");
    let name = str::from_utf8(name).expect("it is ASCII");
    (name.to_ascii_lowercase(), value.to_owned())
}

impl Seen {
    /// The values of a header.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| &value[..])
    }
}

fn body<'a>(head: &Seen, method: Option<&Method>, bytes: &'a [u8]) -> (Vec<u8>, &'a [u8]) {
    let lengths: Vec<_> = head.all("content-length").collect();
    assert!(lengths.len() < 2, "{head:?} has two lengths");
    let is_chunked = head.all("transfer-encoding").count() > 0;
    assert!(!is_chunked || lengths.is_empty(), "{head:?} has two ends");
    if head.status == 204 {
        assert!(lengths.is_empty() && !is_chunked, "{head:?} has no body");
    }
    if matches!(head.status, 204 | 304) || method == Some(&Method::HEAD) {
        return (Vec::new(), bytes);
    }
    match lengths.first() {
        Some(length) => {
            let length = str::from_utf8(length).ok().and_then(|it| it.parse().ok());
            let (body, rest) = bytes.split_at(length.expect("a length is a number"));
            (body.to_owned(), rest)
        }
        None if is_chunked => chunks(bytes),
        None => (bytes.to_owned(), b""),
    }
}

fn chunks(mut bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n");
        let end = end.expect("a chunk has a head");
        let length = str::from_utf8(&bytes[..end]).expect("a length is text");
        let length = usize::from_str_radix(length, 16).expect("a length is a number");
        let (chunk, rest) = bytes[end + 2..].split_at(length);
        body.extend_from_slice(chunk);
        bytes = rest.strip_prefix(b"\r\n").expect("a chunk ends");
        if length == 0 {
            return (body, bytes);
        }
    }
}
