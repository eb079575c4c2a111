//! The effects of flags, seen from outside. For sockets and shutdown see
//! `server.rs`, for the log see `logs.rs`.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;

mod files;
mod greeting;
mod lenient;
mod location;
mod unbuilt;

use harness::Server;
use harness::raw::Http1;
use harness::tus::{Answer, Tus, Version, code, content, patch, request};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HOST, LOCATION};
use http::{Method, Request, StatusCode};

async fn start(args: &[&str]) -> (Server, Tus) {
    let server = Server::start(args).await;
    let tus = Tus::new(server.url(), Version::Http1);
    (server, tus)
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn no_upload_is_larger_than_the_maximum() {
    let (_server, tus) = start(&["-max-size=5"]).await;
    let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
    assert_eq!(header(&answer, "tus-max-size"), "5");
    tus.create(5).await;
    let answer = tus.ask(tus.post().header("Upload-Length", "6")).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(code(&answer), "ERR_MAX_SIZE_EXCEEDED");
}

#[tokio::test]
async fn no_upload_that_is_made_of_others_is_larger_than_the_maximum() {
    let (_server, tus) = start(&["-max-size=5"]).await;
    let mut parts = Vec::new();
    for text in ["hel", "lo", "!"] {
        let post = tus.post().header("Upload-Concat", "partial");
        let answer = tus.ask(post.header("Upload-Length", text.len())).await;
        let url = tus.location(&answer);
        tus.append(&url, 0, content(text)).await;
        parts.push(url);
    }
    for (parts, status) in [
        (&parts[..2], StatusCode::CREATED),
        (&parts[..], StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let list = format!("final;{}", parts.join(" "));
        let answer = tus.ask(tus.post().header("Upload-Concat", list)).await;
        assert_eq!(answer.status(), status);
    }
}

#[tokio::test]
async fn a_maximum_of_zero_is_none() {
    let (_server, tus) = start(&["-max-size=0"]).await;
    let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
    assert_eq!(header(&answer, "tus-max-size"), "");
    tus.create(1 << 40).await;
}

#[tokio::test]
async fn metadata_has_a_maximum_of_bytes_and_of_pairs_unless_it_is_switched_off() {
    let pairs = |count: usize| {
        let pairs: Vec<_> = (0..count).map(|key| format!("k{key} YQ==")).collect();
        pairs.join(",")
    };
    // Twelve bytes, in three pairs.
    let few = || "a YQ==,b,ccc".to_owned();
    for (flags, metadata, status) in [
        (vec![], "k".repeat(64 << 10), 201),
        (vec![], "k".repeat((64 << 10) + 1), 431),
        (vec![], pairs(1_000), 201),
        (vec![], pairs(1_001), 431),
        (vec!["-lenient"], pairs(1_001), 431),
        (vec!["-lenient"], "k".repeat((64 << 10) + 1), 431),
        (
            vec!["-max-metadata-size=12", "-max-metadata-pairs=3"],
            few(),
            201,
        ),
        (vec!["-max-metadata-size=11"], few(), 431),
        (vec!["-max-metadata-pairs=2"], few(), 431),
        (vec!["-max-metadata-size=0"], "k".repeat(100_000), 201),
        (vec!["-max-metadata-pairs=0"], pairs(3_000), 201),
    ] {
        let (server, _) = start(&flags).await;
        for version in [Version::Http1, Version::Http2] {
            let tus = Tus::new(server.url(), version);
            let post = tus.post().header("Upload-Length", "5");
            let answer = tus.ask(post.header("Upload-Metadata", &metadata)).await;
            assert_eq!(answer.status(), status, "{flags:?} {}", metadata.len());
            if status == 431 {
                assert_eq!(code(&answer), "ERR_METADATA_TOO_LARGE", "{flags:?}");
                assert_eq!(header(&answer, "tus-resumable"), "1.0.0", "CORE-06");
            }
        }
    }
}

#[tokio::test]
async fn the_base_path_takes_a_post_with_and_without_its_slash() {
    for flag in ["-base-path=/up/load/", "-base-path=up/load", "-base-path=/"] {
        let (_server, tus) = start(&[flag]).await;
        let without = tus.url.trim_end_matches('/').to_owned();
        for url in [&tus.url, &without] {
            let post = request(Method::POST, url).header("Upload-Length", "5");
            let answer = tus.ask(post).await;
            assert_eq!(answer.status(), StatusCode::CREATED, "{flag} {url}");
            assert_eq!(tus.offset(&tus.location(&answer)).await, 0, "{flag} {url}");
        }
    }
}

#[tokio::test]
async fn a_location_is_what_the_client_asked_for() {
    let (_server, tus) = start(&[]).await;
    let post = tus
        .post()
        .header("Upload-Length", "5")
        .header(HOST, "tus.example:1234");
    let answer = tus
        .ask(post.header("X-Forwarded-Host", "evil.example"))
        .await;
    let location = header(&answer, LOCATION.as_str());
    assert!(
        location.starts_with("http://tus.example:1234/files/"),
        "{location}"
    );
}

#[tokio::test]
async fn a_proxy_is_believed_when_it_is_there() {
    let (_server, tus) = start(&["-behind-proxy"]).await;
    let post = tus.post().header("Upload-Length", "5");
    let post = post.header("X-Forwarded-Host", "tus.example");
    let answer = tus.ask(post.header("X-Forwarded-Proto", "https")).await;
    let location = header(&answer, LOCATION.as_str());
    assert!(
        location.starts_with("https://tus.example/files/"),
        "{location}"
    );
}

#[tokio::test]
async fn termination_can_be_switched_off() {
    let (_server, tus) = start(&["-disable-termination"]).await;
    let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
    assert!(!header(&answer, "tus-extension").contains("termination"));
    let url = tus.create(5).await;
    let answer = tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(header(&answer, "allow"), "OPTIONS, GET, HEAD, PATCH");
    assert_eq!(tus.offset(&url).await, 0);
}

#[tokio::test]
async fn checksums_are_verified_by_the_algorithms_that_are_named() {
    let all = "sha1,sha256,sha512,md5,crc32,crc32c,blake3";
    for (args, told, status) in [
        (&[][..], all, 460),
        (&["-checksum-algorithms=md5, sha1"], "sha1,md5", 460),
        (&["-checksum-algorithms=md5"], "md5", 400),
        (&["-checksum-algorithms="], "", 204),
    ] {
        let (_server, tus) = start(args).await;
        let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
        assert_eq!(header(&answer, "tus-checksum-algorithm"), told);
        let extensions = header(&answer, "tus-extension");
        assert_eq!(extensions.contains("checksum"), !told.is_empty());
        let url = tus.create(5).await;
        let other = "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=";
        let patch = patch(&url, 0).header("Upload-Checksum", other);
        let answer = tus.send(patch.body(content("hello")).unwrap()).await;
        assert_eq!(answer.status(), status, "{args:?}");
    }
}

#[tokio::test]
async fn downloads_can_be_switched_off() {
    let (_server, tus) = start(&["-disable-download"]).await;
    let url = tus.create(5).await;
    tus.append(&url, 0, content("hello")).await;
    let answer = tus.ask(Request::get(&url)).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(header(&answer, "allow"), "OPTIONS, HEAD, PATCH, DELETE");
}

#[tokio::test]
async fn an_unfinished_upload_is_given_out_unless_told_otherwise() {
    for (flag, status) in [
        ("-download-only-finished", StatusCode::BAD_REQUEST),
        ("-download-only-finished=false", StatusCode::OK),
    ] {
        let (_server, tus) = start(&[flag]).await;
        let url = tus.create(10).await;
        tus.append(&url, 0, content("hello")).await;
        let answer = tus.ask(Request::get(&url)).await;
        assert_eq!(answer.status(), status, "{flag}");
        if status == StatusCode::BAD_REQUEST {
            assert_eq!(code(&answer), "ERR_INCOMPLETE_UPLOAD");
        }
        tus.append(&url, 5, content("world")).await;
        let answer = tus.ask(Request::get(&url)).await;
        assert_eq!(answer.body(), "helloworld", "{flag}");
    }
}

#[tokio::test]
async fn concatenation_can_be_switched_off() {
    let (_server, tus) = start(&["-concatenation-unfinished", "-disable-concatenation"]).await;
    let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
    assert!(!header(&answer, "tus-extension").contains("concatenation"));
    for concat in ["partial", "final;/files/a"] {
        let post = tus.post().header("Upload-Concat", concat);
        let answer = tus.ask(post.header("Upload-Length", "5")).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(code(&answer), "ERR_CONCATENATION_UNSUPPORTED");
    }
}

#[tokio::test]
async fn finals_of_unfinished_parts_are_taken_when_asked_for() {
    for (flags, unfinished) in [(&[][..], false), (&["-concatenation-unfinished"], true)] {
        let (_server, tus) = start(flags).await;
        let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
        let extensions: Vec<_> = header(&answer, "tus-extension").split(',').collect();
        assert!(extensions.contains(&"concatenation"), "CAT-01");
        let announced = extensions.contains(&"concatenation-unfinished");
        assert_eq!(announced, unfinished, "CUF-01");

        let partial = tus.post().header("Upload-Concat", "partial");
        let answer = tus.ask(partial.header("Upload-Length", "5")).await;
        let part = tus.location(&answer);
        let whole = tus.post().header("Upload-Concat", format!("final;{part}"));
        let answer = tus.ask(whole).await;
        if !unfinished {
            assert_eq!(code(&answer), "ERR_UPLOAD_NOT_FINISHED");
            continue;
        }
        assert_eq!(answer.status(), StatusCode::CREATED, "CUF-02");
        let whole = tus.location(&answer);
        let answer = tus.head(&whole).await;
        assert_eq!(header(&answer, "upload-offset"), "", "CAT-12");
        assert_eq!(header(&answer, "upload-length"), "5", "CAT-15");
        tus.append(&part, 0, content("hello")).await;
        assert_eq!(tus.offset(&whole).await, 5, "CAT-13");
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_known_is_a_mistake() {
    let output = harness::run(&["-checksum-algorithms=sha1,SHA256"]).await;
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("no checksum algorithm is called"),
        "{message}"
    );
}

#[tokio::test]
async fn a_client_that_stalls_is_let_go_after_the_network_timeout() {
    for flag in ["-network-timeout=300ms", "-timeout=300"] {
        let (server, tus) = start(&[flag]).await;
        stall(&server, &tus).await;
    }
}

async fn stall(server: &Server, tus: &Tus) {
    let url = tus.create(10).await;
    let path = &url[url.find("/files/").unwrap()..];
    let mut client = Http1::connect(server.address()).await;
    let headers = [
        ("Upload-Offset", "0".to_owned()),
        ("Content-Type", "application/offset+octet-stream".to_owned()),
        ("Content-Length", "10".to_owned()),
    ];
    client.head(&format!("PATCH {path}"), &headers).await;
    client.send(b"hello").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.contains("ERR_READ_TIMEOUT"), "{answer}");
    assert_eq!(tus.offset(&url).await, 5, "CORE-31");
}

async fn preflight(tus: &Tus, origin: &str) -> Answer {
    let preflight = Request::options(&tus.url).header("Origin", origin);
    tus.ask(preflight.header("Access-Control-Request-Method", "PATCH"))
        .await
}

#[tokio::test]
async fn any_origin_may_upload_unless_told_otherwise() {
    let (_server, tus) = start(&[]).await;
    let answer = preflight(&tus, "https://app.example").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        header(&answer, "access-control-allow-origin"),
        "https://app.example"
    );
    assert_eq!(header(&answer, "access-control-max-age"), "86400");
    assert_eq!(header(&answer, "access-control-allow-credentials"), "");
}

#[tokio::test]
async fn the_origin_is_a_regular_expression_that_is_found_anywhere_in_it() {
    let (_server, tus) = start(&["-cors-allow-origin", r"^https://.*\.example"]).await;
    for (origin, status) in [
        ("https://app.example", StatusCode::OK),
        ("https://app.example.org", StatusCode::OK),
        ("http://app.example", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
    ] {
        assert_eq!(preflight(&tus, origin).await.status(), status, "{origin}");
    }
    let refused = tus
        .post()
        .header("Upload-Length", "5")
        .header("Origin", "null");
    assert_eq!(code(&tus.ask(refused).await), "ERR_ORIGIN_NOT_ALLOWED");
}

#[tokio::test]
async fn what_cors_flags_name_is_allowed_beside_the_usual() {
    let (_server, tus) = start(&[
        "-cors-allow-credentials",
        "-cors-allow-methods=REPORT",
        "-cors-allow-headers=X-One, X-Two",
        "-cors-expose-headers=X-Three",
        "-cors-max-age=10",
    ])
    .await;
    let answer = preflight(&tus, "https://app.example").await;
    assert_eq!(header(&answer, "access-control-allow-credentials"), "true");
    assert_eq!(header(&answer, "access-control-max-age"), "10");
    let methods = header(&answer, "access-control-allow-methods");
    assert!(
        methods.contains("PATCH") && methods.contains("REPORT"),
        "{methods}"
    );
    let headers = header(&answer, "access-control-allow-headers").to_ascii_lowercase();
    assert!(headers.contains("upload-offset"), "{headers}");
    assert!(
        headers.contains("x-one") && headers.contains("x-two"),
        "{headers}"
    );

    let post = tus
        .post()
        .header("Upload-Length", "5")
        .header("Origin", "https://app.example");
    let answer = tus.ask(post).await;
    let exposed = header(&answer, "access-control-expose-headers").to_ascii_lowercase();
    assert!(
        exposed.contains("location") && exposed.contains("x-three"),
        "{exposed}"
    );
}

#[tokio::test]
async fn cors_can_be_switched_off() {
    let (_server, tus) = start(&["-disable-cors"]).await;
    let answer = preflight(&tus, "https://app.example").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!answer.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    let url = tus.create(5).await;
    assert_eq!(
        tus.append(&url, 0, content("hello")).await.status(),
        StatusCode::NO_CONTENT
    );
}
