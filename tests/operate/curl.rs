//! curl as a client of a proxy, which stands in for any host and port.

use std::process::{Output, Stdio};

use tokio::process::{Child, ChildStdin, Command};

use crate::harness::patient;
use crate::proxy::Proxy;

/// A curl command.
pub(crate) struct Curl(Command);

impl Curl {
    /// Builds a request of `method` to `url`, and connects to the proxy instead
    /// of its host.
    pub(crate) fn new(proxy: &Proxy, method: &str, url: &str) -> Self {
        let port = match url.starts_with("https:") {
            true => proxy.https,
            false => proxy.http,
        };
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--include", "--noproxy", "*"])
            .args(["--connect-to", &format!("::127.0.0.1:{port}")])
            .args(["--header", "Tus-Resumable: 1.0.0", "--header", "Expect:"])
            .arg("--cacert")
            .arg(proxy.certificate())
            .args(match method {
                "HEAD" => vec!["--head"],
                method => vec!["--request", method],
            })
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        Self(curl)
    }

    pub(crate) fn header(mut self, header: &str) -> Self {
        self.0.args(["--header", header]);
        self
    }

    /// Sets `--http1.1` or `--http2`.
    pub(crate) fn version(mut self, version: &str) -> Self {
        self.0.arg(version);
        self
    }

    pub(crate) async fn answer(mut self) -> Answer {
        Answer::of(patient(self.0.output()).await.unwrap())
    }

    /// Starts to send a body of unknown length.
    pub(crate) fn send(mut self) -> (Child, ChildStdin) {
        self.0.args(["--upload-file", "-"]).stdin(Stdio::piped());
        let mut child = self.0.spawn().unwrap();
        let body = child.stdin.take().unwrap();
        (child, body)
    }
}

/// The head of a response, and its body.
#[derive(Debug)]
pub(crate) struct Answer(String);

impl Answer {
    pub(crate) fn of(output: Output) -> Self {
        assert!(output.status.success(), "curl failed: {}", output.status);
        Self(String::from_utf8(output.stdout).unwrap())
    }

    pub(crate) fn status(&self) -> &str {
        self.0.split_whitespace().nth(1).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.0.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| panic!("no {name} in {}", self.0)).1
    }
}
