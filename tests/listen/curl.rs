//! curl as a tus client.

use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::harness::patient;
use crate::harness::services::{has, require};

/// The exit code of curl if a TLS connection fails.
pub(crate) const NO_TLS: i32 = 35;

/// A response that curl received.
#[derive(Debug)]
pub(crate) struct Answer {
    /// `1.1` or `2`.
    pub(crate) version: String,
    pub(crate) status: String,
    pub(crate) location: String,
}

pub(crate) async fn is_here() -> bool {
    require("curl", has("curl").await, "apt-get install curl")
}

/// Runs curl with `flags` for the connection and `more` for the request.
/// Returns its exit code if there is no response.
async fn run(flags: &[&str], more: &[&str], url: &str) -> Result<Answer, i32> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--output", "/dev/null"])
        .args(["--header", "Tus-Resumable: 1.0.0"])
        .args([
            "--write-out",
            "%{http_version} %{http_code} %header{location}",
        ])
        .args(flags)
        .args(more)
        .arg(url)
        .stdin(Stdio::null());
    let Output { status, stdout, .. } = patient(curl.output()).await.unwrap();
    if !status.success() {
        return Err(status.code().expect("it ends by itself"));
    }
    let answer = String::from_utf8(stdout).unwrap();
    let mut words = answer.split(' ').map(str::to_owned);
    let mut next = || words.next().unwrap();
    Ok(Answer {
        version: next(),
        status: next(),
        location: next(),
    })
}

/// Creates an upload of 5 bytes.
pub(crate) async fn create(flags: &[&str], url: &str) -> Result<Answer, i32> {
    let post = ["--request", "POST", "--header", "Upload-Length: 5"];
    run(flags, &post, url).await
}

/// Creates an upload and sends `hello` to it. Returns the response to the
/// creation.
pub(crate) async fn upload(flags: &[&str], url: &str) -> Answer {
    let created = create(flags, url).await.unwrap();
    assert_eq!(created.status, "201", "{created:?}");
    let patch = [
        "--request",
        "PATCH",
        "--header",
        "Upload-Offset: 0",
        "--header",
        "Content-Type: application/offset+octet-stream",
        "--data",
        "hello",
    ];
    let appended = run(flags, &patch, &created.location).await.unwrap();
    assert_eq!(appended.status, "204", "{appended:?}");
    created
}
