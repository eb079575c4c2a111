//! An upload that tusd has begun, is finished by our store, and is tusd's again.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use tower_tus_layers::protocol::{Body, Chunk, UploadId};
use tower_tus_layers::store::{AppendOptions, Handle, ListRequest, Lister, Store, Terminator};

use super::super::services;
use super::*;
use crate::store::object::ObjectStore;

const TUSD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/go/tusd");
const MIB: usize = 1 << 20;
const LENGTH: usize = 20 * MIB + 7;

/// A tusd in front of the gateway. Dropping it kills it.
struct Tusd {
    address: String,
    process: Child,
}

impl Tusd {
    async fn start(gateway: &Gateway) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let port = port.unwrap().port();
        let process = Command::new(TUSD)
            .args(["-host=127.0.0.1", &format!("-port={port}")])
            .args(["-s3-bucket=bucket", "-s3-object-prefix=up"])
            .arg(format!("-s3-endpoint=http://{}", gateway.address))
            .arg(format!("-s3-part-size={}", 5 * MIB))
            .env("AWS_ACCESS_KEY_ID", "access")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = format!("127.0.0.1:{port}");
        let mut tusd = Self { address, process };
        while TcpStream::connect(&tusd.address).await.is_err() {
            let ended = tusd.process.try_wait().unwrap();
            assert!(ended.is_none(), "tusd ended");
            sleep(Duration::from_millis(10)).await;
        }
        tusd
    }

    async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// Sends a request, and returns the head of the answer.
    async fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let (address, len) = (&self.address, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nTus-Resumable: 1.0.0\r\n\
             Content-Length: {len}\r\nConnection: close\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn create(&self) -> UploadId {
        let headers = format!("Upload-Length: {LENGTH}\r\nUpload-Metadata: name YQ==\r\n");
        let created = self.ask("POST", "/files/", &headers, b"").await;
        let location = header(&created, "location");
        let (_, id) = location.rsplit_once('/').unwrap();
        id.parse().unwrap()
    }

    async fn patch(&self, id: &UploadId, from: usize, to: usize) {
        let patched = self.try_patch(id, from, to).await;
        assert_eq!(header(&patched, "upload-offset"), to.to_string());
    }

    async fn try_patch(&self, id: &UploadId, from: usize, to: usize) -> String {
        let headers =
            format!("Upload-Offset: {from}\r\nContent-Type: application/offset+octet-stream\r\n");
        let path = format!("/files/{id}");
        self.ask("PATCH", &path, &headers, &bytes(from, to)).await
    }

    async fn offset(&self, id: &UploadId) -> usize {
        let head = self.ask("HEAD", &format!("/files/{id}"), "", b"").await;
        header(&head, "upload-offset").parse().unwrap()
    }
}

fn header(answer: &str, name: &str) -> String {
    let mut lines = answer.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.unwrap_or_else(|| panic!("{answer}")).1.to_owned()
}

fn bytes(from: usize, to: usize) -> Bytes {
    (from..to).map(|at| (at ^ at >> 9) as u8).collect()
}

async fn append(handle: &mut dyn Handle, from: usize, to: usize) {
    let mut body = Body::from(bytes(from, to));
    let appended = handle
        .append(Chunk::new(&mut body), AppendOptions::default())
        .await;
    assert_eq!(appended.offset, to as u64, "{:?}", appended.error);
}

/// Starts both programs, unless one is missing.
async fn start() -> Option<(Gateway, Tusd)> {
    let install = "(cd tests/tusd/go && go build -o ../../../target/go/tusd tool)";
    if !services::require("tusd", Path::new(TUSD).exists(), install) {
        return None;
    }
    let gateway = Gateway::start().await?;
    let tusd = Tusd::start(&gateway).await;
    Some((gateway, tusd))
}

