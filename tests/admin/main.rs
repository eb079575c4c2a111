//! The commands on stored uploads, beside a running server.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;

mod failures;
mod leftovers;
mod listing;
mod progress;
mod racing;
mod removing;
mod showing;
mod sweeping;
mod verifying;

use std::path::Path;
use std::process::Output;

use http::StatusCode;
use serde_json::Value;

use self::harness::tus::{Tus, Version};
use self::harness::{Server, command, patient};

/// What a command has printed, and its exit code.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    /// Returns the objects that it has printed.
    fn json(&self) -> Vec<Value> {
        let lines = self.out.lines();
        let lines = lines.map(|line| serde_json::from_str(line).expect("each line is JSON"));
        lines.collect()
    }

    /// Returns one member of each object.
    fn all(&self, member: &str) -> Vec<Value> {
        let objects = self.json().into_iter();
        objects.map(|mut object| object[member].take()).collect()
    }

    fn fine(self) -> Self {
        assert!(self.code == Some(0) && self.err.is_empty(), "{self:?}");
        self
    }
}

/// Runs a command on the uploads in `home/data`.
async fn run(home: &Path, args: &[&str]) -> Ran {
    let output: Output = patient(command(home, args).output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("it prints text");
    Ran {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

fn home(server: &Server) -> &Path {
    server.uploads().parent().expect("it is in the home")
}

fn client(server: &Server) -> Tus {
    Tus::new(server.url(), Version::Http1)
}

fn id(url: &str) -> &str {
    url.rsplit('/').next().expect("a URL has a path")
}

/// Creates an upload of `length` bytes with this metadata.
async fn described(tus: &Tus, length: u64, metadata: &str) -> String {
    let creation = tus.post().header("Upload-Length", length);
    let answer = tus.ask(creation.header("Upload-Metadata", metadata)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    tus.location(&answer)
}
