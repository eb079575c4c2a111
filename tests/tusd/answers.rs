//! Responses to clients: status, headers, and the text of errors.

use std::collections::BTreeSet;

use http::request::Builder;
use http::{Method, Request, StatusCode};
use regex::Regex;

use crate::harness::tus::{Answer, Tus, content, patch, request};
use crate::program::{Home, Program, TowerTusd, Tusd, has_tusd};

const OCTETS: &str = "application/offset+octet-stream";

/// A client that logs the responses it gets.
struct Log {
    tus: Tus,
    lines: Vec<String>,
}

impl Log {
    async fn ask(&mut self, name: &str, request: Builder, bytes: &'static str) -> Answer {
        let answer = self.tus.send(request.body(content(bytes)).unwrap()).await;
        let mut say = |line| self.lines.push(format!("{name}: {line}"));
        say(answer.status().as_u16().to_string());
        for (key, value) in answer.headers() {
            for value in plain(key.as_str(), value.to_str().unwrap()) {
                say(format!("{key}: {value}"));
            }
        }
        let body = String::from_utf8_lossy(answer.body());
        say(format!("body {body:?}"));
        answer
    }

    async fn create(&mut self, name: &str, request: Builder, bytes: &'static str) -> String {
        let answer = self.ask(name, request, bytes).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        self.tus.location(&answer)
    }

    async fn well(&mut self) {
        let tus = self.tus.clone();
        let options = request(Method::OPTIONS, &tus.url);
        self.ask("options", options, "").await;

        let post = tus.post().header("Upload-Length", 11);
        let post = post.header("Upload-Metadata", "filename d29ybGQudHh0");
        let url = self.create("create", post, "").await;
        self.ask("head of none", request(Method::HEAD, &url), "")
            .await;
        self.ask("append", patch(&url, 0), "hello").await;
        self.ask("append nothing", patch(&url, 5), "").await;
        self.ask("head", request(Method::HEAD, &url), "").await;
        self.ask("get of some", Request::get(&url), "").await;
        self.ask("get by a client", request(Method::GET, &url), "")
            .await;
        self.ask("end", patch(&url, 5), " world").await;
        self.ask("again", patch(&url, 11), "").await;
        self.ask("more", patch(&url, 11), "!").await;
        let parts = format!("final;{url} {url}");
        let post = tus.post().header("Upload-Concat", parts);
        self.ask("a final of wholes", post, "").await;
        self.ask("head of all", request(Method::HEAD, &url), "")
            .await;
        self.ask("get", Request::get(&url), "").await;
        let get = Request::get(&url).header("Range", "bytes=2-4");
        self.ask("get a range", get, "").await;
        let options = request(Method::OPTIONS, &url);
        self.ask("options of an upload", options, "").await;
        self.ask("delete", request(Method::DELETE, &url), "").await;
        self.ask("head of gone", request(Method::HEAD, &url), "")
            .await;

        let post = tus.post().header("Upload-Length", 5);
        let post = post.header("Content-Type", OCTETS);
        let post = post.header("Upload-Metadata", "filetype dGV4dC9wbGFpbg==");
        let url = self.create("create with bytes", post, "hello").await;
        self.ask("get of a type", Request::get(&url), "").await;
        let post = tus.post().header("Upload-Length", 0);
        self.create("create nothing", post, "").await;

        let post = tus.post().header("Upload-Defer-Length", 1);
        let url = self.create("create deferred", post, "").await;
        self.ask("append deferred", patch(&url, 0), "hel").await;
        self.ask("head of deferred", request(Method::HEAD, &url), "")
            .await;
        let rest = patch(&url, 3).header("Upload-Length", 5);
        self.ask("end deferred", rest, "lo").await;

        let partial = || tus.post().header("Upload-Concat", "partial");
        let post = partial().header("Upload-Length", 5);
        let url = self.create("create a partial", post, "").await;
        self.ask("append to a partial", patch(&url, 0), "hello")
            .await;
        self.ask("head of a partial", request(Method::HEAD, &url), "")
            .await;
        let path = &url[url.find("/files/").unwrap()..];
        let parts = format!("final;{url} {path}");
        let post = tus.post().header("Upload-Concat", parts);
        let url = self.create("create a final", post, "").await;
        self.ask("head of a final", request(Method::HEAD, &url), "")
            .await;
        self.ask("append to a final", patch(&url, 10), "x").await;
    }

