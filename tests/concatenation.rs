//! Uploads that are concatenated from many others.

#![cfg(unix)]

mod harness;

use harness::Server;
use harness::tus::{Tus, Version, code, content, number};
use http::StatusCode;

const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

/// Creates a partial upload with these bytes, and returns its URL.
async fn partial(tus: &Tus, bytes: String) -> String {
    let post = tus.post().header("Upload-Concat", "partial");
    let answer = tus.ask(post.header("Upload-Length", bytes.len())).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let url = tus.location(&answer);
    let answer = tus.append(&url, 0, content(bytes)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    url
}

fn stored(server: &Server, url: &str) -> String {
    let (_, id) = url.rsplit_once('/').unwrap();
    std::fs::read_to_string(server.uploads().join(id)).unwrap()
}

#[tokio::test]
async fn a_list_of_a_thousand_long_urls_is_taken_over_both_versions() {
    let server = Server::start(&[]).await;
    for version in VERSIONS {
        let tus = Tus::new(server.url(), version);
        let mut parts = Vec::new();
        for n in 0..10 {
            parts.push(partial(&tus, n.to_string()).await);
        }
        // Long URLs, like those of a public host: the last list takes 300 KiB.
        for part in &mut parts {
            *part = format!("{part}?{}", "x".repeat(240));
        }
        for times in [1, 50, 100] {
            let list = format!("final;{}", vec![parts.join(" "); times].join(" "));
            let answer = tus.ask(tus.post().header("Upload-Concat", &list)).await;
            assert_eq!(answer.status(), StatusCode::CREATED, "{version:?}");
            assert!(answer.headers()["upload-concat"] == list, "CAT-17");
            let url = tus.location(&answer);
            assert!(
                stored(&server, &url) == "0123456789".repeat(times),
                "CAT-05"
            );

            let answer = tus.head(&url).await;
            assert!(answer.headers()["upload-concat"] == list, "CAT-16");
            let length = 10 * times as u64;
            assert_eq!(number(answer.headers(), "upload-offset"), length, "CAT-13");
            assert_eq!(number(answer.headers(), "upload-length"), length, "CAT-04");
        }
    }
}

#[tokio::test]
async fn a_final_may_have_more_parts_than_files_may_be_open_at_first() {
    let few = ["sh", "-c", r#"ulimit -Sn 100 && exec "$0" "$@""#];
    let server = Server::start_under(&few, &[]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    let mut parts = Vec::new();
    for n in 0..300 {
        parts.push(partial(&tus, format!("{n};")).await);
    }
    let list = format!("final;{}", parts.join(" "));
    let answer = tus.ask(tus.post().header("Upload-Concat", &list)).await;
    assert_eq!(answer.status(), StatusCode::CREATED, "{}", code(&answer));
    let expected: String = (0..300).map(|n| format!("{n};")).collect();
    assert_eq!(stored(&server, &tus.location(&answer)), expected);
    // All locks have been released.
    let names = harness::names(server.uploads());
    assert!(names.iter().all(|name| !name.ends_with(".lock")));
}

#[tokio::test]
async fn a_list_of_more_names_than_set_is_refused_over_both_versions() {
    let server = Server::start(&[]).await;
    let few = Server::start(&["-max-concat-parts=3"]).await;
    for version in VERSIONS {
        for (server, most) in [(&server, 1000), (&few, 3)] {
            let tus = Tus::new(server.url(), version);
            let part = partial(&tus, "a".to_owned()).await;
            for (count, status) in [(most, 201), (most + 1, 400)] {
                let list = format!("final;{}", vec![&part[..]; count].join(" "));
                let answer = tus.ask(tus.post().header("Upload-Concat", &list)).await;
                assert_eq!(answer.status(), status, "{count} over {version:?}");
                let expected = if status == 201 {
                    ""
                } else {
                    "ERR_TOO_MANY_PARTS"
                };
                assert_eq!(code(&answer), expected);
            }
        }
    }
}

#[tokio::test]
async fn repeats_of_a_part_count_towards_the_maximum_size() {
    let flags = ["-max-size=10", "-concatenation-unfinished"];
    let server = Server::start(&flags).await;
    for version in VERSIONS {
        let tus = Tus::new(server.url(), version);
        let part = partial(&tus, "hello".to_owned()).await;
        let post = tus.post().header("Upload-Concat", "partial");
        let deferred = tus.ask(post.header("Upload-Defer-Length", "1")).await;
        let deferred = tus.location(&deferred);
        let answer = tus.append(&deferred, 0, content("hello")).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        for (parts, status) in [
            (&[&part, &part][..], 201),
            (&[&part, &deferred], 201),
            (&[&part, &part, &part], 413),
            (&[&deferred, &part, &deferred], 413),
        ] {
            let list: Vec<_> = parts.iter().map(|part| part.as_str()).collect();
            let list = format!("final;{}", list.join(" "));
            let answer = tus.ask(tus.post().header("Upload-Concat", &list)).await;
            assert_eq!(answer.status(), status, "{list} over {version:?}");
        }
    }
}

#[tokio::test]
async fn parts_are_found_behind_a_proxy_that_strips_a_prefix_over_both_versions() {
    let plain = Server::start(&[]).await;
    let behind = Server::start(&["-behind-proxy"]).await;
    for version in VERSIONS {
        for (server, of_others) in [(&plain, 404), (&behind, 201)] {
            let tus = Tus::new(server.url(), version);
            let part = partial(&tus, "hello".to_owned()).await;
            let (_, id) = part.rsplit_once('/').unwrap();
            for (url, status) in [
                (format!("http://{}/api/files/{id}", server.address()), 201),
                (format!("/api/files/{id}"), 201),
                (format!("https://example.com/api/files/{id}"), of_others),
            ] {
                let list = format!("final;{url} {part}");
                let answer = tus.ask(tus.post().header("Upload-Concat", &list)).await;
                assert_eq!(answer.status(), status, "{url} over {version:?}");
            }
        }
    }
}
