//! Disks whose syncs and closes fail, on a simulated one: what the request
//! answers, and what is answered after it, after a restart, and after a power
//! cut.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::poll_fn;
use http::Request;
use http::request::Builder;
use http_body::Frame;
use http_body_util::StreamBody;
use rustix::io::Errno;
use tower::{Layer, ServiceExt};
use tower_tus_layers::checksum::ChecksumLayer;
use tower_tus_layers::protocol::{Body, Chunk, Concat, Error, FinishState, Interrupt, Role};
use tower_tus_layers::service::Core;
use tower_tus_layers::store::{Concatenator, Store, WriteMode};

use super::{DURABILITIES, Frames, append, append_all, new};
use crate::fs::sim::{self, Disk, Image, Kind, Verdict};
use crate::fs::sys;
use crate::store::file::{Durability, FileStore};

/// The errors of a sync, and the status of a request after which the upload can
/// go on. A stale handle says that the storage is gone.
const ERRORS: [(Errno, u16); 6] = [
    (Errno::NOSPC, 507),
    (Errno::DQUOT, 507),
    (Errno::FBIG, 507),
    (Errno::IO, 500),
    (Errno::INTR, 500),
    (Errno::STALE, 503),
];

/// The checksum of `world`.
const WORLD: &str = "sha1 fCEUM/AgcVl3Qeb/Wo6jR4mrv0M=";

/// A process that serves the uploads on a disk.
pub(super) struct Server(pub(super) FileStore);

/// What HEAD answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Offset(u64),
    Failed,
    NotFound,
}

use Told::{Failed, NotFound, Offset};

impl Server {
    pub(super) fn start(disk: &Disk, durability: Durability) -> Self {
        let mut store = FileStore::new(disk.root().join("up")).durability(durability);
        store.stride = 3;
        Self(store)
    }

    pub(super) async fn send(&self, request: Builder, body: &'static str) -> (u16, Option<u64>) {
        let service = ChecksumLayer::new().layer(Core::new(self.0.clone()));
        let request = request.body(Body::from(body)).unwrap();
        let response = service.oneshot(request).await.unwrap();
        let offset = response.headers().get("Upload-Offset");
        let offset = offset.map(|offset| offset.to_str().unwrap().parse().unwrap());
        (response.status().as_u16(), offset)
    }

    pub(super) async fn patch(&self, offset: u64, body: &'static str) -> u16 {
        self.send(patch(offset), body).await.0
    }

    pub(super) async fn head(&self) -> Told {
        match self.send(Request::head("/a"), "").await {
            (200, Some(offset)) => Offset(offset),
            (410, None) => Failed,
            (404, None) => NotFound,
            answer => panic!("HEAD: {answer:?}"),
        }
    }

    /// Brings the upload to its end as a client does, and checks its bytes.
    async fn carry_on(&self, disk: &Disk) {
        let offset = match self.head().await {
            Offset(offset) => offset,
            told => {
                let status = self.send(Request::delete("/a"), "").await.0;
                assert_eq!(status, if told == Failed { 204 } else { 404 });
                self.create().await;
                0
            }
        };
        let rest = &"helloworld"[usize::try_from(offset).unwrap()..];
        assert_eq!(self.patch(offset, rest).await, 204);
        assert_eq!(self.head().await, Offset(10));
        assert_eq!(disk.text("up/a"), "helloworld");
    }

    pub(super) async fn create(&self) {
        let mut new = new("a");
        if self.0.needs_finish() {
            new.finishing = Some(FinishState::Pending { attempts: 0 });
        }
        self.0.create(new).await.unwrap();
    }
}

fn patch(offset: u64) -> Builder {
    Request::patch("/a")
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", offset)
}

const fn is_sync(kind: Kind) -> bool {
    matches!(kind, Kind::Sync | Kind::SyncDir | Kind::Close)
}

impl Disk {
    pub(super) fn text(&self, path: &str) -> String {
        let bytes = sys::read(&self.root().join(path)).unwrap();
        String::from_utf8(bytes.unwrap()).unwrap()
    }

    /// Makes the `n`-th sync or close from now on fail, counted from 1.
    fn fail_sync(&self, n: usize, errno: Errno) {
        let seen = AtomicUsize::new(0);
        self.rule(move |call| {
            match is_sync(call.kind) && seen.fetch_add(1, Ordering::Relaxed) + 1 == n {
                true => Verdict::Fail(errno),
                false => Verdict::Pass,
            }
        });
    }