    async fn for_pages(&mut self) {
        let tus = self.tus.clone();
        let preflight = request(Method::OPTIONS, &tus.url)
            .header("Origin", "http://a.example")
            .header("Access-Control-Request-Method", "POST");
        self.ask("preflight", preflight, "").await;
        let post = tus.post().header("Upload-Length", 11);
        let post = post.header("Origin", "http://a.example");
        self.ask("create from a page", post, "").await;
    }

    async fn badly(&mut self) {
        let tus = self.tus.clone();
        let none = format!("{}none", tus.url);
        let get = Request::get(&none);
        self.ask("head of none such", request(Method::HEAD, &none), "")
            .await;
        self.ask("get of none such", get, "").await;
        self.ask("append to none such", patch(&none, 0), "x").await;
        let delete = request(Method::DELETE, &none);
        self.ask("delete none such", delete, "").await;

        let posts = [
            ("no length", [("x-none", ""), ("x-none", "")]),
            (
                "a length of letters",
                [("Upload-Length", "a"), ("x-none", "")],
            ),
            (
                "a length below 0",
                [("Upload-Length", "-1"), ("x-none", "")],
            ),
            ("too long", [("Upload-Length", "1001"), ("x-none", "")]),
            (
                "two lengths",
                [("Upload-Length", "1"), ("Upload-Defer-Length", "1")],
            ),
            (
                "deferred by 2",
                [("Upload-Defer-Length", "2"), ("x-none", "")],
            ),
            (
                "no concat",
                [("Upload-Length", "1"), ("Upload-Concat", "whole")],
            ),
            (
                "a final of none",
                [("Upload-Concat", "final;"), ("x-none", "")],
            ),
            (
                "a final of none such",
                [("Upload-Concat", "final;/files/none"), ("x-none", "")],
            ),
            (
                "no metadata",
                [("Upload-Length", "1"), ("Upload-Metadata", "a !")],
            ),
            (
                "bytes of a type",
                [("Upload-Length", "1"), ("Content-Type", "text/plain")],
            ),
        ];
        for (name, headers) in posts {
            let mut post = tus.post();
            for (key, value) in headers {
                post = post.header(key, value);
            }
            let bytes = if name == "bytes of a type" { "x" } else { "" };
            self.ask(name, post, bytes).await;
        }

        let partial = tus.post().header("Upload-Concat", "partial");
        let post = partial.header("Upload-Length", 5);
        let url = self.create("create half a partial", post, "").await;
        let post = tus.post().header("Upload-Concat", format!("final;{url}"));
        self.ask("a final of half a partial", post, "").await;
        self.ask("a wrong offset", patch(&url, 3), "x").await;
        self.ask("too many bytes", patch(&url, 0), "hello world")
            .await;
        let append = || request(Method::PATCH, &url);
        let typed = || append().header("Content-Type", OCTETS);
        self.ask("no offset", typed(), "x").await;
        let letters = typed().header("Upload-Offset", "a");
        self.ask("an offset of letters", letters, "x").await;
        let untyped = append().header("Upload-Offset", 0);
        self.ask("no type", untyped, "x").await;

        let old = http::Request::post(&tus.url).header("Tus-Resumable", "0.2.2");
        self.ask("an old version", old, "").await;
        let old = http::Request::post(&tus.url).header("Upload-Length", 1);
        self.ask("no version", old, "").await;
        let old = http::Request::head(&url);
        self.ask("head without a version", old, "").await;
        self.ask("put", request(Method::PUT, &url), "").await;
        self.ask("get of all", Request::get(&tus.url), "").await;
        let delete = request(Method::POST, &url).header("X-HTTP-Method-Override", "DELETE");
        self.ask("delete by post", delete, "").await;
    }
}

/// Returns a value without parts that vary; of an unordered list, its members.
fn plain<'a>(name: &str, value: &'a str) -> Vec<&'a str> {
    match name {
        "date" | "etag" | "last-modified" | "x-request-id" => vec!["some"],
        "location" => vec![value.rsplit_once('/').unwrap().0],
        "tus-extension"
        | "access-control-allow-headers"
        | "access-control-allow-methods"
        | "access-control-expose-headers" => value.split(',').map(str::trim).collect(),
        _ => vec![value],
    }
}

