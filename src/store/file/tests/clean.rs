//! What crashes have left, and what looks like it.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use rustix::io::Errno;
use serde_json::json;
use tower_tus_layers::lock::Locker;
use tower_tus_layers::protocol::{Error, Interrupt};
use tower_tus_layers::store::LeftoverKind::{
    self, Chunk, Draft, Empty, HalfMade, Lock, Moved, Orphan, Unreadable,
};
use tower_tus_layers::store::{Cleaner, Leftover, LeftoverRequest, Store};

use super::{Fixture, append_all, is_unavailable, new};
use crate::fs::sim::{self, Disk, Kind, Verdict};
use crate::fs::sys;
use crate::lock::FileLocker;
use crate::store::file::{FileStore, claim};

const HOUR: Duration = Duration::from_secs(3600);
/// The names of two uploads whose ids were random.
const RANDOM: &str = "00112233445566778899aabbccddeeff";
const OTHER: &str = "ffeeddccbbaa99887766554433221100";

fn make_old(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - HOUR).unwrap();
}

impl Fixture {
    /// Writes a file an hour ago.
    fn write_old(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        make_old(&path);
    }

    async fn leftovers(&self) -> Vec<Leftover> {
        leftovers(&self.store, 1_000).await
    }

    async fn found(&self) -> Vec<(String, LeftoverKind)> {
        let found = self.leftovers().await.into_iter();
        found.map(|it| (it.name, it.kind)).collect()
    }

