//! Lists of uploads.

use std::fs;
use std::sync::Arc;

use rustix::io::Errno;
use serde_json::json;
use tower_tus_layers::protocol::{Error, UploadId};
use tower_tus_layers::store::{ListRequest, Lister, Page, Store};

use super::{Durability, Fixture, append_all, is_unavailable, new};
use crate::fs::sim::{self, Call, Disk, Kind, Verdict};
use crate::store::file::FileStore;

async fn list(store: &FileStore, request: &ListRequest) -> Result<Page, Error> {
    Lister::list(store, request).await
}

async fn list_all(store: &FileStore) -> Page {
    list(store, &ListRequest::default()).await.unwrap()
}

fn ids(page: &Page) -> Vec<&str> {
    page.uploads.iter().map(|it| it.id.as_str()).collect()
}

#[tokio::test]
async fn only_uploads_are_listed_with_what_their_files_say() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    append_all(&mut *handle, "hello").await;
    drop(files.create("sub/b").await);
    for side in [
        "a.chunk",
        "a.lock",
        "x.stop",
        "x.new",
        ".0.new",
        "README",
        "x.info.bak",
    ] {
        files.write(side, "3\n");
    }
    files.write("torn", "hello");
    files.write("torn.info", r#"{"ID":"torn","Si"#);
    files.write("gone.info", r#"{"ID":"gone","Size":5}"#);
    files.write("not an id", "hello");
    files.write("not an id.info", r#"{"ID":"not an id","Size":5}"#);
    fs::create_dir(files.path("dir.info")).unwrap();
    let before = files.everything();

    let page = list_all(&files.store).await;
    assert_eq!(ids(&page), ["a", "sub/b"]);
    assert!(page.next.is_none() && page.unreadable.is_empty());
    let opened = files.open("a").await.unwrap().info().clone();
    assert_eq!(page.uploads[0], opened);
    assert_eq!(opened.offset, 3, "where the chunk began");
    assert_eq!(files.everything(), before);
}

#[tokio::test]
async fn uploads_of_tusd_are_listed_wherever_their_bytes_are() {
    let (files, elsewhere) = (Fixture::new(), tempfile::tempdir().unwrap());
    let data = elsewhere.path().join("data.bin");
    fs::write(&data, "hello").unwrap();
    let storage = json!({"Type": "filestore", "Path": data});
    let info = |id: &str| json!({"ID": id, "Size": 10, "Storage": storage}).to_string();
    files.write("a.info", &info("a"));
    files.write("b.info", r#"{"ID":"b","Size":10,"MetaData":null}"#);
    files.write("b", "hel");
    let page = list_all(&files.store).await;
    let offsets: Vec<_> = page.uploads.iter().map(|it| it.offset.get()).collect();
    assert_eq!((ids(&page), offsets), (vec!["a", "b"], vec![5, 3]));
    assert_eq!(page.uploads[0].path().unwrap(), data);

    // The disk with the bytes is gone, and may come back.
    fs::remove_dir_all(elsewhere.path()).unwrap();
    let page = list_all(&files.store).await;
    assert_eq!(ids(&page), ["b"]);
    let (id, error) = &page.unreadable[0];
    assert_eq!(id.as_str(), "a");
    assert!(matches!(error, Error::StorageUnavailable(_)), "{error:?}");
}

#[tokio::test]
async fn an_upload_that_cannot_be_read_is_named_and_takes_a_place_in_its_page() {
    let files = Fixture::new();
    for id in ["a", "c"] {
        drop(files.create(id).await);
    }
    files.write("b", "");
    files.write("b.info", "}");
    let request = ListRequest::default().limit(2);
    let page = list(&files.store, &request).await.unwrap();
    assert_eq!(ids(&page), ["a"]);
    assert_eq!(page.unreadable[0].0.as_str(), "b");
    let page = list(&files.store, &request.after(page.next.unwrap())).await;
    assert_eq!(ids(&page.unwrap()), ["c"]);
}

#[tokio::test]
async fn before_the_first_upload_nothing_is_listed() {
    let files = Fixture::new();
    let store = FileStore::new(files.path("later"));
    assert!(list_all(&store).await.uploads.is_empty());
    assert!(!files.path("later").exists());
}

#[tokio::test]
async fn a_directory_that_is_gone_is_told_from_one_without_uploads() {
    let files = Fixture::new();
    let store = FileStore::new(files.path("up"));
    store.prepare().unwrap();
    assert!(list_all(&store).await.uploads.is_empty());
    fs::rename(files.path("up"), files.path("aside")).unwrap();
    fs::create_dir(files.path("up")).unwrap();
    assert!(is_unavailable(&list(&store, &ListRequest::default()).await));
}

#[test]
fn a_list_changes_nothing_and_syncs_nothing() {
    sim::run(async {
        let disk = Disk::new();
        let store = FileStore::new(disk.root()).durability(Durability::Offset);
        for id in ["a", "b/c"] {
            let mut handle = store.create(new(id)).await.unwrap();
            append_all(&mut *handle, "hello").await;
        }
        // As after a restart: opening it would sync it.
        let store = FileStore::new(disk.root()).durability(Durability::Offset);
        disk.age();
        let before = (disk.changes(), disk.files());
        assert_eq!(ids(&list_all(&store).await), ["a", "b/c"]);
        assert_eq!((disk.changes(), disk.files()), before);
    });
}

#[test]
fn bytes_that_a_power_cut_has_lost_are_not_listed() {
    sim::run(async {
        let disk = Disk::new();
        let store = FileStore::new(disk.root());
        let mut handle = store.create(new("a")).await.unwrap();
        append_all(&mut *handle, "hello").await;
        for cut in disk.cuts() {
            disk.mount(&cut.image);
            let store = FileStore::new(disk.root());
            let listed = list_all(&store).await.uploads;
            let opened = store.open(&"a".parse().unwrap()).await;
            let opened: Vec<_> = opened.iter().map(|handle| handle.info().offset).collect();
            let listed: Vec<_> = listed.iter().map(|upload| upload.offset).collect();
            assert_eq!(listed, opened, "{cut}");
        }
    });
}

fn fails(dir: &'static str, errno: Errno) -> impl FnMut(&Call) -> Verdict + Send {
    move |call| match call.kind == Kind::List && call.path.to_str() == Some(dir) {
        true => Verdict::Fail(errno),
        false => Verdict::Pass,
    }
}

#[test]
fn a_directory_that_may_not_be_read_is_left_out_and_any_other_failure_is_an_error() {
    sim::run(async {
        let disk = Disk::new();
        let store = FileStore::new(disk.root());
        for id in ["a", "lost/b", "z"] {
            store.create(new(id)).await.unwrap();
        }
        disk.rule(fails("lost", Errno::ACCESS));
        assert_eq!(ids(&list_all(&store).await), ["a", "z"]);
        for (dir, errno) in [("lost", Errno::IO), ("", Errno::ACCESS), ("", Errno::IO)] {
            disk.rule(fails(dir, errno));
            let failed = list(&store, &ListRequest::default()).await;
            assert!(matches!(failed, Err(Error::Internal(_))), "{failed:?}");
        }
    });
}

#[test]
fn the_pages_of_a_list_share_one_reading_of_the_directory() {
    sim::run(async {
        let disk = Disk::new();
        let store = FileStore::new(disk.root());
        for n in 0..40 {
            store.create(new(&format!("{n:02}"))).await.unwrap();
        }
        let before = disk.calls().len();
        let (mut request, mut pages) = (ListRequest::default().limit(3), 0);
        while let Some(next) = list(&store, &request).await.unwrap().next {
            request = request.after(next);
            pages += 1;
        }
        let calls = disk.calls();
        let read = calls[before..]
            .iter()
            .filter(|call| call.kind == Kind::List);
        assert_eq!((pages, read.count()), (13, 1));
        // A list that begins anew knows what has been created since.
        store.create(new("000")).await.unwrap();
        let first = list(&store, &ListRequest::default().limit(3))
            .await
            .unwrap();
        assert_eq!(ids(&first), ["00", "000", "01"]);
    });
}

#[tokio::test]
async fn each_upload_is_listed_once_while_others_come_and_go() {
    let files = Fixture::new();
    for n in 0..100 {
        drop(files.create(&format!("old-{n:02}")).await);
    }
    let store = Arc::new(files.store.clone());
    let busy = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for n in 0..400 {
                let id: UploadId = format!("new-{:02}", n % 40).parse().unwrap();
                if store.create(new(id.as_str())).await.is_err() {
                    store.terminator().unwrap().terminate(&id).await.unwrap();
                }
            }
        }
    });
    let mut rounds = 0;
    while !busy.is_finished() || rounds < 3 {
        let (mut request, mut old) = (ListRequest::default().limit(7), 0);
        loop {
            let page = list(&store, &request).await.unwrap();
            old += ids(&page)
                .iter()
                .filter(|id| id.starts_with("old-"))
                .count();
            let Some(next) = page.next else { break };
            request = request.after(next);
        }
        assert_eq!(old, 100);
        rounds += 1;
    }
    busy.await.unwrap();
}
