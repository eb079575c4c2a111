//! Every sync is needed: without it, a power cut breaks a promise.

use std::collections::BTreeSet;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::poll_fn;
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;
use tower_tus_layers::protocol::{Chunk, Concat, Error, FinishState, Interrupt, Role};
use tower_tus_layers::store::{Concatenator, Handle, Store, WriteMode};

use super::failing::{Server, Told, Told::NotFound, Told::Offset};
use super::{DURABILITIES, new};
use crate::fs::sim::{self, Disk, Image, Kind};
use crate::fs::sys;
use crate::store::file::Durability::{self, Finish, None as Unsynced, Offset as Synced};
use crate::store::file::info::SEAL;

/// What must be true of an upload after each power cut.
type Promise = fn(Told) -> bool;

/// A moment, and what is promised then.
struct Moment(Image, Promise);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    Created,
    Stored,
    Finished,
    /// The same, where no gate may be asked again.
    Recorded,
    WithinAnAtomicChunk,
    AfterARefusedChunk,
    WithinALongChunk,
    FoundAfterARestart,
    FoundWithAMark,
    FoundWithAMarkOfAnother,
    FoundWithoutItsName,
    FoundSealed,
    Terminated,
    Concatenated,
}

/// Each place that syncs, a scene that needs it, and under which durability.
const NEEDED: [(&str, Scene, Durability); 23] = [
    ("publish.rs: write", Scene::Created, Synced),
    ("publish.rs: write", Scene::Recorded, Finish),
    ("sync.rs: names", Scene::Created, Synced),
    ("sync.rs: names", Scene::Recorded, Finish),
    ("sync.rs: names", Scene::Terminated, Finish),
    ("sync.rs: names", Scene::Terminated, Synced),
    ("sync.rs: sync_bytes", Scene::Finished, Finish),
    ("sync.rs: sync_state", Scene::Finished, Finish),
    ("sync.rs: sync_state", Scene::FoundSealed, Finish),
    ("sync.rs: sync_bytes", Scene::FoundAfterARestart, Synced),
    ("sync.rs: sync_state", Scene::FoundAfterARestart, Finish),
    ("sync.rs: sync_names", Scene::FoundAfterARestart, Finish),
    ("sync.rs: sync_mark", Scene::FoundWithAMarkOfAnother, Synced),
    ("sync.rs: left_mark", Scene::FoundWithAMark, Synced),
    ("sync.rs: left_names", Scene::FoundWithoutItsName, Synced),
    ("mark.rs: write", Scene::WithinAnAtomicChunk, Finish),
    ("mark.rs: name", Scene::WithinAnAtomicChunk, Finish),
    ("mark.rs: advance", Scene::WithinALongChunk, Synced),
    ("mark.rs: remove", Scene::Stored, Synced),
    ("writer.rs: keep", Scene::Stored, Synced),
    ("writer.rs: sync_and_mark", Scene::WithinALongChunk, Synced),
    ("counted.rs: cut", Scene::AfterARefusedChunk, Synced),
    ("concatenate.rs: copy_to", Scene::Concatenated, Finish),
];

#[test]
fn every_sync_that_is_taken_out_breaks_a_promise() {
    sim::run(async {
        for (site, scene, durability) in NEEDED {
            let told = format!("{site}, {scene:?}, {durability}");
            assert_eq!(broken(scene, durability, None).await, None, "{told}");
            let broken = broken(scene, durability, Some(site)).await;
            assert!(broken.is_some(), "not needed: {told}");
        }
    });
}

#[test]
fn every_sync_is_in_the_table() {
    sim::run(async {
        let mut sites = BTreeSet::new();
        for durability in DURABILITIES {
            for (_, scene, _) in NEEDED {
                let disk = Disk::new();
                scene.play(&disk, durability).await;
                let calls = disk.calls().into_iter();
                let syncs = calls.filter(|it| matches!(it.kind, Kind::Sync | Kind::SyncDir));
                sites.extend(syncs.filter_map(|call| call.site()));
            }
        }
        // Those of the scenes themselves.
        sites.retain(|site| !site.starts_with("needed.rs"));
        let table: BTreeSet<_> = NEEDED.iter().map(|(site, ..)| (*site).to_owned()).collect();
        assert_eq!(sites, table);
    });
}

