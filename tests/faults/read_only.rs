//! A disk that is mounted read-only, as the kernel does itself after errors.

use std::fs;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use tempfile::TempDir;
use tokio::process::Command;

use crate::harness::services::user_namespaces;
use crate::harness::tus::{Tus, Version, code, content, request};
use crate::harness::{Server, Signal, command_under, patient};

/// Shell scripts that make the server's directory a mount.
const WRITABLE: &str = "mount --bind . . && cd \"$PWD\" && exec \"$@\"";
const READ_ONLY: &str =
    "mount --bind . . && mount -o remount,bind,ro . && cd \"$PWD\" && exec \"$@\"";

async fn start(script: &str, home: &TempDir, args: &[&str]) -> Server {
    let wrapper = ["unshare", "-Urm", "sh", "-c", script, "sh"];
    Server::launch(home.path(), command_under(&wrapper, home.path(), args)).await
}

/// Mounts the directory of a running server anew.
async fn remount(server: &Server, home: &TempDir, option: &str) {
    let pid = server.pid().as_raw_pid().to_string();
    let remount = || {
        Command::new("nsenter")
            .args([
                "--target",
                &pid,
                "--user",
                "--mount",
                "--preserve-credentials",
            ])
            .args(["mount", "-o", &format!("remount,bind,{option}")])
            .arg(home.path())
            .status()
    };
    // The server has a file open until a moment after its last lock.
    patient(async {
        while !remount().await.unwrap().success() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Checks that the upload at `url`, with the first three of five bytes, can be
/// read but not changed.
async fn is_only_read(tus: &Tus, url: &str) {
    assert_eq!(tus.offset(url).await, 3);
    let answer = tus.ask(Request::get(url)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.body(), "hel");
    let creation = tus.post().header("Upload-Length", "5");
    let answers = [
        tus.ask(creation).await,
        tus.append(url, 3, content("lo")).await,
        tus.ask(request(Method::DELETE, url)).await,
    ];
    for answer in answers {
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(code(&answer), "ERR_STORAGE_UNAVAILABLE");
        assert!(answer.headers().contains_key("retry-after"));
    }
    assert_eq!(tus.offset(url).await, 3);
}

async fn begun(tus: &Tus) -> String {
    let url = tus.create(5).await;
    tus.append(&url, 0, content("hel")).await;
    url
}

/// Returns the lines of the log that are warnings or errors.
async fn complaints(mut server: Server) -> Vec<String> {
    server.signal(Signal::TERM);
    let mut log = server.rest().await;
    log.splice(0..0, server.start_lines().iter().cloned());
    log.retain(|line| line.contains("level=WARN") || line.contains("level=ERROR"));
    log
}

#[tokio::test]
async fn a_disk_that_becomes_read_only_is_503_and_one_log_line_until_it_is_writable() {
    if !user_namespaces().await {
        return;
    }
    let home = TempDir::new().unwrap();
    let server = start(WRITABLE, &home, &[]).await;
    let mut urls = Vec::new();
    for version in [Version::Http1, Version::Http2] {
        urls.push(begun(&Tus::new(server.url(), version)).await);
    }
    remount(&server, &home, "ro").await;
    for version in [Version::Http1, Version::Http2] {
        let tus = Tus::new(server.url(), version);
        is_only_read(&tus, &urls[0]).await;
        is_only_read(&tus, &urls[1]).await;
    }
    remount(&server, &home, "rw").await;
    for (version, url) in [Version::Http1, Version::Http2].into_iter().zip(&urls) {
        let tus = Tus::new(server.url(), version);
        let answer = tus.append(url, 3, content("lo")).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    let complaints = complaints(server).await;
    let [read_only, writable] = &complaints[..] else {
        panic!("{complaints:#?}");
    };
    assert!(read_only.contains("the upload directory is read-only"));
    assert!(writable.contains("the upload directory is writable again"));
}

#[tokio::test]
async fn a_server_starts_in_a_read_only_directory_with_a_warning() {
    if !user_namespaces().await {
        return;
    }
    for durability in ["none", "finish", "offset"] {
        let flag = format!("-durability={durability}");
        let home = TempDir::new().unwrap();
        let mut server = Server::start_in(home.path(), &[&flag]).await;
        let url = begun(&Tus::new(server.url(), Version::Http1)).await;
        let id = url.rsplit('/').next().unwrap();
        server.signal(Signal::KILL);
        server.exit().await;
        // As if it had been killed in the middle of a chunk.
        for (name, text) in [("lock", ""), ("chunk", "3\n")] {
            let file = server.uploads().join(format!("{id}.{name}"));
            fs::write(file, text).unwrap();
        }

        let server = start(READ_ONLY, &home, &[&flag]).await;
        for version in [Version::Http1, Version::Http2] {
            let tus = Tus::new(server.url(), version);
            is_only_read(&tus, &format!("{}{id}", tus.url)).await;
        }
        let complaints = complaints(server).await;
        assert_eq!(complaints.len(), 1, "{complaints:#?}");
        assert!(complaints[0].contains("the upload directory is read-only"));
    }
}