    /// Finds the one thing that is left.
    async fn only(&self) -> Leftover {
        let mut found = self.leftovers().await;
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    async fn clean(&self, leftover: &Leftover) -> Option<u64> {
        Cleaner::clean(&self.store, leftover).await.unwrap()
    }

    fn names(&self) -> Vec<String> {
        let dir = self.dir.path();
        let files = self.everything().into_iter();
        let files = files.filter(|(path, _)| path.is_file());
        files
            .map(|(path, _)| path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned())
            .collect()
    }
}

async fn leftovers(store: &FileStore, limit: usize) -> Vec<Leftover> {
    let (mut request, mut found) = (LeftoverRequest::default().limit(limit), Vec::new());
    loop {
        let page = Cleaner::leftovers(store, &request).await.unwrap();
        assert!(page.leftovers.len() <= limit);
        found.extend(page.leftovers);
        let Some(next) = page.next else { return found };
        request = request.after(next);
    }
}

fn named<'a>(
    found: impl IntoIterator<Item = (&'a str, LeftoverKind)>,
) -> Vec<(String, LeftoverKind)> {
    let found = found.into_iter();
    found.map(|(name, kind)| (name.to_owned(), kind)).collect()
}

fn dead() -> String {
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    format!("{}\n", ended.id())
}

fn info(id: &str, path: &Path) -> String {
    let info = format!("/srv/{id}.info");
    json!({"ID": id, "Size": 10, "Storage": {"Path": path, "InfoPath": info}}).to_string()
}

/// Uploads, and one of each kind of leftover but those with a place elsewhere.
async fn with_all_kinds() -> (Fixture, Vec<String>) {
    let files = Fixture::new();
    for id in ["a", "sub/b", RANDOM] {
        append_all(&mut *files.create(id).await, "hello").await;
    }
    files.write("a.chunk", "3\n");
    let uploads = files.names();

    files.write_old(&format!(".{RANDOM}.new"), "{}");
    files.write_old(&format!("sub/.{RANDOM}.lock"), &dead());
    files.write_old(".probe.new", "");
    files.write_old("a.lock", &dead());
    files.write_old("a.new", "{}");
    files.write_old("a.stop", "");
    files.write_old("gone.chunk", "7\n");
    files.write_old("half", "hello");
    files.write_old("half.chunk", "3\n");
    files.write_old("half.new", &info("half", &files.path("half")));
    files.write_old("moved.info", &info("moved", &files.path("moved")));
    files.write_old("orphan", "hello");
    files.write_old(OTHER, "");
    files.write_old(&format!("sub/{OTHER}"), "");
    files.write_old(&format!("sub/{OTHER}.info"), "{");
    files.write_old("torn", "hello");
    files.write_old("torn.info", r#"{"ID":"torn""#);
    files.write_old("unreadable", "hello");
    files.write_old("unreadable.info", "}");
    (files, uploads)
}

#[tokio::test]
async fn each_kind_is_found_and_removed_and_uploads_stay() {
    let (files, uploads) = with_all_kinds().await;
    let before = files.everything();
    let found = files.leftovers().await;
    let expected = [
        (&*format!(".{RANDOM}.new"), Draft, None, 2),
        (".probe.new", Draft, None, 0),
        ("a.lock", Lock, None, dead().len() as u64),
        ("a.new", Draft, Some("a"), 2),
        ("a.stop", Lock, None, 0),
        (OTHER, Empty, Some(OTHER), 0),
        ("gone.chunk", Chunk, Some("gone"), 2),
        (
            "half.new",
            HalfMade,
            Some("half"),
            files.read("half.new").len() as u64 + 7,
        ),
        (
            "moved.info",
            Moved,
            Some("moved"),
            files.read("moved.info").len() as u64,
        ),
        ("orphan", Orphan, Some("orphan"), 5),
        (
            &format!("sub/.{RANDOM}.lock"),
            Draft,
            None,
            dead().len() as u64,
        ),
        (
            &format!("sub/{OTHER}.info"),
            HalfMade,
            Some(&*format!("sub/{OTHER}")),
            1,
        ),
        ("torn.info", Unreadable, Some("torn"), 17),
        ("unreadable.info", Unreadable, Some("unreadable"), 6),
    ];
    let mut expected = expected.map(|(name, kind, id, bytes)| {
        let mut leftover = Leftover::new(name, kind);
        leftover.id = id.map(|id| id.parse().unwrap());
        leftover.bytes = bytes;
        leftover
    });
    expected.sort_by(|one, other| one.name.cmp(&other.name));
    for (found, expected) in found.iter().zip(&mut expected) {
        let age = found.modified.unwrap().elapsed().unwrap();
        assert!(age > HOUR / 2, "{found:?}");
        expected.modified = found.modified;
    }
    assert_eq!(found, expected);
    assert_eq!(files.everything(), before, "nothing is changed");
    for limit in [1, 2, 5] {
        assert_eq!(
            leftovers(&files.store, limit).await,
            found,
            "{limit} a page"
        );
    }

    for leftover in found.iter().filter(|it| !it.kind.is_foreign()) {
        assert_eq!(
            files.clean(leftover).await,
            Some(leftover.bytes),
            "{leftover:?}"
        );
        assert_eq!(files.clean(leftover).await, None, "{leftover:?}");
    }
    let foreign = [
        ("orphan", Orphan),
        ("torn.info", Unreadable),
        ("unreadable.info", Unreadable),
    ];
    assert_eq!(files.found().await, named(foreign));
    for leftover in files.leftovers().await {
        assert_eq!(
            files.clean(&leftover).await,
            Some(leftover.bytes),
            "{leftover:?}"
        );
    }
    assert_eq!(files.names(), uploads);
    for id in ["half", "moved", "orphan", "torn", "unreadable", OTHER] {
        drop(files.create(id).await);
    }
}

#[tokio::test]
async fn what_may_just_be_made_is_none_yet() {
    let files = Fixture::new();
    files.write(OTHER, "");
    files.write(&format!(".{RANDOM}.new"), "{");
    files.write(&format!("{RANDOM}.info"), "{");
    files.write("tusd.info", "{");
    files.write("data", "hello");
    files.write("a.stop", "");
    let _own = File::create(files.path(format!(".{OTHER}.lock"))).unwrap();
    assert_eq!(files.found().await, []);
    let looks = [
        (OTHER, Empty),
        (&format!(".{RANDOM}.new"), Draft),
        (&format!("{RANDOM}.info"), HalfMade),
        ("tusd.info", Unreadable),
        ("data", Orphan),
        ("a.stop", Lock),
        (&format!(".{OTHER}.lock"), Draft),
    ];
    for (name, kind) in looks {
        assert_eq!(
            files.clean(&Leftover::new(name, kind)).await,
            None,
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_somebody_holds_is_not_removed() {
    let files = Fixture::new();
    files.write_old("half.new", "");
    files.write_old("moved.info", &info("moved", &files.path("moved")));
    files.write_old(&format!(".{RANDOM}.new"), "{}");
    let found = files.leftovers().await;
    assert_eq!(found.len(), 3);
    let names = [
        "half.new".to_owned(),
        "moved.info".to_owned(),
        format!(".{RANDOM}.new"),
    ];
    let held = names.map(|name| claim::take(&files.path(name)).unwrap().unwrap());
    for leftover in &found {
        assert_eq!(files.clean(leftover).await, None, "{leftover:?}");
    }
    // That the upload of an `.info` is held is for the caller to find out.
    assert_eq!(files.found().await, named([("moved.info", Moved)]));
    drop(held);
    for leftover in &found {
        assert!(files.clean(leftover).await.is_some(), "{leftover:?}");
    }
    assert!(files.names().is_empty());
}

#[tokio::test]
async fn locks_of_the_living_stay_and_those_of_the_dead_go() {
    let (files, mut tusd) = (
        Fixture::new(),
        Command::new("sleep").arg("600").spawn().unwrap(),
    );
    let locker = FileLocker::beside(&files.store);
    let id = "held".parse().unwrap();
    let held = locker
        .acquire(&id, Interrupt::default(), HOUR)
        .await
        .unwrap();
    for stop in ["held.stop", "tusd.stop", "waited.stop", "free.stop"] {
        files.write_old(stop, "");
    }
    files.write("tusd.lock", &format!("{}\n", tusd.id()));
    files.write("dead.lock", &dead());
    files.write("waited.lock", &dead());
    files.write("earlier.lock", &format!("{}\n", std::process::id()));
    let left = [
        "dead.lock",
        "earlier.lock",
        "free.stop",
        "waited.lock",
        "waited.stop",
    ];
    assert_eq!(files.found().await, named(left.map(|name| (name, Lock))));
    for leftover in files.leftovers().await {
        assert!(files.clean(&leftover).await.is_some(), "{leftover:?}");
    }
    for name in ["held.lock", "held.stop", "tusd.lock", "tusd.stop"] {
        assert_eq!(
            files.clean(&Leftover::new(name, Lock)).await,
            None,
            "{name}"
        );
        assert!(files.path(name).exists(), "{name}");
    }
    tusd.kill().unwrap();
    tusd.wait().unwrap();
    let left = [("tusd.lock", Lock), ("tusd.stop", Lock)];
    assert_eq!(files.found().await, named(left));
    held.release().await;
}

#[test]
fn without_locks_of_the_kernel_no_lock_is_known_to_be_left() {
    let (disk, dead) = (Disk::new(), dead());
    for name in ["a.lock".to_owned(), format!(".{RANDOM}.lock")] {
        let file = sys::File::create_new(&disk.root().join(name)).unwrap();
        file.write_all(dead.as_bytes()).unwrap();
    }
    let store = FileStore::new(disk.root());
    sim::run(async {
        assert_eq!(leftovers(&store, 10).await.len(), 2);
        disk.rule(|call| match call.kind {
            Kind::Lock => Verdict::Fail(Errno::NOSYS),
            _ => Verdict::Pass,
        });
        assert_eq!(leftovers(&store, 10).await, []);
        for (name, kind) in [("a.lock", Lock), (&*format!(".{RANDOM}.lock"), Draft)] {
            let cleaned = Cleaner::clean(&store, &Leftover::new(name, kind)).await;
            assert_eq!(cleaned.unwrap(), None);
        }
    });
}

#[tokio::test]
async fn files_of_others_are_none() {
    let files = Fixture::new();
    for name in [
        ".gitignore",
        "read me",
        "x.part",
        "a b.info",
        "a b.new",
        ".hidden/.x",
        "\u{fc}",
    ] {
        files.write_old(name, "");
    }
    for dir in ["dir", "dir.info", "dir.new", "dir.lock", OTHER] {
        fs::create_dir(files.path(dir)).unwrap();
    }
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("x.new"), "").unwrap();
    fs::write(elsewhere.path().join("data"), "").unwrap();
    make_old(&elsewhere.path().join("data"));
    symlink(elsewhere.path(), files.path("linked")).unwrap();
    symlink(elsewhere.path().join("data"), files.path(RANDOM)).unwrap();
    symlink(elsewhere.path().join("x.new"), files.path("x.new")).unwrap();
    symlink("nowhere", files.path("y.chunk")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(files.path("socket")).unwrap();
    assert_eq!(files.found().await, []);
    let before = files.everything();
    for (name, kind) in [
        ("x.new", HalfMade),
        (&*format!("../.{RANDOM}.new"), Draft),
        ("y.chunk", Chunk),
        ("../x.new", HalfMade),
        ("dir", Orphan),
        (RANDOM, Empty),
        ("", Orphan),
    ] {
        assert_eq!(
            files.clean(&Leftover::new(name, kind)).await,
            None,
            "{name}"
        );
    }
    assert_eq!(files.everything(), before);
}

#[tokio::test]
async fn bytes_of_an_upload_under_another_name_are_no_leftovers() {
    let files = Fixture::new();
    files.write_old("custom.bin", "hello");
    files.write_old(OTHER, "");
    files.write_old("deep/data", "hello");
    files.write_old("linked", "hello");
    files.write_old("creating", "hello");
    files.write_old("left", "hello");
    files.write_old("z.info", &info("z", Path::new("custom.bin")));
    files.write_old("y.info", &info("y", &files.path(OTHER)));
    files.write_old("sub/x.info", &info("sub/x", Path::new("sub/../deep/data")));
    symlink(files.path("linked"), files.path("link")).unwrap();
    files.write_old("w.info", &info("w", &files.path("link")));
    files.write_old("v.new", &info("v", &files.path("creating")));
    let _held = claim::take(&files.path("v.new")).unwrap();
    for limit in [1, 1_000] {
        let found = leftovers(&files.store, limit).await;
        let found: Vec<_> = found.iter().map(|it| &*it.name).collect();
        assert_eq!(found, ["left"]);
    }
    // Nobody can tell what an upload has whose state cannot be read.
    let leftover = files.only().await;
    fs::create_dir(files.path("u")).unwrap();
    files.write_old("u/u.info", "");
    fs::remove_file(files.path("u/u.info")).unwrap();
    // A file that was changed since may be another one.
    files.write("left", "HELLO");
    assert_eq!(files.clean(&leftover).await, None);
    assert!(files.path("left").exists());
}

#[tokio::test]
async fn an_upload_whose_bytes_may_come_back_with_their_disk_stays() {
    let (files, disk) = (Fixture::new(), tempfile::tempdir().unwrap());
    let mount = disk.path().join("mount");
    fs::create_dir(&mount).unwrap();
    files.write_old("away.info", &info("away", &mount.join("away")));
    // Nobody knows whether it was in the directory when that had another place.
    let early = json!({"Size": 5, "Storage": {"Path": mount.join("early")}});
    files.write_old("early.info", &early.to_string());
    // Where another disk is to be mounted in the directory itself.
    fs::create_dir(files.path("inside")).unwrap();
    files.write_old("inside.x.info", &info("inside.x", &files.path("inside/x")));
    // A link to a disk that is not mounted.
    symlink(disk.path().join("gone/b"), files.path("b")).unwrap();
    files.write_old("b.info", r#"{"ID":"b","Size":5}"#);
    for _ in 0..2 {
        assert_eq!(files.found().await, []);
    }
    for id in ["away", "inside.x", "b", "early"] {
        let leftover = Leftover::new(format!("{id}.info"), Moved);
        assert_eq!(files.clean(&leftover).await, None, "{id}");
    }

    // Bytes of another upload are there, so the disk is, too.
    fs::write(mount.join("other"), "hello").unwrap();
    fs::write(files.path("inside/y"), "hello").unwrap();
    files.write_old("other.info", &info("other", &mount.join("other")));
    let _first = files.leftovers().await;
    let found = files.leftovers().await;
    let expected = ["away.info", "early.info", "inside.x.info"].map(|name| (name, Moved));
    let mut names = files.found().await;
    names.retain(|(name, _)| name != "inside/y");
    assert_eq!(names, named(expected));

    // The disk is gone again, and its place is another directory.
    fs::rename(&mount, disk.path().join("aside")).unwrap();
    fs::create_dir(&mount).unwrap();
    assert_eq!(files.clean(&found[0]).await, None);
    fs::remove_dir(&mount).unwrap();
    fs::rename(disk.path().join("aside"), &mount).unwrap();
    assert!(files.clean(&found[0]).await.is_some());
    assert!(!files.path("away.info").exists() && mount.join("other").exists());
}

#[tokio::test]
async fn what_is_no_leftover_any_more_stays() {
    let (files, _) = with_all_kinds().await;
    let found = files.leftovers().await;
    // Its owner has come back to each.
    for id in [
        "half",
        "orphan",
        "gone",
        "moved",
        OTHER,
        &format!("sub/{OTHER}"),
        "torn",
        "unreadable",
    ] {
        files.write(id, "hello");
        files.write(&format!("{id}.info"), &info(id, &files.path(id)));
    }
    files.write("orphan", "hello world");
    fs::remove_file(files.path("a.info")).unwrap();
    for leftover in &found {
        let is_of_an_upload = leftover.id.as_ref().is_some_and(|id| id.as_str() != "a");
        // The mark of a half-made upload, beside a whole one.
        if is_of_an_upload && leftover.kind != HalfMade || leftover.name == "a.new" {
            assert_eq!(files.clean(leftover).await, None, "{leftover:?}");
        }
    }
    for id in ["orphan", "gone", "moved", "torn", "unreadable"] {
        assert!(files.open(id).await.is_ok(), "{id}");
    }
    assert!(files.path("gone.chunk").exists());
}

#[tokio::test]
async fn beside_a_whole_info_a_new_one_goes_alone() {
    let files = Fixture::new();
    drop(files.create("a").await);
    drop(files.create("b").await);
    // As by a rename that is a link, and by a removal that was given up.
    fs::hard_link(files.path("a.info"), files.path("a.new")).unwrap();
    files.write("b.new", "{");
    let found = files.leftovers().await;
    assert_eq!(
        files.found().await,
        named([("a.new", Draft), ("b.new", Draft)])
    );
    let held = claim::take(&files.path("a.info")).unwrap();
    assert_eq!(
        files.clean(&found[0]).await,
        None,
        "it may be about to be removed"
    );
    drop(held);
    for leftover in &found {
        assert!(files.clean(leftover).await.is_some());
    }
    assert_eq!(files.names(), ["a", "a.info", "b", "b.info"]);
}

#[test]
fn a_disk_that_fails_is_told_and_a_file_that_cannot_be_looked_at_is_left_out() {
    sim::run(async {
        let disk = Disk::new();
        let store = FileStore::new(disk.root());
        store.create(new("a")).await.unwrap();
        for name in ["x.new", "y.new"] {
            sys::File::create_new(&disk.root().join(name)).unwrap();
        }
        disk.age();
        let found = leftovers(&store, 10).await;
        assert_eq!(found.len(), 2);
        let fail = |path: &'static str, kind: Kind, errno: Errno| {
            disk.rule(
                move |call| match call.kind == kind && call.path.to_str() == Some(path) {
                    true => Verdict::Fail(errno),
                    false => Verdict::Pass,
                },
            );
        };
        fail("x.new", Kind::OpenToWrite, Errno::IO);
        assert_eq!(leftovers(&store, 10).await, found[1..]);
        fail("", Kind::List, Errno::IO);
        let failed = Cleaner::leftovers(&store, &LeftoverRequest::default()).await;
        assert!(matches!(failed, Err(Error::Internal(_))), "{failed:?}");
        fail("x.new", Kind::Unlink, Errno::IO);
        let failed = Cleaner::clean(&store, &found[0]).await;
        assert!(matches!(failed, Err(Error::Internal(_))), "{failed:?}");
        fail("x.new", Kind::Unlink, Errno::ROFS);
        assert!(is_unavailable(&Cleaner::clean(&store, &found[0]).await));
        disk.rule(|_| Verdict::Pass);
        assert_eq!(leftovers(&store, 10).await, found);
    });
}

#[test]
fn while_a_record_cannot_be_read_no_bytes_are_taken_for_an_orphan_s() {
    sim::run(async {
        let disk = Disk::new();
        let store = FileStore::new(disk.root());
        for (name, text) in [
            ("data", "hello"),
            ("x.info", &*info("x", Path::new("data"))),
        ] {
            let file = sys::File::create_new(&disk.root().join(name)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
        disk.age();
        assert_eq!(leftovers(&store, 10).await, []);
        disk.rule(
            |call| match call.kind == Kind::Open && call.path.to_str() == Some("x.info") {
                true => Verdict::Fail(Errno::IO),
                false => Verdict::Pass,
            },
        );
        assert_eq!(leftovers(&store, 10).await, []);
        disk.rule(|_| Verdict::Pass);
        sys::remove(&disk.root().join("x.info")).unwrap();
        assert_eq!(leftovers(&store, 10).await.len(), 1);
    });
}