#[test]
fn what_was_finished_without_a_sync_is_synced_by_who_promises_more() {
    sim::run(async {
        for durability in [Finish, Synced] {
            let disk = Disk::new();
            let before = Server::start(&disk, Unsynced);
            before.create().await;
            assert_eq!(before.patch(0, "helloworld").await, 204);
            let mut handle = before.0.open(&"a".parse().unwrap()).await.unwrap();
            handle.record(FinishState::Done).await.unwrap();

            let server = Server::start(&disk, durability);
            assert_eq!(server.head().await, Offset(10));
            for cut in disk.cuts() {
                disk.mount(&cut.image);
                let restarted = Server::start(&disk, durability);
                assert_eq!(restarted.head().await, Offset(10), "{cut}");
                assert_eq!(disk.text("up/a"), "helloworld", "{cut}");
            }
        }
    });
}

/// Plays a scene, and returns a power cut after which a promise is broken.
async fn broken(scene: Scene, durability: Durability, without: Option<&str>) -> Option<String> {
    let disk = Disk::new();
    if let Some(site) = without {
        disk.lie_at(site);
    }
    let Moment(image, promise) = scene.play(&disk, durability).await;
    disk.mount(&image);
    for cut in disk.cuts() {
        disk.mount(&cut.image);
        let server = Server::start(&disk, durability);
        let found = server.0.open(&"a".parse().unwrap()).await;
        let is_finished = found.is_ok_and(|handle| handle.info().is_finished());
        let is_recorded = is_finished || scene != Scene::Recorded;
        let told = server.head().await;
        let is_whole = told != Offset(10) || disk.text("up/a") == "helloworld";
        if !promise(told) || !is_whole || !is_recorded {
            return Some(format!("{told:?}: {cut}"));
        }
    }
    None
}

impl Scene {
    async fn play(self, disk: &Disk, durability: Durability) -> Moment {
        let server = Server::start(disk, durability);
        match self {
            Self::FoundAfterARestart => return found_after_a_restart(disk, durability).await,
            Self::FoundWithAMark => return found_with_a_mark(disk, Synced, durability).await,
            Self::FoundWithAMarkOfAnother => {
                return found_with_a_mark(disk, Unsynced, durability).await;
            }
            Self::FoundWithoutItsName => return found_without_its_name(disk, durability).await,
            Self::FoundSealed => return found_sealed(disk, durability).await,
            Self::Concatenated => return concatenated(disk, &server).await,
            _ => server.create().await,
        }
        let promise: Promise = match self {
            Self::Created => |told| told == Offset(0),
            Self::Stored => {
                // Too short for the mark to move.
                assert_eq!(server.patch(0, "he").await, 204);
                |told| told == Offset(2)
            }
            Self::WithinAnAtomicChunk | Self::AfterARefusedChunk => {
                assert_eq!(server.patch(0, "hello").await, 204);
                let during = chunk(disk, &server, WriteMode::Atomic).await;
                let within = matches!(self, Self::WithinAnAtomicChunk);
                let image = if within { during } else { disk.image() };
                return Moment(image, |told| !matches!(told, Offset(6..)));
            }
            Self::WithinALongChunk => {
                let during = chunk(disk, &server, WriteMode::Streaming).await;
                return Moment(during, |told| matches!(told, Offset(5..)));
            }
            Self::Recorded => {
                assert_eq!(server.patch(0, "hello").await, 204);
                // As where a gate decides in between.
                let mut handle = server.0.open(&"a".parse().unwrap()).await.unwrap();
                super::append_all(&mut *handle, "world").await;
                handle.finish().await.unwrap();
                handle.record(FinishState::Done).await.unwrap();
                |told| told == Offset(10)
            }
            _ => {
                assert_eq!(server.patch(0, "hello").await, 204);
                assert_eq!(server.patch(5, "world").await, 204);
                |told| told == Offset(10)
            }
        };
        if matches!(self, Self::Terminated) {
            assert_eq!(server.send(Request::delete("/a"), "").await.0, 204);
            return Moment(disk.image(), |told| told == NotFound);
        }
        Moment(disk.image(), promise)
    }
}

