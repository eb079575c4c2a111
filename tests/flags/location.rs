//! The upload URLs that clients get.

use http::{Method, StatusCode};

use super::harness::tus::{Tus, Version, content, request};
use super::harness::{self, Signal};
use super::{Server, header, start};

/// Creates an upload with these headers, and returns `Location`.
async fn location(tus: &Tus, headers: &[(&str, &str)]) -> String {
    let mut post = tus.post().header("Upload-Length", "5");
    for (name, value) in headers {
        post = post.header(*name, *value);
    }
    let answer = tus.ask(post).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    header(&answer, "location").to_owned()
}

const FORWARDED: [(&str, &str); 4] = [
    ("Host", "inner.example:1234"),
    ("X-Forwarded-Host", "proxy.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Prefix", "/prefix"),
];

#[tokio::test]
async fn a_public_url_is_told_whatever_the_request_says() {
    for (args, base) in [
        (
            &["-public-url=https://x.example/api/files/"][..],
            "https://x.example/api/files/",
        ),
        (
            &["-public-url", "http://x.example:8080/up"],
            "http://x.example:8080/up/",
        ),
        (
            &["-public-url=https://x.example/api/files/", "-behind-proxy"],
            "https://x.example/api/files/",
        ),
    ] {
        let server = Server::start(args).await;
        for version in [Version::Http1, Version::Http2] {
            let tus = Tus::new(server.url(), version);
            for headers in [
                &[][..],
                &FORWARDED[usize::from(version == Version::Http2)..],
            ] {
                let location = location(&tus, headers).await;
                let id = location.strip_prefix(base).expect(&location);
                let url = format!("{}{id}", tus.url);
                tus.append(&url, 0, content("hello")).await;
                assert_eq!(tus.offset(&url).await, 5);
            }
        }
    }
}

#[tokio::test]
async fn parts_are_found_by_the_public_url() {
    let (_server, tus) = start(&["-public-url=https://x.example/api/files/"]).await;
    let partial = tus.post().header("Upload-Concat", "partial");
    let answer = tus.ask(partial.header("Upload-Length", "0")).await;
    let list = format!("final;{}", header(&answer, "location"));
    let answer = tus.ask(tus.post().header("Upload-Concat", list)).await;
    assert_eq!(answer.status(), StatusCode::CREATED, "CAT-05");
}

#[tokio::test]
async fn a_location_may_be_a_path() {
    for (args, base) in [
        (&["-relative-location"][..], "/files/"),
        (&["-relative-location", "-behind-proxy"], "/prefix/files/"),
        (&["-relative-location", "-public-url="], "/files/"),
    ] {
        let (_server, tus) = start(args).await;
        let location = location(&tus, &FORWARDED).await;
        let id = location.strip_prefix(base).expect(&location);
        assert!(!id.contains('/'), "{location}");
    }
    let (_server, tus) = start(&["-relative-location=false"]).await;
    let location = location(&tus, &[]).await;
    assert!(location.starts_with(&tus.url), "{location}");
}

#[tokio::test]
async fn a_public_url_that_is_none_or_is_to_be_a_path_too_stops_the_start() {
    for (args, named) in [
        (&["-public-url=/files/"][..], "--public-url"),
        (&["-public-url=ftp://x.example/"], "--public-url"),
        (&["-public-url=https://x.example/?a=b"], "--public-url"),
        (
            &["-public-url=https://x.example/", "-relative-location"],
            "-relative-location and -public-url exclude each other",
        ),
    ] {
        let output = harness::run(args).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.contains(named), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

/// Counts the warnings about a proxy, after many requests through one.
async fn warnings(args: &[&str], header: &str) -> usize {
    let mut server = Server::start(args).await;
    for version in [Version::Http1, Version::Http2] {
        let tus = Tus::new(server.url(), version);
        for _ in 0..3 {
            let options = request(Method::OPTIONS, &tus.url);
            tus.ask(options.header(header, "https")).await;
        }
    }
    server.signal(Signal::TERM);
    let lines = server.rest().await;
    let warns = |line: &&String| line.contains("WARN") && line.contains("-behind-proxy");
    lines.iter().filter(warns).count()
}

#[tokio::test]
async fn a_proxy_that_the_server_was_not_told_of_is_one_warning() {
    for header in ["Forwarded", "X-Forwarded-Proto", "X-Forwarded-For"] {
        assert_eq!(warnings(&[], header).await, 1, "{header}");
    }
    assert_eq!(warnings(&[], "X-Request-ID").await, 0);
    for args in ["-behind-proxy", "-public-url=https://x.example/"] {
        assert_eq!(warnings(&[args], "X-Forwarded-Proto").await, 0, "{args}");
    }
}
