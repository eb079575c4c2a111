//! The requests, and their expected statuses.
//!
//! A request is a frame with one row in place of `{}`. A line break is `\r\n`,
//! each character is one byte (`\u{ff}` is 0xff), and these placeholders have a
//! meaning:
//!
//! | | |
//! |---|---|
//! | `{tus}` | the rest of a request line, `Host`, `Tus-Resumable: 1.0.0` |
//! | `{type}` | the `Content-Type` of an append |
//! | `{hello}` | `Content-Length: 5`, the end of the head, five bytes |
//! | `{fresh}` `{half}` | the path of an upload with 0 or 5 of its 10 bytes |
//! | `{full}` | the path of an upload with all its 5 bytes |
//! | `{deferred}` `{begun}` | the path of an upload of deferred length with 0 or 5 bytes |
//! | `{gone}` | the path of a terminated upload |
//! | `{a*240}` | 240 times `a` |
//! | `{pairs*9}` | nine pairs of metadata, each with a key of its own |
//! | `{lf}` `{fin}` | a single line feed; the client closes its sending side |

/// The part of the server that responds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The stack, with `Tus-Resumable`.
    Stack,
    /// The service behind it: the path is not below the base path.
    Host,
    /// hyper itself, before any service.
    Hyper,
}

/// Connections that can carry a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Both,
    Http1,
    Http2,
}

/// Requests that differ in one place.
pub(crate) struct Group {
    pub(crate) what: &'static str,
    pub(crate) over: Over,
    pub(crate) by: By,
    /// The offset after a refusal that came after the first bytes.
    pub(crate) keeps: Option<u64>,
    pub(crate) frame: &'static str,
    pub(crate) rows: &'static [(u16, &'static str)],
}

const BOTH: Group = Group {
    what: "",
    over: Over::Both,
    by: By::Stack,
    keeps: None,
    frame: "{}",
    rows: &[],
};
const HTTP1: Group = Group {
    over: Over::Http1,
    ..BOTH
};
const HTTP2: Group = Group {
    over: Over::Http2,
    ..BOTH
};

