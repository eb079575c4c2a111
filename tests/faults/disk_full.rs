//! A disk that is full.

use http::{Method, StatusCode};

use crate::harness::Server;
use crate::harness::services::user_namespaces;
use crate::harness::tus::{Tus, Version, chunked, code, content, request};

/// A shell that gives the server a disk of 8 MiB of its own, where the kernel lets it.
pub(crate) const SMALL_DISK: &str = "mount -t tmpfs -o size=8m tmpfs . && cd . && exec \"$@\"";

#[tokio::test]
async fn what_fits_is_kept_and_the_client_is_told() {
    if !user_namespaces().await {
        return;
    }
    let wrapper = ["unshare", "-Urm", "sh", "-c", SMALL_DISK, "sh"];
    let server = Server::start_under(&wrapper, &[]).await;
    for version in [Version::Http1, Version::Http2] {
        let tus = Tus::new(server.url(), version);
        let url = tus.create(16 << 20).await;
        let answer = tus.append(&url, 0, content(vec![7; 16 << 20])).await;
        assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
        assert_eq!(code(&answer), "ERR_INSUFFICIENT_STORAGE");
        let offset = tus.offset(&url).await;
        assert!(offset > 4 << 20 && offset < 8 << 20, "{offset}");

        // Not a byte more, and no new upload either.
        let answer = tus.append(&url, offset, chunked(&["more"])).await;
        assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
        // But that the lock has left its room, which is enough for one.
        let answer = tus.ask(tus.post().header("Upload-Length", "5")).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let answer = tus.ask(tus.post().header("Upload-Length", "5")).await;
        assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
        assert!(!answer.headers().contains_key("location"));
        // No room for a lock's text either, and yet what is there can be asked for and removed.
        assert_eq!(tus.offset(&url).await, offset);

        // What was refused left nothing behind: there is room again.
        let answer = tus.ask(request(Method::DELETE, &url)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        let url = tus.create(4 << 20).await;
        let answer = tus.append(&url, 0, content(vec![7; 4 << 20])).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        tus.ask(request(Method::DELETE, &url)).await;
    }
}
