//! A full disk.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::harness::services::user_namespaces;
use crate::harness::tus::{Tus, Version, chunked, code, content, request};
use crate::harness::{Server, patient};

/// A shell script that gives the server its own disk of 8 MiB, if the kernel
/// permits it.
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

        // The disk accepts neither further bytes nor a new upload.
        let answer = tus.append(&url, offset, chunked(&["more"])).await;
        assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
        // The file of the locks goes a moment after the last one, and leaves
        // space for one more.
        patient(async {
            let more = || tus.post().header("Upload-Length", "5");
            while tus.ask(more()).await.status() != StatusCode::CREATED {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        let answer = tus.ask(tus.post().header("Upload-Length", "5")).await;
        assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
        assert!(!answer.headers().contains_key("location"));
        // Without space for the text of a lock, offsets can still be read and
        // uploads removed.
        assert_eq!(tus.offset(&url).await, offset);

        // The refused requests have left nothing behind.
        let answer = tus.ask(request(Method::DELETE, &url)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        let url = tus.create(4 << 20).await;
        let answer = tus.append(&url, 0, content(vec![7; 4 << 20])).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        tus.ask(request(Method::DELETE, &url)).await;
    }
}
