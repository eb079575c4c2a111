//! A refusal reaches a client that is still sending.

use std::io::Write;
use std::process::Stdio;

use http::Method;
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::harness::raw::{Ends, Http1, Http2};
use crate::harness::services::{has, require};
use crate::harness::tus::{Tus, Version, request};
use crate::harness::{Server, patient};

const BYTES: usize = 32 << 20;

/// Runs a client, and returns its output.
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

/// Returns a file to be sent to an upload at a wrong offset.
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
    let (server, url, file) = scene().await;
    let elsewhere = |path| format!("http://{}{path}", server.address());
    for (url, status) in [
        (url, "409"),
        (elsewhere("/"), "404"),
        (elsewhere("/other"), "404"),
    ] {
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
        assert_eq!(output(&mut curl).await, status, "{url}");
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

#[tokio::test]
async fn over_http_2_curl_ends_also_when_what_it_sends_is_not_asked_for() {
    if !require("curl", has("curl").await, "apt-get install curl") {
        return;
    }
    let (server, url, file) = scene().await;
    let metrics = format!("http://{}/metrics", server.address());
    let other = Tus::new(server.url(), Version::Http1).create(5).await;
    for (method, url, status) in [
        ("PUT", &metrics, "413"),
        ("GET", &metrics, "413"),
        ("OPTIONS", &url, "200"),
        ("GET", &url, "200"),
        ("DELETE", &other, "204"),
    ] {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--http2-prior-knowledge"])
            .args(["--request", method, "--header", "Tus-Resumable: 1.0.0"])
            .args(["--output", "/dev/null", "--write-out", "%{http_code}"])
            .arg("--upload-file")
            .arg(file.path())
            .arg(url);
        assert_eq!(output(&mut curl).await, status, "{method} {url}");
    }
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

#[tokio::test]
async fn over_http_1_it_closes_the_connection_unless_the_body_is_there() {
    let server = Server::start(&[]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    let path = tus.create(BYTES as u64).await;
    let path = &path[path.find("/files/").unwrap()..];
    let other = ("Content-Type", "application/offset+octet-stream".to_owned());
    for path in [path, "/files/missing", "/other", "/metrics"] {
        let line = format!("PATCH {path}");
        let head = |length: usize| {
            let length = ("Content-Length", length.to_string());
            [other.clone(), ("Upload-Offset", "1".to_owned()), length]
        };
        let mut client = Http1::connect(server.address()).await;
        client.head(&line, &head(5)).await;
        client.send(b"hello").await;
        let answer = client.response().await.unwrap();
        if !answer.headers().contains_key("connection") {
            // The text of the response precedes the next response.
            client.head("HEAD /files/missing", &[]).await;
            client.until("HTTP/1.1 404 ").await;
        }

        client = Http1::connect(server.address()).await;
        client.head(&line, &head(BYTES)).await;
        client.send(&[7; 1 << 16]).await;
        let answer = client.response().await.unwrap();
        assert_eq!(answer.headers()["connection"], "close", "{path}");
        // Bytes that arrive later do not cause a reset.
        client.send(&[7; 1 << 20]).await;
    }
}

#[tokio::test]
async fn over_http_2_other_requests_go_on() {
    let server = Server::start(&[]).await;
    let mut client = Http2::connect(server.address()).await;
    for path in ["/files/missing", "/other", "/metrics"] {
        let url = format!("http://{}{path}", server.address());
        let request = request(Method::PATCH, &url).body(()).unwrap();
        let mut stream = client.begin(request, Ends::Later).await;
        stream.send(vec![7; 1 << 20].into(), Ends::Later).await;
        let answer = patient(&mut stream.answer).await.unwrap();
        assert!(!answer.headers().contains_key("connection"), "{path}");
        // Bytes that arrive later are read, even beyond the window of the
        // stream.
        stream.send(vec![7; 16 << 20].into(), Ends::Here).await;
    }
}