#[rustfmt::skip]
pub(crate) const TABLE: &[Group] = &[
    // --- Values of the protocol's headers ---
    Group {
        what: "a version",
        frame: "POST /files/ HTTP/1.1\nHost: tus\nUpload-Length: 5\n{}\n\n",
        rows: &[
            (412, "X-Other: 1"),
            (412, "Tus-Resumable:"),
            (412, "Tus-Resumable: 1"),
            (412, "Tus-Resumable: 1.0"),
            (412, "Tus-Resumable: 1.0.1"),
            (412, "Tus-Resumable: 1.0.0.0"),
            (412, "Tus-Resumable: 01.0.0"),
            (412, "Tus-Resumable: v1.0.0"),
            (412, "Tus-Resumable: \"1.0.0\""),
            (412, "Tus-Resumable: 1.0.0, 0.2.2"),
            (412, "Tus-Resumable: 1.0.0;q=1"),
            (412, "Tus-Resumable: 1.0.0\u{a0}"),
            (412, "Tus-Resumable: \u{ff}"),
            (412, "Tus-Resumable: {9*9000}"),
            (412, "Tus-Resumable: 1.0.0\nTus-Resumable: 0.2.2"),
            (412, "Tus_Resumable: 1.0.0"),
            (412, "Tus-Version: 1.0.0"),
            (412, "Tus-Resumable: 1.0.0,"),
            (201, "Tus-Resumable: \t 1.0.0 \t "),
            (201, "Tus-Resumable: 1.0.0\nTus-Resumable: 1.0.0"),
            (201, "Tus-Resumable: 1.0.0, 1.0.0"),
            (201, "tUS-rESUMABLE: 1.0.0"),
        ],
        ..BOTH
    },
    Group {
        what: "a length",
        frame: "POST /files/{tus}\n{}\n\n",
        rows: &[
            (400, "Upload-Length:"),
            (400, "Upload-Length: -5"),
            (400, "Upload-Length: +5"),
            (400, "Upload-Length: 5.0"),
            (400, "Upload-Length: 5e0"),
            (400, "Upload-Length: 0x5"),
            (400, "Upload-Length: 5_0"),
            (400, "Upload-Length: 5 5"),
            (400, "Upload-Length: 5, 5"),
            (400, "Upload-Length: \"5\""),
            (400, "Upload-Length: 5;q=1"),
            (400, "Upload-Length: NaN"),
            (400, "Upload-Length: null"),
            (400, "Upload-Length: \u{ff}"),
            (400, "Upload-Length: 5\u{a0}"),
            // Digits, but not of ASCII: full width, and Arabic.
            (400, "Upload-Length: \u{ef}\u{bc}\u{95}"),
            (400, "Upload-Length: \u{d9}\u{a5}"),
            (400, "Upload-Length: 9223372036854775808"),
            (400, "Upload-Length: 18446744073709551616"),
            (400, "Upload-Length: 18446744073709551621"),
            (400, "Upload-Length: {9*9000}"),
            (400, "Upload-Length: 5\nUpload-Length: 5"),
            (400, "Upload-Length: 5\nUpload-Length: 6"),
            (400, "Upload-Length: 5\nUpload-Defer-Length: 1"),
            (400, "Upload-Length: 5\nUpload-Defer-Length: 0"),
            (400, "Upload-Length:\nUpload-Defer-Length: 1"),
            (400, "Upload-Defer-Length:"),
            (400, "Upload-Defer-Length: 0"),
            (400, "Upload-Defer-Length: 01"),
            (400, "Upload-Defer-Length: 2"),
            (400, "Upload-Defer-Length: true"),
            (400, "Upload-Defer-Length: 1, 1"),
            (400, "Upload-Defer-Length: 1\nUpload-Defer-Length: 1"),
            (400, "Upload_Length: 5"),
            (400, "Content-Length: 0"),
            (201, "Upload-Length: \t 5 "),
            (201, "UPLOAD-length: 5"),
            (201, "Upload-Length: {0*9000}5"),
            (201, "Upload-Length: 9223372036854775807"),
            (201, "Upload-Offset: nonsense\nUpload-Length: 5"),
        ],
        ..BOTH
    },
    Group {
        what: "an offset",
        frame: "PATCH {fresh}{tus}\n{type}\n{}\n{hello}",
        rows: &[
            (400, "Upload-Offset:"),
            (400, "Upload-Offset: -0"),
            (400, "Upload-Offset: -1"),
            (400, "Upload-Offset: +0"),
            (400, "Upload-Offset: 0.0"),
            (400, "Upload-Offset: 0x0"),
            (400, "Upload-Offset: 0, 0"),
            (400, "Upload-Offset: \u{ff}"),
            (400, "Upload-Offset: \u{ef}\u{bc}\u{90}"),
            (400, "Upload-Offset: 9223372036854775808"),
            (400, "Upload-Offset: 18446744073709551616"),
            (400, "Upload-Offset: {9*9000}"),
            (400, "Upload-Offset: 0\nUpload-Offset: 0"),
            (400, "Upload-Offset: 0\nUpload-Offset: 5"),
            (400, "Upload-Offset: 0\nUpload-Length: 9"),
            (400, "Upload-Offset: 0\nUpload-Length: x"),
            (400, "Upload_Offset: 0"),
            (409, "Upload-Offset: 1"),
            (409, "Upload-Offset: 10"),
            (409, "Upload-Offset: 9223372036854775807"),
            (204, "Upload-Offset: 00"),
            (204, "Upload-Offset: {0*9000}"),
            (204, "Upload-Offset: 0\nUpload-Length: 10"),
            (204, "Upload-Offset: 0\nUpload-Defer-Length: 1"),
            (204, "Upload-Offset: 0\nUpload-Metadata: ,,,"),
            (204, "Upload-Offset: 0\nUpload-Concat: final;/files/a"),
        ],
        ..BOTH
    },
    Group {
        what: "a media type",
        frame: "PATCH {fresh}{tus}\nUpload-Offset: 0\n{}\n{hello}",
        rows: &[
            (415, "X-Other: 1"),
            (415, "Content-Type:"),
            (415, "Content-Type: ;"),
            (415, "Content-Type: */*"),
            (415, "Content-Type: application/*"),
            (415, "Content-Type: application/octet-stream"),
            (415, "Content-Type: application/offset octet-stream"),
            (415, "Content-Type: application/offset%2Boctet-stream"),
            (415, "Content-Type: application/offset+octet-stream2"),
            (415, "Content-Type: \"application/offset+octet-stream\""),
            (415, "Content-Type: application/offset+octet-stream, text/plain"),
            (415, "Content-Type: text/plain; application/offset+octet-stream"),
            (415, "Content-Type: application/partial-upload"),
            (415, "Content-Type: application/offset+octet-stream\u{a0}"),
            (415, "Content-Type: \u{ff}"),
            (415, "{type}\n{type}"),
            (415, "{type}\nContent-Type: text/plain"),
            (415, "Content-Type: text/plain\n{type}"),
            (204, "{type};"),
            (204, "{type}; charset=\u{ff}; {x*9000}"),
            (204, "Content-Type: APPLICATION/OFFSET+OCTET-STREAM"),
            (204, "{type}\nContent-Encoding: gzip"),
        ],
        ..BOTH
    },
    Group {
        what: "metadata",
        frame: "POST /files/{tus}\nUpload-Length: 5\n{}\n\n",
        rows: &[
            (400, "Upload-Metadata: ,"),
            (400, "Upload-Metadata: a YQ==,"),
            (400, "Upload-Metadata: ,a YQ=="),
            (400, "Upload-Metadata: a YQ==,,b Yg=="),
            (400, "Upload-Metadata: a YQ==,a YQ=="),
            (400, "Upload-Metadata: a YQ==\nUpload-Metadata: a YQ=="),
            (400, "Upload-Metadata: a YQ==\nUpload-Metadata:"),
            (400, "Upload-Metadata: a YQ"),
            (400, "Upload-Metadata: a Y"),
            (400, "Upload-Metadata: a YR=="),
            (400, "Upload-Metadata: a YQ==YQ=="),
            (400, "Upload-Metadata: a -_8="),
            (400, "Upload-Metadata: a  YQ=="),
            (400, "Upload-Metadata: a\tYQ=="),
            (400, "Upload-Metadata: a =="),
            (400, "Upload-Metadata: a \u{ff}"),
            (400, "Upload-Metadata: \u{c3}\u{a4} YQ=="),
            (400, "Upload-Metadata: {pairs*999},k0 YQ=="),
            (431, "Upload-Metadata: {pairs*1000},k0 YQ=="),
            (431, "Upload-Metadata: {pairs*3000}"),
            (431, "Upload-Metadata: {pairs*600}\nUpload-Metadata: {x,*600}"),
            (431, "Upload-Metadata: {a*66000}"),
            (431, "Upload-Metadata: a {YWFh*20000}"),
            (201, "Upload-Metadata:"),
            (201, "Upload-Metadata: a"),
            (201, "Upload-Metadata: a YQ==, b Yg=="),
            // The keys `"a` and `b"`.
            (201, "Upload-Metadata: \"a, b\" YQ=="),
            (201, "Upload-Metadata: a YQ==\nUpload-Metadata: b Yg=="),
            (201, "Upload-Metadata: {a*9000} YQ=="),
            (201, "Upload-Metadata: a {YWFh*3000}"),
            (201, "Upload-Metadata: {pairs*1000}"),
            (201, "Upload-Metadata: {a*65536}"),
            // Values that say: "x", then a header, then the end of a head.
            (201, "Upload-Metadata: filename eA0KU2V0LUNvb2tpZTogYT0x"),
            (201, "Upload-Metadata: filetype eA0KDQo8c2NyaXB0Pg=="),
            // ../secret, a byte of zero, and bytes that are no text.
            (201, "Upload-Metadata: filename Li4vc2VjcmV0,id Li4vc2VjcmV0"),
            (201, "Upload-Metadata: filename AA==,relativePath /w=="),
            (201, "Upload-Metadata: %0d%0aSet-Cookie: YQ=="),
            (201, "Upload-Metadata: ../../secret YQ==,{x*200}\\..\\ YQ=="),
        ],
        ..BOTH
    },
    Group {
        what: "metadata that fills the head",
        frame: "POST /files/{tus}\nUpload-Length: 5\nUpload-Metadata: {}\n\n",
        rows: &[
            (431, "a {YWFh*100000}"),
            (431, "a {YWFh*100000}Y"),
            (431, "{pairs*30000}"),
            (431, "{pairs*30000},k29999 YQ=="),
        ],
        ..HTTP1
    },
    Group {
        what: "a checksum",
        frame: "PATCH {fresh}{tus}\nUpload-Offset: 0\n{type}\n{}\n{hello}",
        rows: &[
            (204, "Upload-Checksum: sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00="),
            (204, "Upload-Checksum: crc32 NhCmhg=="),
            (460, "Upload-Checksum: crc32 AAAAAA=="),
            (460, "Upload-Checksum: crc32 AA=="),
            (460, "Upload-Checksum: crc32 {A*9000}"),
            (460, "Upload-Checksum: sha1 NhCmhg=="),
            (400, "Upload-Checksum: crc32  NhCmhg=="),
            (400, "Upload-Checksum: CRC32 NhCmhg=="),
            (400, "Upload-Checksum: crc32 NhCmhg"),
            (400, "Upload-Checksum: crc32 hqYQNg==="),
            (400, "Upload-Checksum: crc32 361 0a686"),
            (400, "Upload-Checksum: crc32"),
            (400, "Upload-Checksum: crc64 NhCmhg=="),
            (400, "Upload-Checksum: NhCmhg=="),
            (400, "Upload-Checksum:"),
            (400, "Upload-Checksum: \u{ff}"),
            (400, "Upload-Checksum: crc32 NhCmhg==\nUpload-Checksum: crc32 NhCmhg=="),
            (400, "Upload-Checksum: crc32 NhCmhg==, crc32 NhCmhg=="),
            (400, "Upload-Checksum: crc32 NhCmhg==\nTrailer: Upload-Checksum"),
            (400, "Trailer: Upload-Checksum"),
        ],
        ..BOTH
    },
    Group {
        what: "a concatenation with a length",
        frame: "POST /files/{tus}\nUpload-Length: 5\n{}\n\n",
        rows: &[
            (400, "Upload-Concat:"),
            (201, "Upload-Concat: partial"),
            (400, "Upload-Concat: PARTIAL"),
            (400, "Upload-Concat: partial;"),
            (400, "Upload-Concat: final"),
            (400, "Upload-Concat: final;"),
            (400, "Upload-Concat: final;/files/a /files/b"),
            (400, "Upload-Concat: partial\nUpload-Concat: final;/files/a"),
            (400, "Upload-Concat: \u{ff}"),
            (403, "Upload-Concat: final;/files/a\n{type}"),
            (201, "Upload-Concat: partial\n{type}"),
        ],
        ..BOTH
    },
    Group {
        what: "a concatenation",
        frame: "POST /files/{tus}\nUpload-Concat: {}\n\n",
        rows: &[
            (400, "partial"),
            (201, "partial\nUpload-Defer-Length: 1"),
            (400, "final;"),
            (400, "final;{ *4000}"),
            (400, "final;\u{ff}"),
            (400, "final;a\nUpload-Defer-Length: 1"),
            (404, "final;a b"),
            (404, "final;/files/a /files/b"),
            (404, "final;/etc/passwd http://other/files/../../x"),
            (404, "final;../secret"),
            (404, "final;%2e%2e%2fsecret"),
            (404, "final;/files/%2e%2e/%2e%2e/secret"),
            (404, "final;file:///files/secret"),
            (404, "final;://"),
            (404, "final;,"),
            (400, "final;{/files/a *4000}"),
            (404, "final;/files/{a*2000}"),
            (404, "final;{gone}"),
            (400, "final;{half}"),
            (400, "final;{half} {gone}"),
        ],
        ..BOTH
    },
    // --- Methods and what they are for ---
    Group {
        what: "a method on the collection",
        frame: "{} /files/{tus}\nUpload-Length: 5\nUpload-Offset: 0\n{type}\n\n",
        rows: &[
            (405, "GET"),
            (405, "HEAD"),
            (405, "PUT"),
            (405, "PATCH"),
            (405, "DELETE"),
            (405, "TRACE"),
            (405, "BREW"),
            (405, "post"),
            (405, "P!#$%&'*+-.^_`|~"),
            (405, "{X*900}"),
            (200, "OPTIONS"),
        ],
        ..BOTH
    },
    Group {
        what: "a method on an upload",
        frame: "{} {half}{tus}\nUpload-Length: 5\nUpload-Offset: 0\n{type}\n\n",
        rows: &[
            (200, "GET"),
            (405, "POST"),
            (405, "PUT"),
            (405, "BREW"),
            (405, "patch"),
            (200, "OPTIONS"),
            (200, "HEAD"),
            (204, "DELETE"),
        ],
        ..BOTH
    },
    Group {
        what: "bytes where none belong",
        frame: "{}",
        rows: &[
            (200, "GET {half}{tus}\n{hello}"),
            (405, "PUT {half}{tus}\n{hello}"),
            (405, "PATCH /files/{tus}\n{type}\nUpload-Offset: 0\n{hello}"),
            (405, "POST {half}{tus}\n{type}\nUpload-Length: 5\n{hello}"),
            (200, "HEAD {half}{tus}\n{hello}"),
            (200, "OPTIONS /files/{tus}\n{hello}"),
            (204, "DELETE {half}{tus}\n{hello}"),
            (415, "POST /files/{tus}\nUpload-Length: 5\n{hello}"),
            (415, "POST /files/{tus}\nUpload-Length: 5\nContent-Type: text/plain\n{hello}"),
            (415, "POST /files/{tus}\nUpload-Length: 5\n{type}\nContent-Type: a/b\n{hello}"),
            (413, "POST /files/{tus}\nUpload-Length: 4\n{type}\n{hello}"),
            (400, "POST /files/{tus}\nUpload-Length: x\n{type}\n{hello}"),
            (400, "POST /files/{tus}\n{type}\n{hello}"),
            (403, "POST /files/{tus}\nUpload-Concat: final;a\n{type}\n{hello}"),
            (404, "PATCH {gone}{tus}\nUpload-Offset: 0\n{type}\n{hello}"),
            (404, "DELETE {gone}{tus}\n{hello}"),
            (412, "PATCH {half} HTTP/1.1\nHost: tus\nUpload-Offset: 5\n{type}\n{hello}"),
        ],
        ..BOTH
    },
    Group {
        what: "an append in every state",
        frame: "PATCH {}",
        rows: &[
            (204, "{half}{tus}\n{type}\nUpload-Offset: 5\n{hello}"),
            (409, "{half}{tus}\n{type}\nUpload-Offset: 0\n{hello}"),
            (413, "{half}{tus}\n{type}\nUpload-Offset: 5\nContent-Length: 6\n\nhello!"),
            (204, "{half}{tus}\n{type}\nUpload-Offset: 5\n\n"),
            (409, "{full}{tus}\n{type}\nUpload-Offset: 0\n{hello}"),
            (413, "{full}{tus}\n{type}\nUpload-Offset: 5\n{hello}"),
            (204, "{full}{tus}\n{type}\nUpload-Offset: 5\n\n"),
            (204, "{half}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 10\n{hello}"),
            (204, "{half}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 10\n\n"),
            (400, "{half}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 11\n{hello}"),
            (409, "{half}{tus}\n{type}\nUpload-Offset: 0\nUpload-Length: 10\n{hello}"),
            (204, "{full}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 5\n\n"),
            (413, "{full}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 5\n{hello}"),
            (400, "{full}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 6\n\n"),
            (400, "{full}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 10\n{hello}"),
            (400, "{deferred}{tus}\n{type}\nUpload-Offset: 0\nUpload-Length: -1\n{hello}"),
            (400, "{deferred}{tus}\n{type}\nUpload-Offset: 0\nUpload-Length:\n{hello}"),
            (400, "{deferred}{tus}\n{type}\nUpload-Offset: 0\nUpload-Length: 5\nUpload-Length: 5\n{hello}"),
            (409, "{deferred}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 5\n{hello}"),
            (413, "{deferred}{tus}\n{type}\nUpload-Offset: 0\nUpload-Length: 4\n{hello}"),
            (413, "{deferred}{tus}\n{type}\nUpload-Offset: 0\nUpload-Length: 0\n{hello}"),
            (204, "{deferred}{tus}\n{type}\nUpload-Offset: 0\nUpload-Length: 5\n{hello}"),
            (204, "{deferred}{tus}\n{type}\nUpload-Offset: 0\nUpload-Length: 0\n\n"),
            (400, "{begun}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 4\n\n"),
            (413, "{begun}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 9\n{hello}"),
            (413, "{begun}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 5\n{hello}"),
            (204, "{begun}{tus}\n{type}\nUpload-Offset: 5\nUpload-Length: 5\n\n"),
        ],
        ..BOTH
    },
    // --- Targets ---
    Group {
        what: "an id that is none",
        frame: "PATCH /files/{}{tus}\n{type}\nUpload-Offset: 0\n{hello}",
        rows: &[
            (404, "."),
            (404, ".."),
            (404, "../secret"),
            (404, "../data/../secret"),
            (404, "%2e%2e/secret"),
            (404, "%2e%2e%2fsecret"),
            (404, "..%2Fsecret"),
            (404, "a/../../secret"),
            (404, "a%2f..%2f..%2fsecret"),
            (404, "%2e/%2e%2e/secret"),
            // Decoded once, and no further.
            (404, "%252e%252e%252fsecret"),
            (404, "%25252e%25252e%25252fsecret"),
            (404, "%2e%2e%5csecret"),
            (404, "..%255csecret"),
            (404, "%2fetc%2fpasswd"),
            (404, "file:%2f%2f%2fetc%2fpasswd"),
            (404, "//secret"),
            (404, "a//b"),
            (404, "a%00b"),
            (404, "secret%00.txt"),
            (404, "a%0d%0aSet-Cookie:%20a=1"),
            (404, "a%20b"),
            (404, "a%7fb"),
            // Invalid UTF-8, overlong dots and slashes, dots and slashes of other alphabets.
            (404, "%ff%fe"),
            (404, "%c0%ae%c0%ae%c0%afsecret"),
            (404, "%e0%80%ae%e0%80%ae/secret"),
            (404, "%ef%bc%8e%ef%bc%8e%ef%bc%8fsecret"),
            (404, "..%e2%88%95secret"),
            (404, "%e2%80%ae%74%65%72%63%65%73"),
            (404, "%u002e%u002e%u2215secret"),
            (404, "..\\secret"),
            // Percent signs that encode nothing.
            (404, "%"),
            (404, "%2"),
            (404, "%zz"),
            (404, "%%32%65%%32%65/secret"),
            (404, "a%"),
            (404, "~"),
            (404, "-"),
            (404, "con"),
            (404, "a:b"),
            (404, "*"),
            (404, "{a*240}"),
            (404, "{a*241}"),
            (404, "{ab/*341}c"),
            (404, "{ab/*342}"),
            (404, "{a/*9000}a"),
            (404, "{../*3000}etc/passwd"),
            (404, "{%2e%2e%2f*3000}etc/passwd"),
        ],
        ..BOTH
    },
    Group {
        what: "a path beside an upload's",
        frame: "HEAD {}{tus}\n\n",
        rows: &[
            (404, "{half}.info"),
            (404, "{half}.lock"),
            (404, "{half}.stop"),
            (404, "{half}.chunk"),
            (404, "{half}.new"),
            (404, "{half}.part"),
            (404, "{half}%2einfo"),
            (404, "{half}.INFO"),
            (404, "{half}/x"),
            (404, "{half}/.."),
            (404, "{half}/."),
            (404, "{half}%00"),
            (404, "{half}%20"),
            (404, "{half};v=1"),
            (404, "{half}%3Fx"),
            (404, "{half}%23x"),
            (404, "{half}%0a"),
            (404, "{half},"),
            (404, "{gone}"),
            (200, "{half}/"),
            (200, "{half}//"),
            (200, "{half}%2f"),
            (200, "{half}?x=../../secret"),
            (200, "{half}??%zz&{a*9000}"),
        ],
        ..BOTH
    },
    Group {
        what: "a path of the collection",
        frame: "POST {}{tus}\nUpload-Length: 5\n\n",
        rows: &[
            (201, "/files"),
            (201, "/files//"),
            (201, "/files/%2f"),
            (201, "/files?x=y"),
            (201, "/files/?%zz"),
            (404, "/files/."),
            (404, "/files/../files/"),
            (404, "/files/%2e%2e/files/"),
        ],
        ..BOTH
    },
    Group {
        what: "a path that is not for uploads",
        by: By::Host,
        frame: "POST {}{tus}\nUpload-Length: 5\n\n",
        rows: &[
            (404, "/"),
            (404, "//files/"),
            (404, "/FILES/"),
            (404, "/%66iles/"),
            (404, "/files%2f"),
            (404, "/./files/"),
            (404, "/x/../files/"),
            (404, "/filesystem"),
            (404, "/{a*9000}"),
        ],
        ..BOTH
    },
    Group {
        what: "a target in another form",
        frame: "POST {} HTTP/1.1\nHost: tus\nTus-Resumable: 1.0.0\nUpload-Length: 5\n\n",
        rows: &[
            (201, "http://tus/files/"),
            (201, "http://other.example:81/files/"),
            (201, "https://other.example/files/?x"),
            (201, "HTTP://[::1]:8080/files/"),
            (201, "ftp://other.example/files/"),
            (201, "/files/#fragment"),
            (201, "/files#/../../secret"),
        ],
        ..HTTP1
    },
    Group {
        what: "a target that is not for uploads",
        by: By::Host,
        frame: "{} HTTP/1.1\nHost: tus\nTus-Resumable: 1.0.0\nUpload-Length: 5\n\n",
        rows: &[
            (404, "OPTIONS *"),
            (404, "POST *"),
            (404, "POST http://tus"),
            (404, "POST http://tus/other"),
            (404, "POST tus:80"),
            (404, "CONNECT tus:80"),
        ],
        ..HTTP1
    },
    Group {
        what: "a request line that is none",
        by: By::Hyper,
        frame: "{}\nHost: tus\nTus-Resumable: 1.0.0\nUpload-Length: 5\n\n",
        rows: &[
            (400, "POST files/ HTTP/1.1"),
            (400, "POST  /files/ HTTP/1.1"),
            (400, "POST /files/"),
            (400, "POST /fi les/ HTTP/1.1"),
            (400, "POST /files/\u{0} HTTP/1.1"),
            (400, "POST /files/\t HTTP/1.1"),
            (400, "POST /files/ HTTP/0.9"),
            (400, "POST /files/ HTTP/1.2"),
            (400, "POST /files/ HTTP/2.0"),
            (400, "POST /files/ http/1.1"),
            (400, "POST /files/ HTTP/1.1 x"),
            (400, "PO(ST /files/ HTTP/1.1"),
            (400, "/files/ HTTP/1.1"),
            (400, "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}"),
            (414, "POST /files/{a*65536} HTTP/1.1"),
        ],
        ..HTTP1
    },
    // --- HTTP's own headers ---
    Group {
        what: "a host",
        frame: "POST /files/ HTTP/1.1\nTus-Resumable: 1.0.0\nUpload-Length: 5\n{}\n\n",
        rows: &[
            (201, "Host:"),
            (201, "Host: {a*9000}"),
            (201, "Host: [::1]:8080"),
        ],
        ..HTTP1
    },
    Group {
        what: "no host, or more than one",
        by: By::Host,
        frame: "{} HTTP/1.1\nTus-Resumable: 1.0.0\nUpload-Length: 5\n\n",
        rows: &[
            (400, "POST /files/"),
            (400, "GET /"),
            (400, "GET /metrics"),
            (400, "OPTIONS *"),
            (400, "POST http://tus/files/"),
            (400, "POST /files/ HTTP/1.1\nHost: tus\nHost: tus\nX:"),
            (400, "POST /files/ HTTP/1.1\nHost: tus\nHost: other.example\nX:"),
            (400, "POST /files/ HTTP/1.1\nHost: \u{ff}\nX:"),
            (400, "POST /files/ HTTP/1.1\nHost: a b\nX:"),
            (400, "POST /files/ HTTP/1.1\nHost: \"><script>\nX:"),
            (400, "POST /files/ HTTP/1.1\nHost: user:word@other/..?#\nX:"),
            (400, "POST /files/ HTTP/1.1\nHost: [::1\nX:"),
            (400, "POST /files/ HTTP/1.1\nHost: tus:99999\nX:"),
        ],
        ..HTTP1
    },
    Group {
        what: "a proxy that nobody trusts",
        frame: "POST /files/{tus}\nUpload-Length: 5\n{}\n\n",
        rows: &[
            (201, "X-Forwarded-Host: other.example\nX-Forwarded-Proto: javascript"),
            (201, "X-Forwarded-Host: \u{ff}\nX-Forwarded-Prefix: /../.."),
            (201, "Forwarded: host=\"\u{ff}\\\";;=,,\""),
            (201, "X-Original-URL: /files/../secret\nX-Rewrite-URL: /secret"),
        ],
        ..BOTH
    },
    Group {
        what: "an expectation",
        frame: "POST /files/{tus}\nUpload-Length: 5\n{type}\nExpect: {}\n{hello}",
        rows: &[
            (201, ""),
            (201, "100-continue"),
            (201, "100-Continue"),
            (201, "200-ok"),
            (201, "100-continue, 100-continue"),
            (201, "\u{ff}"),
        ],
        ..HTTP1
    },
    Group {
        what: "a head that is none",
        by: By::Hyper,
        frame: "POST /files/{tus}\n{}\n\n",
        rows: &[
            (400, "Upload-Length : 5"),
            (400, " Upload-Length: 5"),
            (400, "Upload-Length:\n 5"),
            (400, "Upload-Length"),
            (400, ": 5"),
            (400, "Upload Length: 5"),
            (400, "Upl\u{f6}ad-Length: 5"),
            (400, "Upload-Length: 5\u{0}"),
            (400, "Upload-Length: 5\u{7f}"),
            (400, "Upload-Length: 5\rX: y"),
            (400, "Upload-Length: 5\nContent-Length: -1"),
            (400, "Upload-Length: 5\nContent-Length: +1"),
            (400, "Upload-Length: 5\nContent-Length: x"),
            (400, "Upload-Length: 5\nContent-Length:"),
            (400, "Upload-Length: 5\nContent-Length: 18446744073709551616"),
            (400, "Upload-Length: 5\nContent-Length: 0\nContent-Length: 5"),
            (400, "Upload-Length: 5\nContent-Length: 0, 5"),
            (400, "Upload-Length: 5\nTransfer-Encoding: gzip"),
            (400, "Upload-Length: 5\nTransfer-Encoding: identity"),
            (400, "Upload-Length: 5\nTransfer-Encoding: chunked, gzip"),
            (400, "Upload-Length: 5\nTransfer-Encoding: xchunked"),
            (400, "Upload-Length: 5\nTransfer-Encoding:"),
            (431, "Upload-Length: 5{\nX: y*250}"),
        ],
        ..HTTP1
    },
    Group {
        what: "a head that is odd, and one",
        frame: "{}",
        rows: &[
            (201, "\n\nPOST /files/{tus}\nUpload-Length: 5\n\n"),
            (201, "POST /files/ HTTP/1.1{lf}Host: tus{lf}Tus-Resumable: 1.0.0{lf}Upload-Length: 5{lf}{lf}"),
            (201, "POST /files/ HTTP/1.0\nTus-Resumable: 1.0.0\nUpload-Length: 5\n\n"),
            (201, "POST /files/{tus}\nUpload-Length: 5\nX:\n\n"),
            (201, "POST /files/{tus}\nUpload-Length: 5{\nX: y*247}\n\n"),
            (201, "POST /files/{tus}\nUpload-Length: 5\nX: {y*400000}\n\n"),
            (201, "POST /files/{tus}\nUpload-Length: 5\nContent-Length: 0\nContent-Length: 0\n\n"),
            (201, "POST /files/{tus}\nUpload-Length: 5\nConnection: Upload-Length, close\n\n"),
            (201, "POST /files/{tus}\nUpload-Length: 5\nUpgrade: h2c, websocket\n\n"),
            (201, "POST /files/{tus}\nUpload-Length: 5\nTE: trailers, gzip;q=x\n\n"),
        ],
        ..HTTP1
    },
    // --- Framing ---
    Group {
        what: "bytes in a frame that is whole",
        frame: "PATCH {fresh}{tus}\n{type}\nUpload-Offset: 0\n{}",
        rows: &[
            (204, "Content-Length: 0\n\n"),
            (204, "Content-Length: 005\n\nhello"),
            (204, "Content-Length: 5\nContent-Length: 5\n\nhello"),
            (204, "Transfer-Encoding: chunked\n\n5\nhello\n0\n\n"),
            (204, "Transfer-Encoding: CHUNKED\n\n5\nhello\n0\n\n"),
            (204, "Transfer-Encoding: chunked\nContent-Length: 3\n\n5\nhello\n0\n\n"),
            (204, "Content-Length: 900\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n"),
            (204, "Transfer-Encoding: chunked\n\n{0*900}5\nhello\n0\n\n"),
            (204, "Transfer-Encoding: chunked\n\n005;x=\"y\"\nhello\n000\n\n"),
            (204, "Transfer-Encoding: chunked\n\n1\nh\n1\ne\n1\nl\n1\nl\n1\no\n0\n\n"),
            (204, "Transfer-Encoding: chunked\nTrailer: Upload-Offset\n\n5\nhello\n0\nUpload-Offset: 9\n\n"),
            (204, "Transfer-Encoding: chunked\n\n5\nhello\n0\nTus-Resumable: 9\nUpload-Length: 1\n\n"),
            (204, "Transfer-Encoding: chunked\nTrailer: X\n\n0\n\n"),
            (204, "Trailer: X\nContent-Length: 5\n\nhello"),
        ],
        ..HTTP1
    },
    Group {
        what: "bytes that are encoded for the transfer",
        by: By::Host,
        frame: "PATCH {fresh}{tus}\n{type}\nUpload-Offset: 0\nTransfer-Encoding: {}\n\n5\nhello\n0\n\n",
        rows: &[
            (501, "gzip, chunked"),
            (501, "gzip\nTransfer-Encoding: chunked"),
            (501, "chunked, chunked"),
            (501, "identity, chunked"),
        ],
        ..HTTP1
    },
    Group {
        what: "a checksum behind the bytes",
        frame: "PATCH {fresh}{tus}\n{type}\nUpload-Offset: 0\nTransfer-Encoding: chunked\n\
                Trailer: Upload-Checksum\n\n5\nhello\n0\n{}\n\n",
        rows: &[
            (204, "Upload-Checksum: crc32 NhCmhg=="),
            (204, "X: y\nupload-checksum:   crc32 NhCmhg=="),
            (460, "Upload-Checksum: crc32 AAAAAA=="),
            (400, "Upload-Checksum: crc32 NhCmhg"),
            (400, "Upload-Checksum: crc32 NhCmhg==\nUpload-Checksum: crc32 NhCmhg=="),
            (400, "Upload-Checksum: crc64 NhCmhg=="),
            (400, "Upload-Checksum:"),
            (460, "Upload-Checksum: crc32 AA=="),
            (400, "X: y"),
            (400, "no trailer"),
            (400, "Upload-Checksum: crc32 NhCmhg=={fin}"),
        ],
        ..HTTP1
    },
    Group {
        what: "a frame that breaks behind its first bytes",
        keeps: Some(5),
        frame: "PATCH {fresh}{tus}\n{type}\nUpload-Offset: 0\n{}",
        rows: &[
            (400, "Transfer-Encoding: chunked\n\n5\nhello\nzz\nhello\n0\n\n"),
            (400, "Transfer-Encoding: chunked\n\n5\nhello\n-1\nx\n0\n\n"),
            (400, "Transfer-Encoding: chunked\n\n5\nhello\n\n"),
            (400, "Transfer-Encoding: chunked\n\n5\nhello{fin}"),
            (400, "Transfer-Encoding: chunked\n\n5\nhello\n5\n{fin}"),
            (400, "Transfer-Encoding: chunked\n\n9\nhello{fin}"),
            (400, "Transfer-Encoding: chunked\n\n5\nhelloworld\n0\n\n"),
            (400, "Transfer-Encoding: chunked\n\n5\nhello\nfffffffffffffffff\nx"),
            (400, "Transfer-Encoding: chunked\n\n5\nhello\n0x5\nworld\n0\n\n"),
            (400, "Transfer-Encoding: chunked\n\n5\nhello\n0\nno trailer\n\n"),
            (400, "Transfer-Encoding: chunked\n\n5\nhello\n0\nX: {y*20000}\n\n"),
            (400, "Content-Length: 9\n\nhello{fin}"),
        ],
        ..HTTP1
    },
    Group {
        what: "a frame that breaks before its first bytes",
        frame: "PATCH {fresh}{tus}\n{type}\nUpload-Offset: 0\n{}",
        rows: &[
            (400, "Transfer-Encoding: chunked\n\nhello\n0\n\n"),
            (400, "Transfer-Encoding: chunked\n\n\n\n"),
            (400, "Transfer-Encoding: chunked\n\n5;{x*20000}\nhello\n0\n\n"),
            (400, "Transfer-Encoding: chunked\n\n5{lf}hello\n0\n\n"),
            (400, "Content-Length: 9\n\n{fin}"),
        ],
        ..HTTP1
    },
    Group {
        what: "bytes of which nobody knows the number",
        keeps: Some(10),
        frame: "PATCH {half}{tus}\n{type}\nUpload-Offset: 5\nTransfer-Encoding: chunked\n\n{}\n0\n\n",
        rows: &[(413, "6\nworld!"), (413, "5\nworld\n1\n!")],
        ..HTTP1
    },
    Group {
        what: "bytes that a length of 0 does not hide",
        frame: "POST /files/{tus}\nUpload-Length: 5\n{}",
        rows: &[
            (415, "Transfer-Encoding: chunked\nContent-Length: 0\n\n1\nx\n0\n\n"),
            (415, "Content-Length: 0\nTransfer-Encoding: chunked\n\n1\nx\n0\n\n"),
            (201, "Content-Length: 0\nTransfer-Encoding: chunked\n\n0\n\n"),
            (201, "Transfer-Encoding: chunked\n\n0\n\n"),
        ],
        ..HTTP1
    },
    Group {
        what: "a second request within the first",
        frame: "{}",
        rows: &[
            (409, "PATCH {half}{tus}\n{type}\nUpload-Offset: 0\nContent-Length: 81\n\nDELETE {half} HTTP/1.1\nTus-Resumable: 1.0.0\n\n"),
            (200, "GET {half}{tus}\nTransfer-Encoding: chunked\nContent-Length: 4\n\n0\n\n"),
        ],
        ..HTTP1
    },
    Group {
        what: "a head that HTTP/2 finds too large",
        by: By::Hyper,
        frame: "POST /files/{tus}\nUpload-Length: 5\n{}\n\n",
        rows: &[
            (431, "Upload-Metadata: a {YWFh*110000}"),
            (431, "Upload-Metadata: {pairs*40000}"),
            (431, "X: y{\nX: y*13000}"),
        ],
        ..HTTP2
    },
    Group {
        what: "what HTTP/2 carries otherwise",
        frame: "{}",
        rows: &[
            (201, "POST /files/{tus}\nUpload-Length: 5\nExpect: 100-continue\n{type}\n{hello}"),
            (204, "PATCH {fresh}{tus}\n{type}\nUpload-Offset: 0\n\nhello"),
            (204, "PATCH {fresh}{tus}\n{type}\nUpload-Offset: 0\nTE: trailers\n\n"),
            (413, "PATCH {fresh}{tus}\n{type}\nUpload-Offset: 0\nContent-Length: 11\n\nhello, all!"),
            (415, "POST /files/{tus}\nUpload-Length: 5\n\nhello"),
        ],
        ..HTTP2
    },
];
