//! Unix sockets.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use tempfile::TempDir;

use crate::curl;
use crate::harness::certificate::Certificate;
use crate::harness::{Server, Signal, command, patient};

#[tokio::test]
async fn an_upload_lands_whatever_the_version_of_http() {
    if !curl::is_here().await {
        return;
    }
    let home = TempDir::new().unwrap();
    let server = Server::start_on_socket(home.path(), &[]).await;
    let socket = home.path().join("socket");
    for (flag, version) in [("--http1.1", "1.1"), ("--http2-prior-knowledge", "2")] {
        let flags = ["--unix-socket", socket.to_str().unwrap(), flag];
        let answer = curl::upload(&flags, "http://tus.example/files/").await;
        assert_eq!(answer.version, version);
        let id = answer.location.strip_prefix("http://tus.example/files/");
        let stored = std::fs::read(server.uploads().join(id.unwrap())).unwrap();
        assert_eq!(stored, b"hello");
    }
}

#[tokio::test]
async fn there_may_be_tls_on_it() {
    if !curl::is_here().await {
        return;
    }
    let home = TempDir::new().unwrap();
    let certificate = Certificate::make();
    let [file, key] = certificate.flags();
    let _server = Server::start_on_socket(home.path(), &[&file, &key]).await;
    let socket = home.path().join("socket");
    let flags = [
        "--unix-socket",
        socket.to_str().unwrap(),
        "--cacert",
        &certificate.file(),
    ];
    let answer = curl::upload(&flags, "https://localhost/files/").await;
    assert!(
        answer.location.starts_with("https://localhost/files/"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn it_stands_over_host_and_port() {
    let home = TempDir::new().unwrap();
    let args = ["-host=nowhere.invalid", "-port=1"];
    let mut server = Server::start_on_socket(home.path(), &args).await;
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    let said = server.rest().await;
    let told = said.iter().any(|line| line.contains("You can now upload"));
    assert!(!told, "there is no URL to tell: {said:?}");
}

#[tokio::test]
async fn an_empty_name_is_no_socket() {
    Server::start(&["-unix-sock="]).await;
}

#[tokio::test]
async fn everyone_may_connect_whom_the_umask_lets() {
    for (umask, mode) in [("000", 0o777), ("022", 0o755), ("117", 0o660)] {
        let home = TempDir::new().unwrap();
        let script = format!("umask {umask}; exec \"$@\"");
        let wrapper = ["sh", "-c", &script, "sh"];
        let _server = Server::start_on_socket_under(&wrapper, home.path(), &[]).await;
        let socket = home.path().join("socket").metadata().unwrap();
        assert_eq!(socket.permissions().mode() & 0o777, mode, "{umask}");
    }
}

#[tokio::test]
async fn what_a_server_left_behind_is_replaced() {
    let home = TempDir::new().unwrap();
    // The file outlives the socket.
    drop(UnixListener::bind(home.path().join("socket")).unwrap());
    let mut killed = Server::start_on_socket(home.path(), &[]).await;
    killed.signal(Signal::KILL);
    killed.exit().await;
    Server::start_on_socket(home.path(), &[]).await;
}

/// Runs a server that fails to start, and returns its output.
async fn refusal(home: &Path, socket: &str) -> String {
    let mut command = command(home, &["-unix-sock", socket]);
    let output = patient(command.output()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let said = said.strip_prefix("tower-tusd: cannot listen on ");
    said.unwrap().to_owned()
}

#[tokio::test]
async fn a_file_that_is_not_a_socket_is_never_replaced() {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("file"), "precious").unwrap();
    std::fs::create_dir(home.path().join("directory")).unwrap();
    std::os::unix::fs::symlink("file", home.path().join("link")).unwrap();
    for name in ["file", "directory", "link"] {
        let said = refusal(home.path(), name).await;
        assert_eq!(said, format!("{name}: the file is not a socket\n"));
        assert!(home.path().join(name).symlink_metadata().is_ok(), "{name}");
    }
    let kept = std::fs::read(home.path().join("file")).unwrap();
    assert_eq!(kept, b"precious");
    let said = refusal(home.path(), "no/where").await;
    assert!(said.starts_with("no/where: No such file"), "{said}");
}

#[tokio::test]
async fn the_socket_of_a_running_server_is_never_replaced() {
    let home = TempDir::new().unwrap();
    let _server = Server::start_on_socket(home.path(), &[]).await;
    let said = refusal(home.path(), "socket").await;
    assert_eq!(said, "socket: another server listens on it\n");
    UnixStream::connect(home.path().join("socket")).unwrap();
}

#[tokio::test]
async fn the_socket_is_removed_at_the_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = TempDir::new().unwrap();
        let mut server = Server::start_on_socket(home.path(), &[]).await;
        let socket = home.path().join("socket");
        assert!(socket.metadata().unwrap().file_type().is_socket());
        server.signal(signal);
        assert_eq!(server.exit().await.code(), Some(0));
        assert!(socket.symlink_metadata().is_err());
    }
}

#[tokio::test]
async fn what_somebody_else_put_in_its_place_stays() {
    let home = TempDir::new().unwrap();
    let mut server = Server::start_on_socket(home.path(), &[]).await;
    let socket = home.path().join("socket");
    // Made while the first one is there, or it could get the same number in the file
    // system.
    let elsewhere = home.path().join("elsewhere");
    let _other = UnixListener::bind(&elsewhere).unwrap();
    std::fs::rename(&elsewhere, &socket).unwrap();
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    UnixStream::connect(&socket).unwrap();
}
