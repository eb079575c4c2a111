//! S3 against versitygw.

mod multiparts;
mod objects;
mod settings;
mod tusd;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::services;
use crate::store::object::cloud::S3;
use crate::store::object::objects::{Objects, Payload, Properties, Result, Tag, When};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/go/versitygw");

/// A gateway over a temporary directory, which ends with the test.
struct Gateway {
    address: String,
    _root: TempDir,
    _process: Child,
}

impl Gateway {
    /// Starts a gateway with one bucket, unless the program is missing.
    async fn start() -> Option<Self> {
        Self::start_with(|_| Vec::new()).await
    }

    /// The same, with options that need the gateway's directory.
    async fn start_with(options: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        let install = "(cd tests/s3/go && go build -o ../../../target/go/versitygw tool)";
        if !services::require("versitygw", Path::new(PROGRAM).exists(), install) {
            return None;
        }
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("bucket")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let address = port.unwrap().to_string();
        let mut process = Command::new(PROGRAM)
            .args([
                "--port", &address, "--access", "access", "--secret", "secret",
            ])
            .args(["--quiet", "--keep-alive"])
            .args(options(root.path()))
            .arg("posix")
            .arg(root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        while TcpStream::connect(&address).await.is_err() {
            assert!(process.try_wait().unwrap().is_none(), "the gateway ended");
            sleep(Duration::from_millis(10)).await;
        }
        Some(Self {
            address,
            _root: root,
            _process: process,
        })
    }

    fn settings(&self) -> S3 {
        S3::new("bucket").endpoint(&self.address).without_tls()
    }

    fn bucket(&self) -> Arc<dyn Objects> {
        self.settings().keys("access", "secret").open().unwrap()
    }
}

async fn put(bucket: &dyn Objects, key: &str, text: &str, when: When<'_>) -> Result<Tag> {
    let payload = Payload::from(text.to_owned());
    bucket.put(key, payload, when, &Properties::default()).await
}

async fn text(bucket: &dyn Objects, key: &str) -> String {
    let object = bucket.get(key, None).await.unwrap();
    String::from_utf8(object.bytes.into()).unwrap()
}

fn properties() -> Properties {
    Properties {
        content_type: Some("text/plain".to_owned()),
        content_disposition: Some("inline".to_owned()),
        cache_control: Some("no-store".to_owned()),
        metadata: [("tower-tus".to_owned(), "nonce".to_owned())].into(),
        tags: [("a b".to_owned(), "c+d".to_owned())].into(),
        ..Properties::default()
    }
}