    /// Returns the syncs and closes since the disk was mounted.
    fn syncs(&self) -> Vec<String> {
        let calls = self.calls().into_iter();
        let syncs = calls.filter(|call| is_sync(call.kind));
        syncs.map(|call| call.to_string()).collect()
    }
}

/// What the upload of ten bytes has before the request that is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    Nothing,
    /// The first five bytes.
    Half,
    /// All bytes, by a process that died before it finished the upload.
    Whole,
    /// The same, and no record that it is to be finished.
    WholeOfTusd,
}

async fn begin(disk: &Disk, durability: Durability, begun: Begun) -> Image {
    let server = Server::start(disk, durability);
    server.create().await;
    if begun != Begun::Nothing {
        assert_eq!(server.patch(0, "hello").await, 204);
    }
    if matches!(begun, Begun::Whole | Begun::WholeOfTusd) {
        let mut handle = server.0.open(&"a".parse().unwrap()).await.unwrap();
        append_all(&mut *handle, "world").await;
    }
    if begun == Begun::WholeOfTusd {
        let info = sys::File::open(&disk.root().join("up/a.info")).unwrap();
        info.truncate(0).unwrap();
        info.write_all(br#"{"ID":"a","Size":10}"#).unwrap();
    }
    disk.image()
}

/// A request whose sync or close failed.
#[derive(Debug)]
struct Failure {
    durability: Durability,
    /// What failed, and where.
    call: String,
    /// The status for the error that the call reported.
    status_of_errno: u16,
    status: u16,
    /// By the HEAD that follows.
    told: Told,
}

/// Runs a request once for each of its syncs and closes and each error, and
/// checks what it answered, and that this is true for ever.
async fn each_failure(
    durability: Durability,
    begun: Begun,
    request: impl AsyncFn(&Server) -> u16,
    check: impl Fn(&Failure),
) {
    let disk = Disk::new();
    let image = begin(&disk, durability, begun).await;
    disk.mount(&image);
    let status = request(&Server::start(&disk, durability)).await;
    assert!(status < 300, "{durability}, {begun:?}: {status}");
    let calls = disk.syncs();
    assert!(!calls.is_empty(), "{durability}, {begun:?}");
    for n in 1..=calls.len() {
        for (errno, status_of_errno) in ERRORS {
            disk.mount(&image);
            let server = Server::start(&disk, durability);
            disk.fail_sync(n, errno);
            let status = request(&server).await;
            let call = disk.syncs()[n - 1].clone();
            disk.rule(|_| Verdict::Pass);
            let told = server.head().await;
            let failure = Failure {
                durability,
                call,
                status_of_errno,
                status,
                told,
            };
            check(&failure);
            failure.is_true_for_ever(&disk).await;
        }
    }
}

impl Failure {
    /// Whether the call that failed is at this site.
    fn is_at(&self, site: &str) -> bool {
        self.call.contains(site)
    }

    /// Whether only the record failed that a stored upload is finished.
    fn is_of_the_record(&self) -> bool {
        self.is_at("publish.rs: write") || self.is_at("sync.rs: names")
    }

    /// Checks that what HEAD told is still true after a restart, and after power
    /// cuts as far as it is promised, and that clients can go on.
    async fn is_true_for_ever(&self, disk: &Disk) {
        let image = disk.image();
        disk.kill();
        let server = Server::start(disk, self.durability);
        assert_eq!(server.head().await, self.told, "after a restart: {self:?}");
        server.carry_on(disk).await;
        if self.durability == Durability::None {
            return;
        }
        disk.mount(&image);
        for cut in disk.cuts() {
            disk.mount(&cut.image);
            let server = Server::start(disk, self.durability);
            let told = server.head().await;
            let is_kept = match self.told {
                Offset(10) | Failed => told == self.told,
                Offset(_) if self.durability == Durability::Offset => told == self.told,
                Offset(_) | NotFound => !matches!(told, Offset(10) | Failed),
            };
            assert!(is_kept, "{told:?} after a power cut: {self:?}, {cut}");
            server.carry_on(disk).await;
        }
    }
}

async fn world(server: &Server) -> u16 {
    server.patch(5, "world").await
}

async fn checked_world(server: &Server) -> u16 {
    let request = patch(5).header("Upload-Checksum", WORLD);
    server.send(request, "world").await.0
}

async fn head(server: &Server) -> u16 {
    server.send(Request::head("/a"), "").await.0
}

#[test]
fn under_offset_an_upload_goes_on_after_its_last_sync_when_a_sync_has_failed() {
    sim::run(async {
        for is_checked in [false, true] {
            let request = async |server: &Server| match is_checked {
                true => checked_world(server).await,
                false => world(server).await,
            };
            each_failure(Durability::Offset, Begun::Half, request, |failure| {
                // The mark has moved, so these bytes are synced.
                let is_kept = ["advance", ": keep", ": remove"];
                let is_kept = !is_checked && is_kept.iter().any(|it| failure.is_at(it));
                let expected = match () {
                    () if is_kept || failure.is_of_the_record() => {
                        (failure.status_of_errno, Offset(10))
                    }
                    () => (failure.status_of_errno, Offset(5)),
                };
                assert_eq!((failure.status, failure.told), expected, "{failure:?}");
            })
            .await;
        }
    });
}

#[test]
fn under_finish_a_complete_upload_whose_sync_failed_has_failed_for_good() {
    sim::run(async {
        for is_checked in [false, true] {
            let request = async |server: &Server| match is_checked {
                true => checked_world(server).await,
                false => world(server).await,
            };
            each_failure(Durability::Finish, Begun::Half, request, |failure| {
                let expected = match () {
                    () if failure.is_at("sync.rs: sync_") => (500, Failed),
                    () if failure.is_of_the_record() => (failure.status_of_errno, Offset(10)),
                    () => (failure.status_of_errno, Offset(5)),
                };
                assert_eq!((failure.status, failure.told), expected, "{failure:?}");
            })
            .await;
        }
    });
}

#[test]
fn under_none_a_chunk_whose_close_failed_is_taken_back() {
    sim::run(async {
        each_failure(Durability::None, Begun::Half, world, |failure| {
            assert_eq!(failure.status, failure.status_of_errno, "{failure:?}");
            assert_eq!(failure.told, Offset(5), "{failure:?}");
        })
        .await;
    });
}

#[test]
fn bytes_that_were_synced_are_not_lost_when_a_restart_cannot_sync() {
    sim::run(async {
        for (begun, offset) in [(Begun::Nothing, 0), (Begun::Half, 5)] {
            each_failure(Durability::Offset, begun, head, |failure| {
                let expected = (failure.status_of_errno, Offset(offset));
                assert_eq!((failure.status, failure.told), expected, "{failure:?}");
            })
            .await;
        }
    });
}

#[test]
fn what_a_restart_finds_is_synced_before_it_is_told_or_has_failed_for_good() {
    sim::run(async {
        for durability in [Durability::Finish, Durability::Offset] {
            each_failure(durability, Begun::WholeOfTusd, head, |failure| {
                assert_eq!((failure.status, failure.told), (410, Failed), "{failure:?}");
            })
            .await;
        }
    });
}

#[test]
fn under_finish_what_a_restart_finds_complete_is_finished_or_has_failed_for_good() {
    sim::run(async {
        each_failure(Durability::Finish, Begun::Whole, head, |failure| {
            let is_finish = failure.is_at("sync.rs: sync_");
            let expected = match is_finish {
                true => (500, Failed),
                false => (failure.status_of_errno, Offset(10)),
            };
            assert_eq!((failure.status, failure.told), expected, "{failure:?}");
        })
        .await;
    });
}

#[test]
fn a_creation_whose_sync_failed_leaves_nothing() {
    sim::run(async {
        for durability in DURABILITIES {
            let disk = Disk::new();
            Server::start(&disk, durability).0.prepare().unwrap();
            let (image, files) = (disk.image(), disk.files());
            let post = async |server: &Server| {
                let request = Request::post("/").header("Upload-Length", "10");
                server.send(request, "").await.0
            };
            disk.mount(&image);
            assert_eq!(post(&Server::start(&disk, durability)).await, 201);
            for n in 1..=disk.syncs().len() {
                for (errno, status) in ERRORS {
                    disk.mount(&image);
                    let server = Server::start(&disk, durability);
                    disk.fail_sync(n, errno);
                    let told = post(&server).await;
                    let call = disk.syncs()[n - 1].clone();
                    // The directory itself was there before.
                    if !call.contains("make_dirs") {
                        assert_eq!(told, status, "{durability}, {call}, {errno}");
                        assert_eq!(disk.files(), files, "{call}");
                    }
                }
            }
        }
    });
}

#[test]
fn a_termination_whose_sync_failed_has_removed_the_upload_and_says_that_it_may_return() {
    sim::run(async {
        for durability in [Durability::Finish, Durability::Offset] {
            let disk = Disk::new();
            let image = begin(&disk, durability, Begun::Half).await;
            for (errno, status) in ERRORS {
                disk.mount(&image);
                let server = Server::start(&disk, durability);
                assert_eq!(server.head().await, Offset(5));
                disk.fail_sync(1, errno);
                assert_eq!(server.send(Request::delete("/a"), "").await.0, status);
                disk.rule(|_| Verdict::Pass);
                assert_eq!(server.head().await, NotFound);
                server.carry_on(&disk).await;
            }
        }
    });
}

#[test]
fn a_failure_that_cannot_be_recorded_is_remembered_and_leaves_no_wrong_bytes() {
    sim::run(async {
        let disk = Disk::new();
        let image = begin(&disk, Durability::Finish, Begun::Half).await;
        disk.mount(&image);
        let server = Server::start(&disk, Durability::Finish);
        disk.rule(|call| match call.kind {
            Kind::Sync | Kind::SyncDir => Verdict::Fail(Errno::IO),
            _ => Verdict::Pass,
        });
        assert_eq!(world(&server).await, 500);
        assert_eq!(server.head().await, Failed);
        assert_eq!(server.patch(10, "").await, 410);
        disk.rule(|_| Verdict::Pass);
        assert_eq!(
            server.head().await,
            Failed,
            "the disk is well again, its bytes are not"
        );

        let image = disk.image();
        disk.kill();
        let restarted = Server::start(&disk, Durability::Finish);
        assert_eq!(restarted.head().await, Offset(0), "without its bytes");
        restarted.carry_on(&disk).await;
        disk.mount(&image);
        for cut in disk.cuts() {
            disk.mount(&cut.image);
            let restarted = Server::start(&disk, Durability::Finish);
            assert_ne!(restarted.head().await, Failed, "{cut}: there is no record");
            // If it is complete, then with the right bytes.
            restarted.carry_on(&disk).await;
        }
    });
}

#[test]
fn a_failed_upload_is_ended_by_a_delete_alone_and_its_id_is_free() {
    sim::run(async {
        let disk = Disk::new();
        let image = begin(&disk, Durability::Finish, Begun::Half).await;
        disk.mount(&image);
        let server = Server::start(&disk, Durability::Finish);
        disk.rule(|call| match call.site() {
            Some(site) if site == "sync.rs: sync_bytes" => Verdict::Fail(Errno::IO),
            _ => Verdict::Pass,
        });
        assert_eq!(world(&server).await, 500);
        disk.rule(|_| Verdict::Pass);
        let info = disk.text("up/a.info");
        assert!(info.contains(r#""Finishing":"Failed""#), "{info}");
        let id = "a".parse().unwrap();
        for store in [&server.0, &Server::start(&disk, Durability::None).0] {
            let mut handle = store.open(&id).await.unwrap();
            assert!(handle.info().is_failed());
            let appended = append(&mut *handle, Frames::of(["x"]), WriteMode::Streaming).await;
            assert!(appended.store_failed(), "{appended:?}");
        }
        let mut handle = server.0.open(&id).await.unwrap();
        for refused in [
            handle.finish().await,
            handle.record(FinishState::Done).await,
        ] {
            assert!(matches!(refused, Err(Error::UploadFailed)), "{refused:?}");
        }
        assert_eq!(disk.text("up/a"), "helloworld");
        assert_eq!(server.send(Request::delete("/a"), "").await.0, 204);
        assert_eq!(server.head().await, NotFound);
        server.carry_on(&disk).await;
    });
}

#[test]
fn a_file_that_cannot_be_opened_to_be_synced_is_no_failed_sync() {
    sim::run(async {
        for errno in [Errno::MFILE, Errno::ACCESS, Errno::IO] {
            let disk = Disk::new();
            let image = begin(&disk, Durability::Offset, Begun::Half).await;
            disk.mount(&image);
            let server = Server::start(&disk, Durability::Offset);
            disk.rule(move |call| match (call.kind, call.path.ends_with("up")) {
                (Kind::Open, true) => Verdict::Fail(errno),
                _ => Verdict::Pass,
            });
            let status = if errno == Errno::MFILE { 503 } else { 500 };
            assert_eq!(head(&server).await, status);
            disk.rule(|_| Verdict::Pass);
            assert_eq!(server.head().await, Offset(5));
        }
    });
}

#[test]
fn a_final_whose_sync_failed_leaves_nothing_or_is_pending_still() {
    sim::run(async {
        let disk = Disk::new();
        let image = begin(&disk, Durability::Finish, Begun::Whole).await;
        let interrupt = Interrupt::default();
        let parts = || vec!["a".parse().unwrap(), "a".parse().unwrap()];
        let join = async |server: &Server, pending: bool| {
            let role = Role::Final {
                parts: parts(),
                pending,
            };
            let mut new = new("f");
            new.concat = Some(Concat::new(role, None));
            match pending {
                false => server.0.concatenate(new, &interrupt).await.map(drop),
                true => {
                    server.0.create(new).await?;
                    server.0.assemble(&"f".parse().unwrap(), &interrupt).await
                }
            }
        };
        for pending in [false, true] {
            disk.mount(&image);
            join(&Server::start(&disk, Durability::Finish), pending)
                .await
                .unwrap();
            for n in 1..=disk.syncs().len() {
                disk.mount(&image);
                let server = Server::start(&disk, Durability::Finish);
                disk.fail_sync(n, Errno::IO);
                let failed = join(&server, pending).await;
                let call = disk.syncs()[n - 1].clone();
                assert!(
                    matches!(failed, Err(Error::Internal(_))),
                    "{call}: {failed:?}"
                );
                disk.rule(|_| Verdict::Pass);
                let id = "f".parse().unwrap();
                match server.0.open(&id).await {
                    Err(Error::NotFound) => join(&server, pending).await.unwrap(),
                    Ok(found) if found.info().is_pending() => {
                        assert_eq!(found.info().offset, 0);
                        server.0.assemble(&id, &interrupt).await.unwrap();
                    }
                    // Only its names are not durable yet.
                    found => assert!(call.contains("sync.rs: names"), "{call}: {found:?}"),
                }
                assert_eq!(disk.text("up/f"), "helloworldhelloworld");
            }
        }
    });
}

#[test]
fn a_file_system_that_syncs_nothing_serves_what_it_has_and_finishes_nothing() {
    sim::run(async {
        for errno in [Errno::INVAL, Errno::OPNOTSUPP] {
            for durability in [Durability::Finish, Durability::Offset] {
                let disk = Disk::new();
                let image = begin(&disk, durability, Begun::WholeOfTusd).await;
                disk.mount(&image);
                disk.rule(move |call| match call.kind {
                    Kind::Sync => Verdict::Fail(errno),
                    _ => Verdict::Pass,
                });
                let server = Server::start(&disk, durability);
                assert_eq!(server.head().await, Offset(10));
                let mut handle = server.0.open(&"a".parse().unwrap()).await.unwrap();
                assert!(matches!(handle.finish().await, Err(Error::Internal(_))));
                assert_eq!(server.head().await, Offset(10));
            }
        }
    });
}

#[test]
fn an_offset_that_was_told_within_a_chunk_survives_a_power_cut() {
    sim::run(async {
        let disk = Disk::new();
        let store = Server::start(&disk, Durability::Offset).0;
        let mut handle = store.create(new("a")).await.unwrap();
        let (id, mut images, mut polls) = ("a".parse().unwrap(), Vec::new(), 0);
        let body = poll_fn(|cx: &mut Context<'_>| {
            polls += 1;
            match polls {
                1 => Poll::Ready(Some(Ok(Frame::data(Bytes::from("hello"))))),
                // The batch ends here, and is written.
                2 => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                _ => {
                    let told = store.open(&id).now_or_never().unwrap().unwrap();
                    assert_eq!(told.info().offset, 5, "the mark has moved");
                    images.push(disk.image());
                    Poll::Ready(None)
                }
            }
        });
        let mut body = StreamBody::new(body);
        let chunk = Chunk::new(&mut body);
        let appended = handle.append(chunk, WriteMode::Streaming.into()).await;
        assert!(appended.error.is_none(), "{appended:?}");
        let image = images.pop().unwrap();
        disk.mount(&image);
        for cut in disk.cuts() {
            disk.mount(&cut.image);
            let restarted = Server::start(&disk, Durability::Offset);
            assert_eq!(restarted.head().await, Offset(5), "{cut}");
        }
    });
}
