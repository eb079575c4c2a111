//! Clients that disconnect at each stage of a request, in each possible way.
//!
//! Received bytes are stored, the lock is released, and a gate that decides on
//! completion runs to its end although nobody waits for the response.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use h2::Reason;
use http::Method;
use http::request::Parts;
use tokio::sync::Semaphore;
use tower_tus::Stack;
use tower_tus::layers::gate::Gate;
use tower_tus::layers::protocol::{
    Action, Error, FinishState, Length, Metadata, NewUpload, Shutdown, Upload, UploadId,
};
use tower_tus::layers::store::{MemoryStore, Store};
use tower_tus::store::FileStore;

use crate::harness::host::host;
use crate::harness::patient;
use crate::harness::raw::{Ends, Http1, Http2};
use crate::harness::tus::{Tus, Version, request};

/// The size of an upload: more than all buffers between client and server.
const LENGTH: usize = 3 << 20;

/// The position in the body at which a client disconnects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    During,
    After,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Http1Fin,
    Http1Rst,
    Http2Reset,
    Http2ResetAsIfAllWereWell,
}

impl Stage {
    /// Returns how many bytes of the body were sent.
    fn sent(self) -> usize {
        match self {
            Self::Before => 0,
            Self::During => LENGTH / 2,
            Self::After => LENGTH,
        }
    }
}

const STAGES: [Stage; 3] = [Stage::Before, Stage::During, Stage::After];
const WAYS: [Way; 4] = [
    Way::Http1Fin,
    Way::Http1Rst,
    Way::Http2Reset,
    Way::Http2ResetAsIfAllWereWell,
];

/// A slow gate, which records the uploads that pass it.
#[derive(Clone, Debug)]
struct Slow {
    /// The upload under test.
    id: Arc<Mutex<Option<UploadId>>>,
    /// Whether the request under test has arrived.
    arrived: Arc<AtomicBool>,
    /// A call of the gate adds a permit to `reached`, and then takes one from
    /// `open`.
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
    /// Whether others may learn of new uploads.
    announces: bool,
}

impl Slow {
    fn new() -> Self {
        Self {
            id: Arc::default(),
            arrived: Arc::default(),
            reached: Arc::new(Semaphore::new(0)),
            open: Arc::new(Semaphore::new(0)),
            announces: true,
        }
    }

    /// One that keeps new uploads to itself, so that they stay open for their first
    /// bytes.
    fn silent() -> Self {
        Self {
            announces: false,
            ..Self::new()
        }
    }

    async fn pass(&self) {
        self.reached.add_permits(1);
        self.open
            .acquire()
            .await
            .expect("it is never closed")
            .forget();
    }

    async fn is_reached(&self) {
        patient(self.reached.acquire())
            .await
            .expect("it is never closed")
            .forget();
    }
}

#[async_trait]
impl Gate for Slow {
    async fn created(&self, _: &Parts, upload: &Upload) {
        *self.id.lock().unwrap() = Some(upload.id.clone());
        self.arrived.store(true, Ordering::SeqCst);
    }

    async fn opened(&self, _: &Parts, _: &Upload, action: Action) -> Result<(), Error> {
        match action {
            Action::Append => self.arrived.store(true, Ordering::SeqCst),
            Action::Terminate => self.pass().await,
            _ => {}
        }
        Ok(())
    }

    async fn complete(&self, _: &Parts, _: &Upload) -> Result<(), Error> {
        self.pass().await;
        Ok(())
    }

    fn may_announce(&self) -> bool {
        self.announces
    }

    fn decides_completion(&self) -> bool {
        true
    }
}

/// A server with a slow gate.
struct Scene {
    address: SocketAddr,
    store: Arc<dyn Store>,
    gate: Slow,
    shutdown: Shutdown,
    home: tempfile::TempDir,
}

impl Scene {
    async fn memory() -> Self {
        let store = MemoryStore::default();
        Self::over(store.clone(), Arc::new(store), Slow::new()).await
    }

