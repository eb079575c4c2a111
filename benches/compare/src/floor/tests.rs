//! The floors, with the client that measures them.

use std::net::SocketAddr;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::client::{Connection, Payload, Target};
use crate::gateway::{BUCKET, Gateway};
use crate::load::services;
use crate::options::Durability;

const SMALL: u64 = 4 << 10;
/// More than any buffer or window.
const LARGE: u64 = 3 << 20;

struct Scene {
    home: TempDir,
    address: SocketAddr,
    wire: Wire,
}

impl Scene {
    /// Serves within this process, until the test ends.
    async fn start(kind: FloorKind, wire: Wire, durability: Durability) -> Self {
        let floor = Floor {
            kind,
            port: 0,
            gateway: String::new(),
            wire,
            durability,
        };
        Self::of(&floor).await
    }

    async fn of(floor: &Floor) -> Self {
        let (home, wire) = (TempDir::new().unwrap(), floor.wire);
        let certificate = Certificate::make(home.path()).unwrap();
        let service = Service::new(floor, home.path()).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { serve(listener, Arc::new(service), wire, &certificate).await });
        Self {
            home,
            address,
            wire,
        }
    }

    async fn connect(&self) -> Connection {
        let certificate = Certificate::in_dir(self.home.path());
        let target = Target::new(self.address, self.wire, &certificate).unwrap();
        Connection::open(&target).await.unwrap()
    }

    fn stored(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.home.path().join(answer::id(path))).unwrap()
    }

    fn info_path(&self, path: &str) -> PathBuf {
        let name = [answer::id(path), ".info"].concat();
        self.home.path().join(name)
    }

    fn info(&self, path: &str) -> String {
        std::fs::read_to_string(self.info_path(path)).unwrap()
    }
}

fn bytes(length: u64) -> Vec<u8> {
    Payload::of(length).pieces(1 << 20).flatten().collect()
}

#[tokio::test]
async fn each_floor_stores_what_it_gets_over_each_protocol() {
    for kind in [FloorKind::Writer, FloorKind::Honest] {
        for wire in [Wire::H1, Wire::H2c, Wire::TlsH1, Wire::TlsH2] {
            let scene = Scene::start(kind, wire, Durability::Finish).await;
            let mut client = scene.connect().await;

            let path = client.create(SMALL + LARGE).await.unwrap();
            client.head(&path, 0).await.unwrap();
            client.patch(&path, 0, Payload::of(SMALL)).await.unwrap();
            client.head(&path, SMALL).await.unwrap();
            let rest = Payload::of(LARGE);
            client.patch(&path, SMALL, rest).await.unwrap();
            client.head(&path, SMALL + LARGE).await.unwrap();
            let stored = scene.stored(&path);
            assert!(
                stored == [bytes(SMALL), bytes(LARGE)].concat(),
                "{kind:?} {wire:?}"
            );

            let path = client.create_with(Payload::of(LARGE)).await.unwrap();
            assert!(scene.stored(&path) == bytes(LARGE), "{kind:?} {wire:?}");
            client.head(&path, LARGE).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_client_takes_no_other_offset_for_the_right_one() {
    let scene = Scene::start(FloorKind::Writer, Wire::H1, Durability::None).await;
    let mut client = scene.connect().await;
    let path = client.create(SMALL).await.unwrap();
    let error = client.head(&path, 1).await.unwrap_err().to_string();
    assert_eq!(error, "offset Some(0) instead of 1");
}

#[tokio::test]
async fn the_honest_floor_refuses_wrong_offsets_and_bytes_beyond_the_length() {
    let scene = Scene::start(FloorKind::Honest, Wire::H1, Durability::None).await;
    let mut client = scene.connect().await;
    let path = client.create(SMALL).await.unwrap();
    for (offset, length, status) in [(1, 1, "409"), (0, SMALL + 1, "413")] {
        let refused = client.patch(&path, offset, Payload::of(length)).await;
        let error = refused.unwrap_err().to_string();
        assert!(error.starts_with(status), "{error}");
        // hyper closes a connection whose body was not read.
        client = scene.connect().await;
        client.head(&path, 0).await.unwrap();
    }
    let error = client.head("/files/00", 0).await.unwrap_err().to_string();
    assert!(error.starts_with("404"), "{error}");
}

#[tokio::test]
async fn the_honest_floor_records_the_finish_of_an_upload_where_it_syncs() {
    for (durability, seal) in [(Durability::Finish, " "), (Durability::None, "")] {
        let scene = Scene::start(FloorKind::Honest, Wire::H1, durability).await;
        let mut client = scene.connect().await;
        let first = client.create(SMALL * 2).await.unwrap();
        client.patch(&first, 0, Payload::of(SMALL)).await.unwrap();
        assert!(scene.info(&first).ends_with('}'), "it is not complete");
        let rest = Payload::of(SMALL);
        client.patch(&first, SMALL, rest).await.unwrap();
        let second = client.create_with(Payload::of(SMALL)).await.unwrap();
        for path in [&first, &second] {
            let end = ["}", seal].concat();
            assert!(scene.info(path).ends_with(&end), "{durability:?}");
        }
    }
}

#[tokio::test]
async fn the_honest_floor_tells_no_complete_upload_as_finished_without_its_record() {
    let scene = Scene::start(FloorKind::Honest, Wire::H1, Durability::Finish).await;
    let mut client = scene.connect().await;
    let path = client.create_with(Payload::of(SMALL)).await.unwrap();
    client.head(&path, SMALL).await.unwrap();
    std::fs::write(scene.info_path(&path), scene.info(&path).trim_end()).unwrap();
    let refused = client.head(&path, SMALL).await.unwrap_err().to_string();
    assert!(refused.starts_with("500"), "{refused}");
}

#[tokio::test]
async fn the_honest_floor_locks_an_upload_as_tusd_does() {
    let scene = Scene::start(FloorKind::Honest, Wire::H1, Durability::None).await;
    let mut client = scene.connect().await;
    let path = client.create(SMALL).await.unwrap();
    let lock = scene
        .home
        .path()
        .join([answer::id(&path), ".lock"].concat());
    std::fs::write(&lock, "1").unwrap();
    let refused = client.patch(&path, 0, Payload::of(SMALL)).await;
    assert!(refused.unwrap_err().to_string().starts_with("423"));

    std::fs::remove_file(&lock).unwrap();
    let mut client = scene.connect().await;
    client.patch(&path, 0, Payload::of(SMALL)).await.unwrap();
    assert!(!lock.exists());
}

#[tokio::test]
async fn the_writer_of_parts_stores_what_it_gets_in_a_bucket() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/go/versitygw");
    let install = "(cd tests/s3/go && go build -o ../../../target/go/versitygw tool)";
    if !services::require("versitygw", program.exists(), install) {
        return;
    }
    let home = TempDir::new().unwrap();
    let gateway = Gateway::start(&program, home.path()).unwrap();
    let scene = Scene::of(&Floor {
        kind: FloorKind::Multipart,
        port: 0,
        gateway: gateway.url(),
        wire: Wire::H1,
        durability: Durability::None,
    })
    .await;
    let length = (17 << 20) + 5;
    let mut client = scene.connect().await;
    let path = client.create(length).await.unwrap();
    let all = Payload::of(length);
    client.patch(&path, 0, all).await.unwrap();
    let object = home.path().join("objects").join(BUCKET);
    let stored = std::fs::read(object.join(answer::id(&path))).unwrap();
    assert!(stored == bytes(length));
}
