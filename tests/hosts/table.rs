//! Requests, and the response that every host must give.

use std::fmt::Write;

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, DATE, ETAG, LAST_MODIFIED};
use http::request::{Builder, Parts};
use http::{HeaderMap, Method};
use tower_tus::Stack;
use tower_tus::layers::gate::Gate;
use tower_tus::layers::protocol::{Body, Chunk, Error, Length, Metadata, NewUpload};
use tower_tus::layers::store::{AppendOptions, MemoryStore, Store};

use crate::host;
use crate::tus::{Answer, Content, chunked, content, patch, request};

/// A request with its body, and the expected response.
struct Case {
    name: &'static str,
    ask: fn() -> (Builder, Content),
    status: u16,
    /// All headers except those of every response and those of the host.
    headers: &'static [(&'static str, &'static str)],
    text: &'static str,
}

const CASES: &[Case] = &[
    Case {
        name: "OPTIONS tells what there is",
        ask: || (request(Method::OPTIONS, "/files/"), content("")),
        status: 200,
        headers: &[
            (
                "tus-extension",
                "creation,termination,creation-defer-length,concatenation,checksum,checksum-trailer,creation-with-upload",
            ),
            (
                "tus-checksum-algorithm",
                "sha1,sha256,sha512,md5,crc32,crc32c,blake3",
            ),
            ("tus-version", "1.0.0"),
        ],
        text: "",
    },
    Case {
        name: "a creation tells where the upload is",
        ask: || (post().header("Upload-Length", "5"), content("")),
        status: 201,
        headers: &[("location", "/files/new")],
        text: "",
    },
    Case {
        name: "a creation needs no slash at the end",
        ask: || {
            let post = request(Method::POST, "/files?a=b");
            (post.header("Upload-Length", "5"), content(""))
        },
        status: 201,
        headers: &[("location", "/files/new")],
        text: "",
    },
    Case {
        name: "a creation brings bytes along",
        ask: || (typed_post().header("Upload-Length", "9"), content("hello")),
        status: 201,
        headers: &[("location", "/files/new"), ("upload-offset", "5")],
        text: "",
    },
    Case {
        name: "a creation brings bytes of a length that nobody tells",
        ask: || {
            let post = typed_post().header("Upload-Defer-Length", "1");
            (post, chunked(&["he", "llo"]))
        },
        status: 201,
        headers: &[("location", "/files/new"), ("upload-offset", "5")],
        text: "",
    },
    Case {
        name: "HEAD tells where an upload stands",
        ask: || (request(Method::HEAD, "/files/part"), content("")),
        status: 200,
        headers: &[
            ("cache-control", "no-store"),
            ("upload-length", "10"),
            ("upload-metadata", "name YQ=="),
            ("upload-offset", "5"),
        ],
        text: "",
    },
    Case {
        name: "HEAD tells of a length that is deferred",
        ask: || (request(Method::HEAD, "/files/deferred"), content("")),
        status: 200,
        headers: &[
            ("cache-control", "no-store"),
            ("upload-defer-length", "1"),
            ("upload-offset", "0"),
        ],
        text: "",
    },
    Case {
        name: "HEAD of an id with segments",
        ask: || (request(Method::HEAD, "/files/a%2Fb%2525"), content("")),
        status: 200,
        headers: &[
            ("cache-control", "no-store"),
            ("upload-length", "0"),
            ("upload-offset", "0"),
        ],
        text: "",
    },
    Case {
        name: "GET of a part of an upload",
        ask: || {
            let get = request(Method::GET, "/files/text");
            (get.header("Range", "bytes=1-3"), content(""))
        },
        status: 206,
        headers: &[
            ("accept-ranges", "bytes"),
            ("cache-control", "no-store"),
            ("content-disposition", "inline"),
            ("content-range", "bytes 1-3/5"),
            ("content-security-policy", "sandbox"),
            ("upload-length", "5"),
            (
                "upload-metadata",
                "filetype dGV4dC9wbGFpbjsgY2hhcnNldD11dGYtOA==",
            ),
            ("upload-offset", "5"),
        ],
        text: "ell",
    },
    Case {
        name: "an append tells the new offset",
        ask: || (patch("/files/part", 5), content("world")),
        status: 204,
        headers: &[("upload-offset", "10")],
        text: "",
    },
    Case {
        name: "an append of a length that nobody tells",
        ask: || (patch("/files/part", 5), chunked(&["wo", "", "r"])),
        status: 204,
        headers: &[("upload-offset", "8")],
        text: "",
    },
    Case {
        name: "an append of nothing",
        ask: || (patch("/files/part", 5), content("")),
        status: 204,
        headers: &[("upload-offset", "5")],
        text: "",
    },
    Case {
        name: "an append that declares the length",
        ask: || {
            let patch = patch("/files/deferred", 0).header("Upload-Length", "5");
            (patch, content("hello"))
        },
        status: 204,
        headers: &[("upload-offset", "5")],
        text: "",
    },
    Case {
        name: "an append of the bytes that its checksum speaks of",
        ask: || {
            let patch = patch("/files/part", 5);
            (patch.header("Upload-Checksum", WORLD), content("world"))
        },
        status: 204,
        headers: &[("upload-offset", "10")],
        text: "",
    },
    Case {
        name: "460 for an append of others",
        ask: || {
            let patch = patch("/files/part", 5);
            (patch.header("Upload-Checksum", WORLD), content("World"))
        },
        status: 460,
        headers: &[],
        text: "ERR_CHECKSUM_MISMATCH: checksum mismatch\n",
    },
    Case {
        name: "460 for a creation with others, without its place",
        ask: || {
            let post = typed_post().header("Upload-Length", "5");
            (post.header("Upload-Checksum", WORLD), content("World"))
        },
        status: 460,
        headers: &[],
        text: "ERR_CHECKSUM_MISMATCH: checksum mismatch\n",
    },
    Case {
        name: "400 for a checksum that cannot be verified",
        ask: || {
            let patch = patch("/files/part", 5);
            (
                patch.header("Upload-Checksum", "sha3 AA=="),
                content("world"),
            )
        },
        status: 400,
        headers: &[],
        text: "ERR_INVALID_CHECKSUM: missing, invalid or unsupported Upload-Checksum header\n",
    },
    Case {
        name: "an upload is terminated",
        ask: || (request(Method::DELETE, "/files/part"), content("")),
        status: 204,
        headers: &[],
        text: "",
    },
    Case {
        name: "400 for a creation without a length",
        ask: || (post(), content("")),
        status: 400,
        headers: &[],
        text: "ERR_INVALID_UPLOAD_LENGTH: missing or invalid Upload-Length header\n",
    },
    Case {
        name: "404 for HEAD, without a text",
        ask: || (request(Method::HEAD, "/files/missing"), content("")),
        status: 404,
        headers: &[("cache-control", "no-store")],
        text: "",
    },
    Case {
        name: "404 for PATCH",
        ask: || (patch("/files/missing", 0), content("hello")),
        status: 404,
        headers: &[],
        text: "ERR_UPLOAD_NOT_FOUND: upload not found\n",
    },
    Case {
        name: "404 for a path that would lead elsewhere",
        ask: || {
            let delete = request(Method::DELETE, "/files/..%2Fpart");
            (delete, content(""))
        },
        status: 404,
        headers: &[],
        text: "ERR_UPLOAD_NOT_FOUND: upload not found\n",
    },
    Case {
        name: "405 for an upload",
        ask: || (request(Method::PUT, "/files/part"), content("")),
        status: 405,
        headers: &[("allow", "OPTIONS, GET, HEAD, PATCH, DELETE")],
        text: "method not allowed\n",
    },
    Case {
        name: "405 for the collection",
        ask: || (request(Method::DELETE, "/files"), content("")),
        status: 405,
        headers: &[("allow", "OPTIONS, POST")],
        text: "method not allowed\n",
    },
    Case {
        name: "409 with the offset that there is",
        ask: || (patch("/files/part", 7), content("ld")),
        status: 409,
        headers: &[("upload-offset", "5")],
        text: "ERR_MISMATCHED_OFFSET: mismatched offset\n",
    },
    Case {
        name: "412 with the version that there is",
        ask: || {
            let patch = patch("/files/part", 5);
            (other_version(patch), content("world"))
        },
        status: 412,
        headers: &[("tus-version", "1.0.0")],
        text: "ERR_UNSUPPORTED_VERSION: missing, invalid or unsupported Tus-Resumable header\n",
    },
    Case {
        name: "413 for bytes that are known to be too many",
        ask: || (patch("/files/part", 5), content("worlds")),
        status: 413,
        headers: &[],
        text: "ERR_UPLOAD_SIZE_EXCEEDED: upload's size exceeded\n",
    },
    Case {
        name: "413 for bytes that turn out to be too many",
        ask: || (patch("/files/part", 5), chunked(&["world", "s"])),
        status: 413,
        headers: &[],
        text: "ERR_UPLOAD_SIZE_EXCEEDED: upload's size exceeded\n",
    },
    Case {
        name: "413 for a creation",
        ask: || (typed_post().header("Upload-Length", "3"), content("hello")),
        status: 413,
        headers: &[],
        text: "ERR_UPLOAD_SIZE_EXCEEDED: upload's size exceeded\n",
    },
    Case {
        name: "415 for an append of another type",
        ask: || {
            let patch = request(Method::PATCH, "/files/part")
                .header("Upload-Offset", "5")
                .header("Content-Type", "text/plain");
            (patch, content("world"))
        },
        status: 415,
        headers: &[],
        text: "ERR_INVALID_CONTENT_TYPE: missing or invalid Content-Type header\n",
    },
    Case {
        name: "415 for a creation with bytes of another type",
        ask: || (post().header("Upload-Length", "5"), content("hello")),
        status: 415,
        headers: &[],
        text: "ERR_INVALID_CONTENT_TYPE: missing or invalid Content-Type header\n",
    },
];