    async fn file(gate: Slow) -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = FileStore::new(home.path());
        let mut scene = Self::over(store.clone(), Arc::new(store), gate).await;
        scene.home = home;
        scene
    }

    async fn over(store: impl Store, same: Arc<dyn Store>, gate: Slow) -> Self {
        let shutdown = Shutdown::default();
        let service = Stack::new(store)
            .add_gate(gate.clone())
            .shutdown(shutdown.clone())
            .lock_timeout(Duration::ZERO)
            .into_service();
        let address = host(service).await;
        let home = tempfile::tempdir().unwrap();
        Self {
            address,
            store: same,
            gate,
            shutdown,
            home,
        }
    }

    /// Creates an upload without bytes.
    async fn upload(&self) -> UploadId {
        let mut new = NewUpload::new(Some(Length::saturating(LENGTH as u64)), Metadata::default());
        new.finishing = Some(FinishState::Pending { attempts: 0 });
        let id = self.store.create(new).await.unwrap().info().id.clone();
        *self.gate.id.lock().unwrap() = Some(id.clone());
        id
    }

    /// Sends a request up to a stage, and disconnects.
    async fn drop_a_client(&self, method: &Method, path: &str, stage: Stage, way: Way) {
        self.gate.arrived.store(false, Ordering::SeqCst);
        let length = if *method == Method::DELETE { 0 } else { LENGTH };
        let sent = Bytes::from(vec![7; stage.sent().min(length)]);
        match way {
            Way::Http1Fin | Way::Http1Rst => {
                let mut client = Http1::connect(self.address).await;
                client
                    .head(&format!("{method} {path}"), &headers(method, length))
                    .await;
                client.send(&sent).await;
                self.see(stage, method, way).await;
                match way {
                    Way::Http1Fin => client.fin(),
                    _ => client.rst(),
                }
            }
            Way::Http2Reset | Way::Http2ResetAsIfAllWereWell => {
                let mut request = request(method.clone(), &format!("http://tus{path}"));
                for (name, value) in headers(method, length) {
                    request = request.header(name, value);
                }
                let ends_after = |bytes| {
                    if bytes == length {
                        Ends::Here
                    } else {
                        Ends::Later
                    }
                };
                let mut client = Http2::connect(self.address).await;
                let mut stream = client.begin(request.body(()).unwrap(), ends_after(0)).await;
                let ends = ends_after(sent.len());
                stream.send(sent, ends).await;
                self.see(stage, method, way).await;
                stream.reset(match way {
                    Way::Http2Reset => Reason::CANCEL,
                    _ => Reason::NO_ERROR,
                });
            }
        }
    }

    /// Waits until the server has reached the stage.
    async fn see(&self, stage: Stage, method: &Method, way: Way) {
        if stage == Stage::After || *method == Method::DELETE {
            return self.gate.is_reached().await;
        }
        let enough = match way {
            // Bytes before a FIN arrive before it.
            Way::Http1Fin => stage.sent().min(1),
            // A reset discards the bytes in flight.
            _ => stage.sent(),
        };
        patient(async {
            while !self.has_come(enough as u64).await {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    /// Whether the request has arrived, with this many bytes of its body.
    async fn has_come(&self, enough: u64) -> bool {
        let id = self.gate.id.lock().unwrap().clone();
        let Some(id) = id.filter(|_| self.gate.arrived.load(Ordering::SeqCst)) else {
            return false;
        };
        let upload = self.store.open(&id).await;
        upload.is_ok_and(|upload| upload.info().offset.get() >= enough)
    }

    /// Waits until nothing is running any more.
    async fn settle(&self) {
        patient(self.shutdown.drained()).await;
    }

    /// Returns the files of uploads that are still open.
    #[cfg(target_os = "linux")]
    fn open_files(&self) -> Vec<std::path::PathBuf> {
        let files = std::fs::read_dir("/proc/self/fd").unwrap();
        let paths = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        paths
            .filter(|path| path.starts_with(self.home.path()))
            .collect()
    }

    /// Expects that the lock of the upload is free.
    async fn assert_free(&self, id: &UploadId) {
        let tus = Tus::new(&format!("http://{}/files/", self.address), Version::Http1);
        let status = tus.head(&format!("{}{id}", tus.url)).await.status();
        assert_ne!(status, 423);
    }
}

fn headers(method: &Method, length: usize) -> Vec<(&'static str, String)> {
    let mut headers = vec![("Content-Length", length.to_string())];
    if *method != Method::DELETE {
        headers.push(("Content-Type", "application/offset+octet-stream".to_owned()));
    }
    match *method {
        Method::POST => headers.push(("Upload-Length", length.to_string())),
        Method::PATCH => headers.push(("Upload-Offset", "0".to_owned())),
        _ => {}
    }
    headers
}

// CORE-31: received bytes are stored, and only complete uploads are finished.
async fn assert_kept(scene: &Scene, stage: Stage, way: Way) {
    let id = scene
        .gate
        .id
        .lock()
        .unwrap()
        .clone()
        .expect("there is an upload");
    if stage == Stage::After {
        let upload = scene.store.open(&id).await.unwrap();
        assert!(
            !upload.info().is_finished(),
            "{way:?}: the gate is not passed yet"
        );
        scene.gate.open.add_permits(1);
    }
    scene.settle().await;
    let upload = scene.store.open(&id).await.unwrap();
    assert_eq!(
        upload.info().offset,
        stage.sent() as u64,
        "{way:?} {stage:?}"
    );
    let whole = stage == Stage::After;
    assert_eq!(upload.info().is_finished(), whole, "{way:?} {stage:?}");
    scene.assert_free(&id).await;
}

async fn patch_is_dropped(scene: Scene) {
    for way in WAYS {
        for stage in STAGES {
            let id = scene.upload().await;
            scene
                .drop_a_client(&Method::PATCH, &format!("/files/{id}"), stage, way)
                .await;
            assert_kept(&scene, stage, way).await;
        }
    }
}

async fn post_is_dropped(scene: &Scene) {
    for way in WAYS {
        for stage in STAGES {
            *scene.gate.id.lock().unwrap() = None;
            scene
                .drop_a_client(&Method::POST, "/files/", stage, way)
                .await;
            assert_kept(scene, stage, way).await;
        }
    }
}

async fn delete_is_dropped(scene: Scene) {
    for way in WAYS {
        let id = scene.upload().await;
        let path = format!("/files/{id}");
        scene
            .drop_a_client(&Method::DELETE, &path, Stage::Before, way)
            .await;
        assert!(
            scene.store.open(&id).await.is_ok(),
            "{way:?}: the gate is not passed yet"
        );
        scene.gate.open.add_permits(1);
        scene.settle().await;
        let gone = scene.store.open(&id).await;
        assert!(matches!(gone, Err(Error::NotFound)), "{way:?}: {gone:?}");
        scene.assert_free(&id).await;
    }
}

#[tokio::test]
async fn what_a_dropped_patch_brought_is_kept_in_memory() {
    patch_is_dropped(Scene::memory().await).await;
}

#[tokio::test]
async fn what_a_dropped_patch_brought_is_kept_on_disk() {
    patch_is_dropped(Scene::file(Slow::new()).await).await;
}

#[tokio::test]
async fn what_a_dropped_creation_brought_is_kept_in_memory() {
    post_is_dropped(&Scene::memory().await).await;
}

#[tokio::test]
async fn what_a_dropped_creation_brought_is_kept_on_disk() {
    post_is_dropped(&Scene::file(Slow::new()).await).await;
}

#[tokio::test]
async fn what_a_dropped_creation_brought_to_an_upload_that_nobody_knew_is_kept_and_closed() {
    let scene = Scene::file(Slow::silent()).await;
    post_is_dropped(&scene).await;
    #[cfg(target_os = "linux")]
    assert_eq!(scene.open_files(), [""; 0].map(std::path::PathBuf::from));
}

#[tokio::test]
async fn a_dropped_termination_is_carried_out_in_memory() {
    delete_is_dropped(Scene::memory().await).await;
}

#[tokio::test]
async fn a_dropped_termination_is_carried_out_on_disk() {
    delete_is_dropped(Scene::file(Slow::new()).await).await;
}
