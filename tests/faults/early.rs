//! A refusal reaches a client that is still sending.

use std::io::Write;
use std::process::Stdio;

use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::harness::services::{has, require};
use crate::harness::tus::{Tus, Version};
use crate::harness::{Server, patient};

const BYTES: usize = 32 << 20;

/// Runs a client, and gives what it printed.
async fn output(client: &mut Command) -> String {
    let output = patient(client.stdin(Stdio::null()).output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        text(output.stderr)
    );
    text(output.stdout)
}

/// A file that is sent to an upload with room for it, at an offset that is wrong.
async fn scene() -> (Server, String, NamedTempFile) {
    let server = Server::start(&[]).await;
    let url = Tus::new(server.url(), Version::Http1)
        .create(BYTES as u64 * 2)
        .await;
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&vec![7; BYTES]).unwrap();
    (server, url, file)
}

async fn curl_is_told(version: &str) {
    if !require("curl", has("curl").await, "apt-get install curl") {
        return;
    }
    let (_server, url, file) = scene().await;
    for _ in 0..3 {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", version, "--request", "PATCH"])
            .args([
                "--header",
                "Tus-Resumable: 1.0.0",
                "--header",
                "Upload-Offset: 1",
            ])
            .args(["--header", "Content-Type: application/offset+octet-stream"])
            .args(["--header", "Expect:", "--output", "/dev/null"])
            .args(["--write-out", "%{http_code}", "--data-binary"])
            .arg(format!("@{}", file.path().display()))
            .arg(&url);
        assert_eq!(output(&mut curl).await, "409");
    }
}

#[tokio::test]
async fn curl_is_told_over_http_1() {
    curl_is_told("--http1.1").await;
}

#[tokio::test]
async fn curl_is_told_over_http_2() {
    curl_is_told("--http2-prior-knowledge").await;
}

const PYTHON: &str = r#"
import http.client, sys, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
client = http.client.HTTPConnection(url.netloc)
client.request("PATCH", url.path, open(sys.argv[2], "rb").read(), {
    "Tus-Resumable": "1.0.0",
    "Upload-Offset": "1",
    "Content-Type": "application/offset+octet-stream",
})
print(client.getresponse().status, end="")
"#;

#[tokio::test]
async fn python_is_told_which_sends_everything_before_it_reads() {
    if !require("python3", has("python3").await, "apt-get install python3") {
        return;
    }
    let (_server, url, file) = scene().await;
    for _ in 0..3 {
        let mut python = Command::new("python3");
        let status = output(python.args(["-c", PYTHON, &url]).arg(file.path())).await;
        assert_eq!(status, "409");
    }
}
