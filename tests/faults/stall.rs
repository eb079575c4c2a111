//! A disk that hangs: everything that does not need it goes on.

use http::{Method, StatusCode};
use tempfile::tempdir;
use tokio::task::JoinSet;
use tower_tus::Stack;
use tower_tus::store::FileStore;

use crate::hanging::HangingDisk;
use crate::harness::host::host;
use crate::harness::patient;
use crate::harness::services::kernel_has;
use crate::harness::tus::{Tus, Version, content, request};
use crate::harness::{PATIENCE, Server};

/// More than a server has threads for the disk.
const UPLOADS: usize = 64;

/// The number of calls that hang at least when all these uploads do: one on each of
/// the workers but one, and many on the pool.
const HELD: usize = 20;

fn mount() -> Option<HangingDisk> {
    let disk = HangingDisk::mount();
    kernel_has("a FUSE mount", disk.is_ok()).then(|| disk.ok())?
}

/// Creates uploads, which hang until the disk goes on.
fn upload_all(url: &str) -> JoinSet<u64> {
    let mut uploads = JoinSet::new();
    for _ in 0..UPLOADS {
        let tus = Tus::new(url, Version::Http1);
        uploads.spawn(async move {
            let url = tus.create(5).await;
            let answer = tus.append(&url, 0, content("hello")).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
            tus.offset(&url).await
        });
    }
    uploads
}

async fn all_have_ended(uploads: JoinSet<u64>) {
    let offsets = patient(uploads.join_all()).await;
    assert_eq!(offsets, [5; UPLOADS]);
}

#[tokio::test]
async fn a_server_whose_disk_hangs_answers_what_needs_no_disk() {
    let Some(disk) = mount() else { return };
    let dir = format!("-upload-dir={}", disk.path().display());
    let server = Server::start(&[&dir]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    tus.create(5).await;
    disk.hang();
    let uploads = upload_all(server.url());
    patient(disk.has_held(HELD)).await;
    let metrics = format!("http://{}/metrics", server.address());
    for _ in 0..100 {
        let page = patient(tus.ask(request(Method::GET, &metrics))).await;
        assert_eq!(page.status(), StatusCode::OK);
    }
    let discovery = patient(tus.ask(request(Method::OPTIONS, server.url()))).await;
    assert_eq!(discovery.status(), StatusCode::OK);
    disk.go_on();
    all_have_ended(uploads).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_disk_that_hangs_stops_no_upload_on_another_disk() {
    let Some(disk) = mount() else { return };
    let other = tempdir().unwrap();
    let serve = |dir: &std::path::Path| {
        let store = FileStore::new(dir);
        store.prepare().unwrap();
        host(Stack::new(store).lock_timeout(PATIENCE).into_service())
    };
    let hanging = format!("http://{}/files/", serve(disk.path()).await);
    let healthy = format!("http://{}/files/", serve(other.path()).await);
    let tus = Tus::new(&healthy, Version::Http1);
    let url = tus.create(5).await;
    disk.hang();
    let uploads = upload_all(&hanging);
    patient(disk.has_held(HELD)).await;
    for _ in 0..100 {
        assert_eq!(patient(tus.offset(&url)).await, 0);
    }
    let answer = patient(tus.append(&url, 0, content("hello"))).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    disk.go_on();
    all_have_ended(uploads).await;
}
