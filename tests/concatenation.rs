//! Uploads that are made of many others.

#![cfg(unix)]

mod harness;

use harness::Server;
use harness::tus::{Tus, Version, code, content, number};
use http::StatusCode;

const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

/// Creates a partial of these bytes, and gives its URL.
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
async fn a_list_may_fill_the_head_over_both_versions() {
    let server = Server::start(&[]).await;
    for version in VERSIONS {
        let tus = Tus::new(server.url(), version);
        let mut parts = Vec::new();
        for n in 0..10 {
            parts.push(partial(&tus, n.to_string()).await);
        }
        // The last list takes 300 KiB.
        for times in [1, 50, 500] {
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
    // Every lock is gone.
    let files = server.uploads().read_dir().unwrap();
    let mut names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(names.all(|name| !name.ends_with(".lock")));
}