#[tokio::test]
async fn an_upload_of_a_killed_tusd_is_finished_here() {
    // Parts alone, a tail alone, both.
    for at in [0, 3 * MIB, 5 * MIB, 12 * MIB] {
        let Some((gateway, tusd)) = start().await else {
            return;
        };
        let id = tusd.create().await;
        tusd.patch(&id, 0, at).await;
        tusd.kill().await;

        let store = ObjectStore::over(gateway.bucket()).prefix("up/");
        let mut handle = store.open(&id).await.unwrap();
        assert_eq!(handle.info().offset, at as u64);
        append(&mut *handle, at, at + 100).await;
        let mut handle = store.open(&id).await.unwrap();
        append(&mut *handle, at + 100, LENGTH).await;
        handle.finish_and_record().await.unwrap();

        let (object, _) = id.as_str().rsplit_once('+').unwrap();
        let stored = gateway.bucket().get(&format!("up/{object}"), None).await;
        let stored = stored.unwrap();
        assert!(stored.bytes == bytes(0, LENGTH), "other bytes after {at}");
        assert_eq!(stored.found.metadata["name"], "a");

        let tusd = Tusd::start(&gateway).await;
        assert_eq!(tusd.offset(&id).await, LENGTH);
    }
}

#[tokio::test]
async fn tusd_goes_on_with_its_own_bytes_or_not_at_all() {
    let Some((gateway, tusd)) = start().await else {
        return;
    };
    let (few, many) = (tusd.create().await, tusd.create().await);
    let (at, store) = (7 * MIB, ObjectStore::over(gateway.bucket()).prefix("up/"));
    for (id, to) in [(&few, at + 100), (&many, at + 9 * MIB)] {
        tusd.patch(id, 0, at).await;
        let mut handle = store.open(id).await.unwrap();
        append(&mut *handle, at, to).await;
    }

    assert_eq!(tusd.offset(&few).await, at);
    tusd.patch(&few, at, LENGTH).await;
    assert!(object(&gateway, &few).await == bytes(0, LENGTH));
    assert!(store.open(&few).await.unwrap().info().is_finished());

    let from = tusd.offset(&many).await;
    let refused = tusd.try_patch(&many, from, from).await;
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    let mut handle = store.open(&many).await.unwrap();
    append(&mut *handle, at + 9 * MIB, LENGTH).await;
    handle.finish_and_record().await.unwrap();
    assert!(object(&gateway, &many).await == bytes(0, LENGTH));
    assert_eq!(tusd.offset(&many).await, LENGTH);
}

async fn object(gateway: &Gateway, id: &UploadId) -> Bytes {
    let (object, _) = id.as_str().rsplit_once('+').unwrap();
    let key = format!("up/{object}");
    gateway.bucket().get(&key, None).await.unwrap().bytes
}

#[tokio::test]
async fn what_tusd_has_finished_or_begun_is_listed_and_terminated_here() {
    let Some((gateway, tusd)) = start().await else {
        return;
    };
    let (finished, begun) = (tusd.create().await, tusd.create().await);
    tusd.patch(&finished, 0, LENGTH).await;
    tusd.patch(&begun, 0, 7 * MIB).await;
    tusd.kill().await;

    let store = ObjectStore::over(gateway.bucket()).prefix("up/");
    let page = store.list(&ListRequest::default()).await.unwrap();
    let mut offsets: Vec<_> = page.uploads.iter().map(|it| it.offset.get()).collect();
    offsets.sort_unstable();
    assert_eq!(offsets, [7 * MIB as u64, LENGTH as u64]);
    assert!(store.open(&finished).await.unwrap().info().is_finished());
    for id in [&finished, &begun] {
        store.terminate(id).await.unwrap();
    }
    let bucket = gateway.bucket();
    assert!(bucket.list("", None).await.unwrap().objects.is_empty());
    assert!(
        bucket
            .multiparts("", None)
            .await
            .unwrap()
            .multiparts
            .is_empty()
    );
}
