//! A disk on which no file can be created any more.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use http::{Method, Request, StatusCode};

use crate::harness::services::user_namespaces;
use crate::harness::tus::{Tus, Version, code, content, request};
use crate::harness::{self, Server};

/// A shell script that gives the server its own disk with 64 inodes.
const FEW_INODES: &str = "mount -t tmpfs -o size=8m,nr_inodes=64 tmpfs . && cd . && exec \"$@\"";

/// Returns the upload directory as the server sees it.
fn uploads(server: &Server) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{}/root", server.pid().as_raw_pid()));
    root.join(server.uploads().strip_prefix("/").unwrap())
}

/// Creates files until there are no inodes left.
fn fill(dir: &Path) {
    let full = (0..).find_map(|n| File::create(dir.join(format!("filling.{n}"))).err());
    assert_eq!(full.unwrap().kind(), std::io::ErrorKind::StorageFull);
}

/// Gives an upload a second id, and returns the URL of that.
fn copy(dir: &Path, url: &str, id: &str) -> String {
    let (base, old) = url.rsplit_once('/').unwrap();
    fs::create_dir_all(dir.join(id).parent().unwrap()).unwrap();
    fs::copy(dir.join(old), dir.join(id)).unwrap();
    let info = fs::read_to_string(dir.join(format!("{old}.info"))).unwrap();
    let info = info.replace(&format!("\"ID\":\"{old}\""), &format!("\"ID\":\"{id}\""));
    fs::write(dir.join(format!("{id}.info")), info).unwrap();
    format!("{base}/{id}")
}

async fn offsets_are_read_and_uploads_are_terminated(version: Version) {
    if !user_namespaces().await {
        return;
    }
    let wrapper = ["unshare", "-Urm", "sh", "-c", FEW_INODES, "sh"];
    let server = Server::start_under(&wrapper, &[]).await;
    let tus = Tus::new(server.url(), version);
    let dir = uploads(&server);
    let begun = tus.create(5).await;
    let finished = tus.create(5).await;
    for (url, bytes) in [(&begun, "hel"), (&finished, "hello")] {
        let answer = tus.append(url, 0, content(bytes)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    let below = copy(&dir, &begun, "sub/below");
    let whole = copy(&dir, &finished, "sub/finished");
    fill(&dir);

    let creation = tus.post().header("Upload-Length", "5");
    let answers = [
        tus.ask(creation).await,
        tus.append(&begun, 3, content("l")).await,
        tus.append(&below, 3, content("l")).await,
    ];
    for answer in answers {
        assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
        assert_eq!(code(&answer), "ERR_INSUFFICIENT_STORAGE");
    }
    for (url, offset) in [(&begun, 3), (&below, 3), (&finished, 5), (&whole, 5)] {
        assert_eq!(tus.offset(url).await, offset, "{url}");
        let answer = tus.ask(Request::get(url.as_str())).await;
        assert_eq!(answer.status(), StatusCode::OK, "{url}");
        assert_eq!(answer.body().len(), offset as usize, "{url}");
    }
    for url in [&below, &finished] {
        // Each one without an inode.
        fill(&dir);
        let answer = tus.ask(request(Method::DELETE, url)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{url}");
        assert_eq!(tus.head(url).await.status(), StatusCode::NOT_FOUND);
    }
    let answer = tus.append(&begun, 3, content("lo")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let left = harness::names(&dir);
    assert!(
        !left
            .iter()
            .any(|name| name.ends_with(".lock") || name.ends_with(".new"))
    );
}

#[tokio::test]
async fn without_inodes_offsets_are_read_and_uploads_are_terminated_over_http_1() {
    offsets_are_read_and_uploads_are_terminated(Version::Http1).await;
}

#[tokio::test]
async fn without_inodes_offsets_are_read_and_uploads_are_terminated_over_http_2() {
    offsets_are_read_and_uploads_are_terminated(Version::Http2).await;
}
