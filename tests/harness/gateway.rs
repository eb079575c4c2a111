//! A server that speaks S3: versitygw, over a temporary directory.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
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
    root: Arc<TempDir>,
    _process: Child,
}

impl Gateway {
    /// Starts a gateway, unless the program is missing.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(|_| Vec::new()).await
    }

    /// The same, with options that need the gateway's directory.
    pub(crate) async fn start_with(options: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        if !Self::is_installed() {
            return None;
        }
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join(BUCKET)).unwrap();
        let options = options(root.path());
        Some(Self::launch(Arc::new(root), options).await)
    }

    /// Whether the program is there. If not, says so.
    pub(crate) fn is_installed() -> bool {
        let install = "(cd tests/s3/go && go build -o ../../../target/go/versitygw tool)";
        services::require("versitygw", Path::new(PROGRAM).exists(), install)
    }

    /// Starts another gateway over the same directory.
    pub(crate) async fn another(&self) -> Self {
        Self::launch(Arc::clone(&self.root), Vec::new()).await
    }

    async fn launch(root: Arc<TempDir>, options: Vec<String>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let address = port.unwrap().to_string();
        let mut process = Command::new(PROGRAM)
            .args([
                "--port", &address, "--access", ACCESS_KEY, "--secret", SECRET_KEY,
            ])
            .args(["--quiet", "--keep-alive"])
            .args(options)
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
        Self {
            address,
            root,
            _process: process,
        }
    }

    /// Tells a server that its uploads are in the bucket.
    pub(crate) fn tell(&self, server: &mut Command) {
        server
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .args(["-s3-bucket", BUCKET, "-s3-disable-ssl"])
            .args(["-s3-endpoint", &self.address]);
    }

    /// Returns the directory of the bucket.
    pub(crate) fn dir(&self) -> PathBuf {
        self.root.path().join(BUCKET)
    }

    /// Returns the bytes of an object, if it exists.
    pub(crate) fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.dir().join(key)).ok()
    }

    /// Whether no object is in a directory.
    pub(crate) fn is_empty(&self, dir: &str) -> bool {
        let entries = fs::read_dir(self.dir().join(dir));
        entries.map_or(true, |mut entries| entries.next().is_none())
    }

    /// Returns the keys of all objects outside of directories.
    pub(crate) fn keys(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    /// Returns the paths of all multipart uploads, in the directory of the bucket.
    pub(crate) fn multiparts(&self) -> Vec<String> {
        let keys = read_dir(&self.dir(), ".sgwtmp/multipart");
        let uploads = keys.iter().flat_map(|key| read_dir(&self.dir(), key));
        uploads.collect()
    }
}

/// Returns the paths of what is in a directory below another one.
fn read_dir(above: &Path, dir: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(above.join(dir)) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| format!("{dir}/{name}")).collect()
}