/// Appends five bytes that are refused in the end if they are an atomic chunk,
/// and returns the disk as it is before the end, when clients have asked for
/// the offset.
async fn chunk(disk: &Disk, server: &Server, mode: WriteMode) -> Image {
    let id = "a".parse().unwrap();
    let mut handle = server.0.open(&id).await.unwrap();
    let (mut image, mut polls) = (None, 0);
    let body = poll_fn(|cx: &mut Context<'_>| {
        polls += 1;
        match polls {
            1 => Poll::Ready(Some(Ok(Frame::data(Bytes::from("!!!!!"))))),
            // The batch ends here, and is written.
            2 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => {
                drop(server.0.open(&id).now_or_never());
                image = Some(disk.image());
                Poll::Ready(Some(Err(Error::ChecksumMismatch)))
            }
        }
    });
    let mut body = StreamBody::new(body);
    drop(handle.append(Chunk::new(&mut body), mode.into()).await);
    image.unwrap()
}

/// A process finds a complete upload that it has not written, of one that was
/// less careful, and tells it.
async fn found_after_a_restart(disk: &Disk, durability: Durability) -> Moment {
    let before = Server::start(disk, Unsynced);
    before.create().await;
    assert_eq!(before.patch(0, "helloworld").await, 204);
    let server = Server::start(disk, durability);
    assert_eq!(server.head().await, Offset(10));
    Moment(disk.image(), |told| told == Offset(10))
}

/// A process was killed right after it had given a new upload its name.
async fn found_without_its_name(disk: &Disk, durability: Durability) -> Moment {
    Server::start(disk, Unsynced).create().await;
    let info = disk.root().join("up/a.info");
    let json = disk
        .text("up/a.info")
        .replace(r#""Created""#, r#""Synced":true,"Created""#);
    let file = sys::File::open(&info).unwrap();
    file.write_all(json.as_bytes()).unwrap();
    file.sync_all().unwrap();
    let server = Server::start(disk, durability);
    assert_eq!(server.head().await, Offset(0));
    Moment(disk.image(), |told| told == Offset(0))
}

/// A process was killed right after it had sealed `.info`.
async fn found_sealed(disk: &Disk, durability: Durability) -> Moment {
    let before = Server::start(disk, durability);
    before.create().await;
    let mut handle = before.0.open(&"a".parse().unwrap()).await.unwrap();
    super::append_all(&mut *handle, "helloworld").await;
    let at = |name: &str| disk.root().join("up").join(name);
    sys::File::open(&at("a")).unwrap().sync_data().unwrap();
    sys::sync_dir_of(&at("a")).unwrap();
    let info = sys::File::open(&at("a.info")).unwrap();
    let end = &mut info.len().unwrap();
    info.write_at(end, &[SEAL.into()]).unwrap();
    let server = Server::start(disk, durability);
    assert_eq!(server.head().await, Offset(10));
    let found = server.0.open(&"a".parse().unwrap()).await.unwrap();
    assert!(found.info().is_finished());
    Moment(disk.image(), |told| told == Offset(10))
}

/// A process was killed while it moved the mark.
async fn found_with_a_mark(disk: &Disk, before: Durability, durability: Durability) -> Moment {
    Server::start(disk, before).create().await;
    let at = |name: &str| disk.root().join("up").join(name);
    let data = sys::File::open(&at("a")).unwrap();
    data.write_all(b"helloworld").unwrap();
    data.sync_data().unwrap();
    let mark = sys::File::create_new(&at("a.chunk")).unwrap();
    mark.write_all(b"0\n").unwrap();
    mark.sync_data().unwrap();
    sys::sync_dir_of(&at("a.chunk")).unwrap();
    mark.write_all(b"5\n").unwrap();
    let server = Server::start(disk, durability);
    assert_eq!(server.head().await, Offset(5));
    Moment(disk.image(), |told| told == Offset(5))
}

/// A final upload exists with all its bytes or not at all.
async fn concatenated(disk: &Disk, server: &Server) -> Moment {
    let mut part = new("part");
    part.finishing = Some(FinishState::Pending { attempts: 0 });
    let mut part: Box<dyn Handle> = server.0.create(part).await.unwrap();
    super::append_all(&mut *part, "helloworld").await;
    part.finish().await.unwrap();
    part.record(FinishState::Done).await.unwrap();
    let mut new = new("a");
    let parts = vec!["part".parse().unwrap()];
    new.concat = Some(Concat::new(
        Role::Final {
            parts,
            pending: false,
        },
        None,
    ));
    let made = server.0.concatenate(new, &Interrupt::default()).await;
    drop(made.unwrap());
    Moment(disk.image(), |told| matches!(told, Offset(10) | NotFound))
}
