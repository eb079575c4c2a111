//! A server that speaks S3: versitygw, over a temporary directory.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::services;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/go/versitygw");

/// The only bucket.
pub(crate) const BUCKET: &str = "bucket";
pub(crate) const ACCESS_KEY: &str = "access";
pub(crate) const SECRET_KEY: &str = "secret";

/// A gateway that ends with the test.
pub(crate) struct Gateway {
    /// Its host and port.
    pub(crate) address: String,
    root: TempDir,
    _process: Child,
}

impl Gateway {
    /// Starts a gateway, unless the program is missing.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(|_| Vec::new()).await
    }

    /// The same, with options that need the gateway's directory.
    pub(crate) async fn start_with(options: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        let install = "(cd tests/s3/go && go build -o ../../../target/go/versitygw tool)";
        if !services::require("versitygw", Path::new(PROGRAM).exists(), install) {
            return None;
        }
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join(BUCKET)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let address = port.unwrap().to_string();
        let mut process = Command::new(PROGRAM)
            .args([
                "--port", &address, "--access", ACCESS_KEY, "--secret", SECRET_KEY,
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
            root,
            _process: process,
        })
    }

    /// Returns the bytes of an object, if it exists.
    pub(crate) fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.root.path().join(BUCKET).join(key)).ok()
    }

    /// Whether no object is in a directory.
    pub(crate) fn is_empty(&self, dir: &str) -> bool {
        let entries = fs::read_dir(self.root.path().join(BUCKET).join(dir));
        entries.map_or(true, |mut entries| entries.next().is_none())
    }

    /// Returns the keys of all objects outside of directories.
    pub(crate) fn keys(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.path().join(BUCKET)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }
}
