//! The whole store against each server.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use tower_tus_layers::store::conformance;

use super::azurite::Emulator;
use super::gateway::{ACCESS_KEY, BUCKET, Gateway, SECRET_KEY};
use super::services;
use crate::store::object::ObjectStore;
use crate::store::object::cloud::S3;
use crate::store::object::objects::Objects;
use crate::store::object::tests::clients::{Clients, Lacks};

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/venv/bin");

/// Checks that the bucket keeps what uploads rely on, and that uploads in it keep what
/// the protocol asks for.
async fn check(objects: Arc<dyn Objects>) {
    let store = probed(objects).await;
    conformance::run(|| store.clone()).await;
}

async fn probed(objects: Arc<dyn Objects>) -> ObjectStore {
    let store = ObjectStore::over(objects).prefix("up/");
    assert_eq!(store.probe().await.unwrap(), []);
    store
}

/// A server that was installed by pip, and ends with the test.
struct Installed {
    address: String,
    _home: TempDir,
    process: Child,
}

impl Installed {
    /// Starts a program with the arguments for its port, unless it is missing.
    async fn start(program: &str, args: impl FnOnce(&Path, u16) -> Vec<String>) -> Option<Self> {
        let path = Path::new(PROGRAMS).join(program);
        let install = "python3 -m venv target/venv && \
            target/venv/bin/pip install -r tests/s3/requirements.txt";
        if !services::require(program, path.exists(), install) {
            return None;
        }
        let (home, port) = (TempDir::new().unwrap(), free_port());
        let mut process = Command::new(path)
            .args(args(home.path(), port))
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = format!("127.0.0.1:{port}");
        while !answers(&address).await {
            check_runs(&mut process);
            sleep(Duration::from_millis(50)).await;
        }
        Some(Self {
            address,
            _home: home,
            process,
        })
    }

    fn bucket(&self) -> Arc<dyn Objects> {
        let settings = S3::new(BUCKET).endpoint(&self.address).without_tls();
        settings.keys(ACCESS_KEY, SECRET_KEY).open().unwrap()
    }
}

fn check_runs(process: &mut Child) {
    let ended = process.try_wait().unwrap();
    assert!(ended.is_none(), "{process:?} ended: {ended:?}");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn answers(address: &str) -> bool {
    ask(address, "GET", "/").await.is_some()
}

/// Sends a request without a body, and returns the status line.
async fn ask(address: &str, method: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\
        Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.lines().next().map(str::to_owned)
}

#[tokio::test]
async fn uploads_in_versitygw_conform() {
    if let Some(gateway) = Gateway::start().await {
        check(gateway.bucket()).await;
    }
}

#[tokio::test]
async fn uploads_behind_two_gateways_conform() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let another = gateway.another().await;
    let store = Clients::new([
        probed(gateway.bucket()).await,
        probed(another.bucket()).await,
    ]);
    conformance::run(|| store.clone()).await;
}

#[tokio::test]
async fn uploads_in_azurite_conform() {
    if let Some(emulator) = Emulator::start().await {
        check(emulator.container()).await;
    }
}

#[tokio::test]
async fn uploads_in_moto_conform() {
    let args = |_: &Path, port: u16| {
        ["-H", "127.0.0.1", "-p", &port.to_string()]
            .map(str::to_owned)
            .into()
    };
    let Some(moto) = Installed::start("moto_server", args).await else {
        return;
    };
    let made = ask(&moto.address, "PUT", &format!("/{BUCKET}")).await;
    assert!(made.unwrap().contains("200"));
    check(moto.bucket()).await;
}

#[tokio::test]
async fn uploads_in_seaweedfs_conform() {
    let filer = free_port();
    let args = |home: &Path, port: u16| {
        fs::write(home.join("keys.json"), keys()).unwrap();
        let mut args: Vec<String> = [
            "server",
            "-dir=.",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=20",
            "-filer",
            "-s3",
            "-s3.config=keys.json",
        ]
        .map(str::to_owned)
        .into();
        args.push(format!("-s3.port={port}"));
        args.push(format!("-filer.port={filer}"));
        for flag in [
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port.grpc",
            "s3.port.grpc",
        ] {
            args.push(format!("-{flag}={}", free_port()));
        }
        args
    };
    let Some(mut weed) = Installed::start("weed", args).await else {
        return;
    };
    let filer = format!("127.0.0.1:{filer}");
    let path = format!("/buckets/{BUCKET}/");
    while !ask(&filer, "POST", &path)
        .await
        .is_some_and(|status| status.contains(" 201"))
    {
        check_runs(&mut weed.process);
        sleep(Duration::from_millis(50)).await;
    }
    // It lists the keys of a directory before those that go on with the same name, so
    // lists of odd ids are not in order.
    let store = Clients::new([probed(weed.bucket()).await]).without(Lacks::Lists);
    conformance::run(|| store.clone()).await;
}

fn keys() -> String {
    format!(
        r#"{{"identities": [{{"name": "t", "actions": ["Admin"],
            "credentials": [{{"accessKey": "{ACCESS_KEY}", "secretKey": "{SECRET_KEY}"}}]}}]}}"#
    )
}