/// The checksum of `world`.
const WORLD: &str = "sha1 fCEUM/AgcVl3Qeb/Wo6jR4mrv0M=";

fn post() -> Builder {
    request(Method::POST, "/files/")
}

fn typed_post() -> Builder {
    post().header("Content-Type", "application/offset+octet-stream")
}

fn other_version(mut request: Builder) -> Builder {
    let headers = request.headers_mut().unwrap();
    headers.insert("Tus-Resumable", "0.2.2".parse().unwrap());
    request
}

#[tokio::test]
async fn every_host_answers_as_the_table_says() {
    let mut wrong = String::new();
    for host in host::all() {
        for case in CASES {
            let peer = host.host(Stack::new(uploads().await).add_gate(Named));
            let (request, body) = (case.ask)();
            let answer = peer.send(request.body(body).unwrap()).await;
            let (seen, expected) = (seen(&answer), case.answer());
            if seen != expected {
                writeln!(
                    wrong,
                    "{host}: {}\n{seen}\n-- where it should be --\n{expected}\n",
                    case.name
                )
                .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Returns the uploads that exist before each request.
pub(crate) async fn uploads() -> MemoryStore {
    let store = MemoryStore::default();
    for (id, length, metadata, bytes) in [
        ("part", Some(10), "name YQ==", "hello"),
        ("deferred", None, "", ""),
        ("a/b%25", Some(0), "", ""),
        // The content type is "text/plain; charset=utf-8".
        (
            "text",
            Some(5),
            "filetype dGV4dC9wbGFpbjsgY2hhcnNldD11dGYtOA==",
            "hello",
        ),
    ] {
        let metadata = Metadata::parse(metadata.as_bytes()).unwrap();
        let mut new = NewUpload::new(length.map(Length::from), metadata);
        new.id = id.parse().unwrap();
        let mut upload = store.create(new).await.unwrap();
        let mut body = Body::from(bytes);
        let chunk = Chunk::new(&mut body);
        let appended = upload.append(chunk, AppendOptions::default()).await;
        assert!(appended.error.is_none());
    }
    store
}

/// Gives every new upload the same id.
#[derive(Debug)]
struct Named;

#[async_trait]
impl Gate for Named {
    async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        upload.id = "new".parse().map_err(Error::internal)?;
        Ok(())
    }
}

impl Case {
    fn answer(&self) -> String {
        let mut headers = vec![
            ("tus-resumable", "1.0.0"),
            ("x-content-type-options", "nosniff"),
        ];
        headers.extend(self.headers);
        if !self.text.is_empty() {
            headers.push(("content-type", "text/plain; charset=utf-8"));
        }
        written(self.status, headers, self.text)
    }
}

/// Formats a response without what depends on the host or on the time.
fn seen(answer: &Answer) -> String {
    assert_length(answer.headers(), answer.body().len());
    let headers = answer.headers().iter();
    let headers =
        headers.filter(|(name, _)| ![CONTENT_LENGTH, DATE, ETAG, LAST_MODIFIED].contains(name));
    let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let text = std::str::from_utf8(answer.body()).unwrap();
    written(answer.status().as_u16(), headers.collect(), text)
}

/// Hosts may add `Content-Length`, but it must be correct.
fn assert_length(headers: &HeaderMap, bytes: usize) {
    let length = headers.get(CONTENT_LENGTH);
    assert!(length.is_none_or(|length| *length == bytes.to_string()));
}

fn written(status: u16, mut headers: Vec<(&str, &str)>, text: &str) -> String {
    headers.sort_unstable();
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    format!(
        "{status}\n{}\n\n{text}",
        lines.collect::<Vec<_>>().join("\n")
    )
}
