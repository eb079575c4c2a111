//! GET by HTTP clients that do not know tus.

#![cfg(unix)]

mod harness;

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream;
use harness::tus::{Answer, Content, Tus, Version, content, request, streamed};
use harness::{Server, patient};
use http::{Method, Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];
/// More than all buffers between a server and a client that does not read.
const LARGE: usize = 64 << 20;

async fn start(args: &[&str], version: Version) -> (Server, Tus) {
    let server = Server::start(args).await;
    let tus = Tus::new(server.url(), version);
    (server, tus)
}

/// Creates an upload of `length` bytes that begins with `bytes`.
async fn upload(tus: &Tus, length: usize, bytes: impl Into<Bytes>) -> String {
    let url = tus.create(length as u64).await;
    let answer = tus.append(&url, 0, content(bytes)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    url
}

async fn get<const N: usize>(tus: &Tus, url: &str, headers: [(&str, &str); N]) -> Answer {
    let mut get = Request::get(url);
    for (name, value) in headers {
        get = get.header(name, value);
    }
    tus.ask(get).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// Bytes of which no two pieces are the same.
fn large() -> Bytes {
    let numbers = (0..LARGE as u32 / 4).map(|n| n.wrapping_mul(2_654_435_761));
    numbers.flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn an_upload_is_given_out_whole_and_goes_on_where_a_client_stopped() {
    for version in VERSIONS {
        let (_server, tus) = start(&[], version).await;
        let url = upload(&tus, 11, "hello world").await;
        let whole = get(&tus, &url, []).await;
        assert_eq!(whole.status(), StatusCode::OK);
        assert_eq!(whole.body(), "hello world");
        for (name, value) in [
            ("accept-ranges", "bytes"),
            ("content-disposition", "attachment"),
            ("content-length", "11"),
            ("content-type", "application/octet-stream"),
            ("tus-resumable", "1.0.0"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(header(&whole, name), value, "{name}");
        }

        let tag = header(&whole, "etag");
        let rest = [("range", "bytes=6-"), ("if-range", tag)];
        let rest = get(&tus, &url, rest).await;
        assert_eq!(rest.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(header(&rest, "content-range"), "bytes 6-10/11");
        assert_eq!(rest.body(), "world");

        let known = get(&tus, &url, [("if-none-match", tag)]).await;
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(header(&known, "etag"), tag);
        assert_eq!(known.body(), "");
        let since = [("if-modified-since", header(&whole, "last-modified"))];
        let known = get(&tus, &url, since).await;
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);

        let beyond = get(&tus, &url, [("range", "bytes=11-")]).await;
        assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(header(&beyond, "content-range"), "bytes */11");
        let other = get(&tus, &url, [("if-match", "\"other\"")]).await;
        assert_eq!(other.status(), StatusCode::PRECONDITION_FAILED);
    }
}

#[tokio::test]
async fn a_head_that_a_cache_turned_into_get_is_answered_like_head() {
    for args in [
        &[][..],
        &["-disable-download"],
        &["-download-only-finished"],
    ] {
        for version in VERSIONS {
            let (_server, tus) = start(args, version).await;
            let url = upload(&tus, 11, "hello").await;
            let head = tus.head(&url).await;
            let get = tus.ask(request(Method::GET, &url)).await;
            assert_eq!(get.status(), StatusCode::OK, "{args:?}");
            assert_eq!(get.body(), "", "{args:?}");
            for name in ["upload-offset", "upload-length", "cache-control"] {
                assert_eq!(header(&get, name), header(&head, name), "{args:?}");
            }
            assert_eq!(header(&get, "upload-offset"), "5");

            tus.append(&url, 5, content(" world")).await;
            let get = tus.ask(request(Method::GET, &url)).await;
            assert_eq!(get.status(), StatusCode::OK, "{args:?}");
            assert_eq!(header(&get, "upload-offset"), "11");
            assert_eq!(header(&get, "cache-control"), "no-store");
            let off = args == ["-disable-download"];
            assert_eq!(get.body(), if off { "" } else { "hello world" });
        }
    }
}

#[tokio::test]
async fn a_get_of_a_tus_client_ends_the_request_that_holds_the_upload() {
    for version in VERSIONS {
        let (server, tus) = start(&["-disable-download"], version).await;
        let url = tus.create(10).await;
        let (sender, body) = channel();
        let append = tokio::spawn({
            let (tus, url) = (tus.clone(), url.clone());
            async move { tus.append(&url, 0, body).await }
        });
        sender.send(Bytes::from("hello")).unwrap();
        let stored = async {
            while data(&server, &url).metadata().unwrap().len() < 5 {
                tokio::task::yield_now().await;
            }
        };
        patient(stored).await;
        let get = tus.ask(request(Method::GET, &url)).await;
        assert_eq!(header(&get, "upload-offset"), "5", "{get:?}");
        let answer = append.await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{answer:?}");
    }
}

#[tokio::test]
async fn who_has_a_part_of_what_has_grown_gets_all() {
    for version in VERSIONS {
        let (_server, tus) = start(&[], version).await;
        let url = upload(&tus, 11, "hello").await;
        let part = get(&tus, &url, []).await;
        assert_eq!(part.body(), "hello");
        assert_eq!(header(&part, "cache-control"), "no-store");
        tus.append(&url, 5, content(" world")).await;
        let had = [("range", "bytes=5-"), ("if-range", header(&part, "etag"))];
        let whole = get(&tus, &url, had).await;
        assert_eq!(whole.status(), StatusCode::OK);
        assert_eq!(whole.body(), "hello world");
        assert_eq!(header(&whole, "cache-control"), "");
    }
}

/// Returns the parts of a multipart body, each with its `Content-Range`.
fn parts(answer: &Answer) -> Vec<(String, String)> {
    let content_type = header(answer, "content-type");
    let (kind, boundary) = content_type.split_once("; boundary=").unwrap();
    assert_eq!(kind, "multipart/byteranges");
    let text = std::str::from_utf8(answer.body()).unwrap();
    let delimiter = format!("\r\n--{boundary}");
    let parts: Vec<_> = text.split(&*delimiter).collect();
    let ["", parts @ .., "--\r\n"] = &parts[..] else {
        panic!("{text:?}");
    };
    let part = |part: &&str| {
        let (head, body) = part.split_once("\r\n\r\n").unwrap();
        let range = "\r\nContent-Type: image/png\r\nContent-Range: ";
        (
            head.strip_prefix(range).unwrap().to_owned(),
            body.to_owned(),
        )
    };
    parts.iter().map(part).collect()
}

#[tokio::test]
async fn three_ranges_come_in_three_parts() {
    for version in VERSIONS {
        let (_server, tus) = start(&[], version).await;
        // "image/png"
        let metadata = ("Upload-Metadata", "filetype aW1hZ2UvcG5n");
        let post = tus.post().header("Upload-Length", "11");
        let url = tus.location(&tus.ask(post.header(metadata.0, metadata.1)).await);
        tus.append(&url, 0, content("hello world")).await;
        let answer = get(&tus, &url, [("range", "bytes=0-1, 4-6, -3")]).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        let expected = [
            ("bytes 0-1/11", "he"),
            ("bytes 4-6/11", "o w"),
            ("bytes 8-10/11", "rld"),
        ];
        let expected = expected.map(|(range, text)| (range.to_owned(), text.to_owned()));
        assert_eq!(parts(&answer), expected);

        // A small request for a huge response.
        let greedy = format!("bytes=0-{}", ",0-".repeat(20));
        let answer = get(&tus, &url, [("range", &*greedy)]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.body(), "hello world");
    }
}

/// Returns a body that yields what is sent to the channel.
fn channel() -> (mpsc::UnboundedSender<Bytes>, Content) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let frames = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    (sender, streamed(frames))
}

#[tokio::test]
async fn an_upload_that_is_read_meanwhile_goes_on() {
    for version in VERSIONS {
        let (_server, tus) = start(&[], version).await;
        let url = tus.create(10).await;
        let (sender, body) = channel();
        let append = tokio::spawn({
            let (tus, url) = (tus.clone(), url.clone());
            async move { tus.append(&url, 0, body).await }
        });
        sender.send(Bytes::from("hello")).unwrap();
        let seen = async {
            while get(&tus, &url, []).await.body() != "hello" {
                tokio::task::yield_now().await;
            }
        };
        patient(seen).await;
        sender.send(Bytes::from("world")).unwrap();
        drop(sender);
        let answer = append.await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{answer:?}");
        assert_eq!(get(&tus, &url, []).await.body(), "helloworld");
    }
}

#[tokio::test]
async fn a_large_upload_comes_back_byte_by_byte_in_constant_memory() {
    let large = large();
    for version in VERSIONS {
        let (server, tus) = start(&[], version).await;
        let url = upload(&tus, LARGE, large.clone()).await;
        let whole = get(&tus, &url, []).await;
        assert!(*whole.body() == large, "it is another one in {version:?}");
        let middle = get(&tus, &url, [("range", "bytes=1000001-50000001")]).await;
        assert!(*middle.body() == large[1_000_001..=50_000_001]);
        if cfg!(target_os = "linux") {
            let peak = server.peak_rss();
            assert!(peak < LARGE as u64, "it held {peak} bytes");
        }
    }
}

/// Requests an upload over a new connection, and reads the head of the
/// response.
async fn begin(server: &Server, url: &str) -> (TcpStream, String) {
    let mut socket = server.connect().await;
    let path = &url[url.find("/files/").unwrap()..];
    let get = format!("GET {path} HTTP/1.1\r\nHost: tus\r\nConnection: close\r\n\r\n");
    patient(socket.write_all(get.as_bytes())).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(patient(socket.read_u8()).await.unwrap());
    }
    (socket, String::from_utf8(head).unwrap())
}

/// Reads until the server closes the connection.
async fn rest(mut socket: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    patient(socket.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

#[tokio::test]
async fn what_is_deleted_meanwhile_is_given_out_to_its_end() {
    let large = large();
    let (server, tus) = start(&[], Version::Http1).await;
    let url = upload(&tus, LARGE, large.clone()).await;
    let (socket, head) = begin(&server, &url).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let deleted = tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT, "it does not wait");
    assert_eq!(get(&tus, &url, []).await.status(), StatusCode::NOT_FOUND);
    assert!(rest(socket).await == large);
}

/// Returns the path of an upload's bytes.
fn data(server: &Server, url: &str) -> PathBuf {
    server.uploads().join(url.rsplit('/').next().unwrap())
}

#[tokio::test]
async fn bytes_that_are_gone_break_the_transfer_and_nothing_else() {
    let (mut server, tus) = start(&[], Version::Http1).await;
    let url = tus.create(LARGE as u64).await;
    let file = OpenOptions::new().write(true).open(data(&server, &url));
    let file = file.unwrap();
    file.set_len(LARGE as u64).unwrap();
    let (socket, head) = begin(&server, &url).await;
    assert!(
        head.contains(&format!("Content-Length: {LARGE}\r\n")),
        "{head}"
    );
    // Fewer bytes than this are already in flight.
    file.set_len(LARGE as u64 / 2).unwrap();
    let came = rest(socket).await.len();
    assert!(came <= LARGE / 2, "{came}");
    let line = server.line("a download broke off").await;
    assert!(line.contains("ERROR"), "{line}");
    assert_eq!(get(&tus, &url, []).await.body().len(), LARGE / 2);
}

#[tokio::test]
async fn cre_06_what_a_client_said_of_an_upload_harms_no_other() {
    for (metadata, content_type, disposition) in [
        // "text/html", "a.html"
        (
            "filetype dGV4dC9odG1s,filename YS5odG1s",
            "text/html",
            "attachment; filename=\"a.html\"",
        ),
        // "text/plain; charset=utf-8"
        (
            "filetype dGV4dC9wbGFpbjsgY2hhcnNldD11dGYtOA==",
            "text/plain; charset=utf-8",
            "inline",
        ),
        // Both values contain "x", a line break, and "Set-Cookie: a=1".
        (
            "filename eA0KU2V0LUNvb2tpZTogYT0x,filetype eA0KU2V0LUNvb2tpZTogYT0x",
            "application/octet-stream",
            "attachment; filename=\"xSet-Cookie: a=1\"",
        ),
        // `../"ü".exe`
        (
            "filename Li4vIsO8Ii5leGU=",
            "application/octet-stream",
            "attachment; filename=\"___.exe\"; filename*=UTF-8''%22%C3%BC%22.exe",
        ),
    ] {
        for version in VERSIONS {
            let (_server, tus) = start(&[], version).await;
            let post = tus.post().header("Upload-Length", "0");
            let created = tus.ask(post.header("Upload-Metadata", metadata)).await;
            let answer = get(&tus, &tus.location(&created), []).await;
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(header(&answer, "content-type"), content_type);
            assert_eq!(header(&answer, "content-disposition"), disposition);
            assert_eq!(header(&answer, "set-cookie"), "");
        }
    }
}

#[tokio::test]
async fn nothing_that_was_uploaded_runs_in_a_browser() {
    // `text/plain; x=` and 300 letters.
    let long = format!("dGV4dC9wbGFpbjsgeD15{}", "eXl5".repeat(100));
    for (filetype, content_type, disposition, policy) in [
        // "text/javascript", "application/ecmascript; charset=utf-8", "image/png"
        ("dGV4dC9qYXZhc2NyaXB0", "text/plain", "attachment", ""),
        (
            "YXBwbGljYXRpb24vZWNtYXNjcmlwdDsgY2hhcnNldD11dGYtOA==",
            "text/plain",
            "attachment",
            "",
        ),
        ("aW1hZ2UvcG5n", "image/png", "inline", "sandbox"),
        (&*long, "application/octet-stream", "attachment", ""),
    ] {
        for version in VERSIONS {
            let (_server, tus) = start(&[], version).await;
            let post = tus.post().header("Upload-Length", "20");
            // U+202E and "gpj.exe".
            let metadata = format!("filetype {filetype},filename 4oCuZ3BqLmV4ZQ==");
            let created = tus.ask(post.header("Upload-Metadata", metadata)).await;
            let url = tus.location(&created);
            tus.append(&url, 0, content("hello, world, hello!")).await;
            for range in ["bytes=0-", "bytes=0-1", "bytes=0-1, 4-5"] {
                let answer = get(&tus, &url, [("range", range)]).await;
                assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
                let disposition = format!("{disposition}; filename=\"gpj.exe\"");
                assert_eq!(header(&answer, "content-disposition"), disposition);
                assert_eq!(header(&answer, "content-security-policy"), policy);
                match range.contains(',') {
                    true => {
                        let text = std::str::from_utf8(answer.body()).unwrap();
                        let line = format!("\r\nContent-Type: {content_type}\r\n");
                        assert_eq!(text.matches(&line).count(), 2, "{text}");
                    }
                    false => assert_eq!(header(&answer, "content-type"), content_type),
                }
            }
        }
    }
}

#[tokio::test]
async fn an_upload_that_is_found_in_the_directory_is_given_out() {
    let (server, tus) = start(&[], Version::Http1).await;
    fs::create_dir_all(server.uploads().join("a")).unwrap();
    fs::write(server.uploads().join("a/b"), "hello").unwrap();
    // Written by tusd.
    let info = r#"{"ID":"a/b","Size":5,"SizeIsDeferred":false,"Offset":0,"MetaData":{"filename":"b.txt"},"IsPartial":false,"IsFinal":false,"PartialUploads":null,"Storage":null}"#;
    fs::write(server.uploads().join("a/b.info"), info).unwrap();
    let answer = get(&tus, &format!("{}a/b", tus.url), []).await;
    assert_eq!(answer.body(), "hello");
    assert_eq!(
        header(&answer, "content-disposition"),
        "attachment; filename=\"b.txt\""
    );
    assert_eq!(header(&answer, "cache-control"), "", "it is finished");
}