/// Returns all responses, line by line.
async fn answers(program: Program) -> BTreeSet<String> {
    let home = Home::new();
    let (_server, tus) = program.start(&home, &["-max-size=1000"]).await;
    let lines = Vec::new();
    let mut log = Log { tus, lines };
    log.well().await;
    log.for_pages().await;
    log.badly().await;
    let lines = home.plain(&log.lines.join("\n"));
    lines.lines().map(str::to_owned).collect()
}

/// The first words of the page's rows, and the differences that they explain.
const KNOWN: [(&str, &str); 24] = [
    (
        "every response has an `X-Request-ID`",
        "[+] .*: x-request-id: some",
    ),
    (
        "PATCH with another `Content-Type`",
        "[-+] no type: 4(00|15)",
    ),
    (
        "POST with a body of another `Content-Type`",
        "[-+] bytes of a type: .*",
    ),
    (
        "412 has `Tus-Version`",
        "[+] (an old|no) version: tus-version: 1.0.0",
    ),
    (
        "HEAD needs `Tus-Resumable`",
        "[-+] head without a version: .*",
    ),
    (
        "`Upload-Metadata` that is malformed",
        "[-+] no metadata: .*",
    ),
    (
        "HEAD has no `Content-Length`",
        "- head( of .*)?: content-length: [0-9]+",
    ),
    (
        "409 has `Upload-Offset`",
        "[+] a wrong offset: upload-offset: 0",
    ),
    ("bytes at the end of a complete upload", "[-+] more: .*"),
    (
        "405 has an exact `Allow`",
        "[-+] (put|get of all): (allow: .*|content-length: 1[89])",
    ),
    (
        "405 has an exact `Allow`",
        r#"[-+] (put|get of all): body "method not allowed(\\n)?""#,
    ),
    (
        "checksums in header and trailer",
        "[+] .*: tus-checksum-algorithm: .*",
    ),
    (
        "checksums in header and trailer",
        "[+] (options.*|preflight): tus-extension: checksum(-trailer)?",
    ),
    (
        "finals of uploads that are not partial",
        "[-+] a final of wholes: .*",
    ),
    (
        "HEAD returns `Upload-Concat` as it was sent",
        "[-+] head of a final: upload-concat: .*",
    ),
    (
        "the response to a creation has `Upload-Concat`",
        "[+] create .*: upload-concat: .*",
    ),
    (
        "a 404 to HEAD",
        "[-+] head of (gone|none such): (cache-control: no-store|content-type: .*)",
    ),
    ("`Vary: Origin`", "[+] .*: vary: Origin"),
    (
        "browsers are granted",
        "[+] .*: access-control-(allow-headers|allow-methods|expose-headers): .*",
    ),
    (
        "GET has `ETag`",
        "[+] get( .*)?: (etag: some|cache-control: no-store)",
    ),
    (
        "GET returns the headers of HEAD",
        "[+] get( .*)?: upload-(offset|length|metadata): .*",
    ),
    ("GET with `Tus-Resumable`", "[-+] get by a client: .*"),
    (
        "GET sends scripts as `text/plain`",
        "[+] get of a type: content-security-policy: sandbox",
    ),
    (
        "`Content-Disposition` as RFC 6266",
        "[-+] get( .*)?: content-disposition: .*",
    ),
];

#[tokio::test]
async fn a_client_is_answered_the_same_but_for_what_the_page_says() {
    if !has_tusd() {
        return;
    }
    let (tusd, here) = (answers(Tusd).await, answers(TowerTusd).await);
    let missing = tusd.difference(&here).map(|line| format!("- {line}"));
    let added = here.difference(&tusd).map(|line| format!("+ {line}"));
    let mut differences: Vec<_> = missing.chain(added).collect();
    differences.sort_unstable_by_key(|line| line[2..].to_owned());

    let page = include_str!("../../docs/differences-from-tusd.md");
    let known = KNOWN.map(|(row, lines)| {
        assert!(page.contains(&format!("\n| {row}")), "no row: {row}");
        Regex::new(&format!("^({lines})$")).unwrap()
    });
    for (lines, (row, _)) in known.iter().zip(KNOWN) {
        let differs = differences.iter().any(|line| lines.is_match(line));
        assert!(differs, "there is no such difference: {row}");
    }
    differences.retain(|line| !known.iter().any(|lines| lines.is_match(line)));
    assert!(differences.is_empty(), "{differences:#?}");
}
