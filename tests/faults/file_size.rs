//! A limit on the size of files, like systemd's `LimitFSIZE=`.

use http::StatusCode;

use crate::harness::Server;
use crate::harness::services::{has, require};
use crate::harness::tus::{Tus, Version, code, content};

const LIMIT: u64 = 1 << 20;

#[tokio::test]
async fn what_fits_below_a_file_size_limit_is_kept_and_the_server_lives() {
    if !require(
        "prlimit",
        has("prlimit").await,
        "apt-get install util-linux",
    ) {
        return;
    }
    let limit = format!("--fsize={LIMIT}");
    let server = Server::start_under(&["prlimit", &limit], &[]).await;
    for version in [Version::Http1, Version::Http2] {
        let tus = Tus::new(server.url(), version);
        let url = tus.create(4 * LIMIT).await;
        let bytes = content(vec![7; 4 * LIMIT as usize]);
        let answer = tus.append(&url, 0, bytes).await;
        assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
        assert_eq!(code(&answer), "ERR_INSUFFICIENT_STORAGE");
        assert_eq!(tus.offset(&url).await, LIMIT);

        let parts = [part(&tus).await, part(&tus).await];
        let of = format!("final;{}", parts.join(" "));
        let answer = tus.ask(tus.post().header("Upload-Concat", of)).await;
        assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);

        let url = tus.create(LIMIT).await;
        let answer = tus.append(&url, 0, content(vec![7; LIMIT as usize])).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
}

/// Creates a partial upload of nearly the maximum file size, and returns its
/// path.
async fn part(tus: &Tus) -> String {
    let post = tus.post().header("Upload-Concat", "partial");
    let answer = tus.ask(post.header("Upload-Length", LIMIT - 1)).await;
    let url = tus.location(&answer);
    let bytes = content(vec![7; LIMIT as usize - 1]);
    tus.append(&url, 0, bytes).await;
    url[url.find("/files/").unwrap()..].to_owned()
}
