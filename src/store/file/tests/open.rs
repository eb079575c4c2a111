//! Finding uploads: tusd's, and those that were moved, torn or blocked.

use std::fs;

use serde_json::{Value, json};
use tower_tus_layers::lock::Locker;
use tower_tus_layers::protocol::{Error, FinishState, Length, Metadata, UploadId};
use tower_tus_layers::store::{AppendError, Store, Terminator, WriteMode};

use super::{Fixture, Frames, append, append_all, is_exists, is_not_found, is_unavailable, new};
use crate::store::file::FileStore;

#[tokio::test]
async fn an_upload_of_tusd_goes_on_with_all_that_tusd_knows() {
    let files = Fixture::new();
    let elsewhere = files.path("data.bin").to_str().unwrap().to_owned();
    let storages = [
        json!({"Type": "filestore", "Path": elsewhere, "InfoPath": "/gone/a.info"}),
        json!({"Type": "filestore", "Path": "/gone/a"}),
        Value::Null,
    ];
    for storage in storages {
        let data = if storage["Path"] == elsewhere {
            "data.bin"
        } else {
            "a"
        };
        files.write(data, "hello");
        let mut info = json!({
            "ID": "a", "Size": 0, "SizeIsDeferred": true, "Offset": 0,
            "MetaData": {"name": "ä", "b": ""}, "IsPartial": true, "IsFinal": false,
            "PartialUploads": ["b", "c"], "Storage": storage,
        });
        files.write("a.info", &info.to_string());

        let mut handle = files.open("a").await.unwrap();
        assert_eq!(handle.info().offset, 5);
        assert_eq!(handle.info().length, None);
        assert_eq!(handle.info().metadata.raw().unwrap(), "b,name w6Q=");
        handle.declare_length(Length::from(10)).await.unwrap();
        append_all(&mut *handle, "world").await;
        handle.finish().await.unwrap();

        assert_eq!(files.read(data), b"helloworld");
        info["Size"] = 10.into();
        info["SizeIsDeferred"] = false.into();
        info["Offset"] = 5.into();
        assert_eq!(
            files.info("a.info"),
            info,
            "nothing else is changed or added"
        );
        fs::remove_file(files.path(data)).unwrap();
    }
}

#[tokio::test]
async fn an_info_without_storage_is_read() {
    let files = Fixture::new();
    files.write("a", "hello");
    files.write("a.info", r#"{"ID":"a","Size":10,"MetaData":null}"#);
    let handle = files.open("a").await.unwrap();
    assert_eq!(handle.info().offset, 5);
    assert_eq!(handle.info().length, Some(Length::from(10)));
}

#[tokio::test]
async fn an_info_that_cannot_be_read_names_its_path_to_the_log_alone() {
    let files = Fixture::new();
    files.write("a", "");
    for json in ["}", "[]", r#"{"Size":-1}"#, r#"{"Size":1} x"#] {
        files.write("a.info", json);
        let error = files.open("a").await.unwrap_err();
        let Error::Internal(source) = &error else {
            panic!("{json:?}: {error:?}");
        };
        assert!(source.to_string().contains("a.info"), "{source}");
        assert!(!error.to_string().contains("a.info"), "{error}");
    }
}

#[tokio::test]
async fn an_info_that_was_cut_short_is_no_upload_and_its_bytes_are_not_touched() {
    let files = Fixture::new();
    files.write("a", "hello");
    let whole = r#"{"ID":"a","Size":10,"TowerTus":{"Finishing":"Done"}}"#;
    for end in 0..whole.len() {
        for rest in [0, 1, whole.len() - end] {
            let json = [&whole[..end], &"\0".repeat(rest)].concat();
            files.write("a.info", &json);
            assert!(is_not_found(&files.open("a").await), "{json:?}");
            assert!(is_not_found(&files.terminate("a").await), "{json:?}");
            assert!(is_exists(&files.store.create(new("a")).await), "{json:?}");
        }
    }
    assert_eq!(files.read("a"), b"hello");
    files.write("a.info", whole);
    assert_eq!(files.offset("a").await, 5);
}

#[tokio::test]
async fn the_exact_metadata_comes_back_after_every_rewrite() {
    let files = Fixture::new();
    let raw = b" z eg== , name /w==,flag ";
    let mut new = new("a");
    new.metadata = Metadata::parse(raw).unwrap();
    let mut handle = files.store.create(new).await.unwrap();
    handle
        .record(FinishState::Pending { attempts: 1 })
        .await
        .unwrap();
    handle.record(FinishState::Done).await.unwrap();
    let again = files.open("a").await.unwrap();
    assert_eq!(again.info().metadata.raw().unwrap().as_bytes(), raw);
    assert_eq!(again.info().metadata.get("name"), Some(&b"\xff"[..]));
    assert_eq!(files.info("a.info")["MetaData"]["name"], "\u{fffd}");
}

#[tokio::test]
async fn the_id_decides_and_not_what_info_says_it_is() {
    let files = Fixture::new();
    files.write("a", "");
    files.write("a.info", r#"{"ID":"b","Size":1}"#);
    let id: UploadId = "a".parse().unwrap();
    assert_eq!(files.open("a").await.unwrap().info().id, id);
}

#[tokio::test]
async fn a_directory_may_move_with_its_uploads() {
    let files = Fixture::new();
    let store = FileStore::new(files.path("old"));
    let mut handle = store.create(new("deep/a")).await.unwrap();
    append_all(&mut *handle, "hello").await;
    fs::rename(files.path("old"), files.path("new")).unwrap();

    let store = FileStore::new(files.path("new"));
    let mut handle = store.open(&"deep/a".parse().unwrap()).await.unwrap();
    append_all(&mut *handle, "world").await;
    assert_eq!(files.read("new/deep/a"), b"helloworld");
}

#[tokio::test]
async fn a_data_file_that_was_moved_is_not_found_and_not_made_again() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    append_all(&mut *handle, "hello").await;
    fs::rename(files.path("a"), files.path("moved")).unwrap();
    let before = files.everything();

    assert!(is_not_found(&files.open("a").await));
    for keep in [WriteMode::Streaming, WriteMode::Atomic] {
        let appended = append(&mut *handle, Frames::of(["world"]), keep).await;
        assert!(
            matches!(appended.error, Some(AppendError::Store(Error::NotFound))),
            "{appended:?}"
        );
    }
    assert!(is_not_found(&handle.finish().await));
    assert!(is_exists(&files.store.create(new("a")).await));
    assert!(
        is_exists(&files.store.create(new("a/b")).await),
        "its .info is in the way"
    );
    assert_eq!(files.everything(), before);

    files.terminate("a").await.unwrap();
    assert_eq!(files.everything().len(), 1, "what remained of it is gone");
}

#[tokio::test]
async fn an_upload_without_info_is_not_found_and_not_made_again() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    fs::remove_file(files.path("a.info")).unwrap();
    // As the lock of the request would prevent. The bytes belong to no upload.
    append_all(&mut *handle, "hello").await;
    let before = files.everything();

    assert!(is_not_found(&files.open("a").await));
    assert!(is_not_found(&handle.record(FinishState::Done).await));
    assert!(is_not_found(&handle.declare_length(Length::from(10)).await));
    assert!(
        is_not_found(&files.terminate("a").await),
        "it may be no upload at all"
    );
    assert_eq!(files.everything(), before);
}

#[tokio::test]
async fn what_is_no_file_is_not_found() {
    let files = Fixture::new();
    fs::create_dir_all(files.path("dir/below")).unwrap();
    files.write("dir.info", "{}");
    fs::create_dir(files.path("odd.info")).unwrap();
    files.write("file", "");
    let dotted = "a.".repeat(120);
    let long = [&dotted[..], &dotted[..], "x"].join("/");
    for id in ["dir", "odd", "file/below", "dir/below", &long] {
        assert!(is_not_found(&files.open(id).await), "{id} was found");
        assert!(is_not_found(&files.terminate(id).await), "{id} was ended");
    }
}

/// Copies the files of a directory.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

#[tokio::test]
async fn a_copied_directory_never_changes_the_original() {
    let files = Fixture::new();
    let outside = tempfile::tempdir().unwrap();
    let outside = outside.path().join("place.bin");
    let original = FileStore::new(files.path("original"));
    for (id, place) in [
        ("deep/own", None),
        ("inside", Some("sub/place.bin")),
        ("outside", outside.to_str()),
    ] {
        let mut new = new(id);
        new.storage_path = place.map(str::to_owned);
        let mut handle = original.create(new).await.unwrap();
        append_all(&mut *handle, "hello").await;
    }
    copy(&files.path("original"), &files.path("copy"));
    let copied = FileStore::new(files.path("copy"));
    let mut before = files.everything();
    before.retain(|(path, _)| path.starts_with(files.path("original")));

    for id in ["deep/own", "inside"] {
        let id = id.parse().unwrap();
        let mut handle = copied.open(&id).await.unwrap();
        let storage = handle.info().storage.clone().unwrap();
        let told = std::path::Path::new(&storage["Path"]);
        assert!(told.starts_with(files.path("copy")), "{storage:?}");
        append_all(&mut *handle, "world").await;
        assert_eq!(fs::read(told).unwrap(), b"helloworld");
        Terminator::terminate(&copied, &id).await.unwrap();
        assert!(!told.exists());
    }
    // The bytes belong to the original.
    let id = "outside".parse().unwrap();
    assert!(is_not_found(&copied.open(&id).await));
    Terminator::terminate(&copied, &id).await.unwrap();

    let mut after = files.everything();
    after.retain(|(path, _)| path.starts_with(files.path("original")));
    assert_eq!(after, before);
    assert_eq!(fs::read(&outside).unwrap(), b"hello");

    // Even without a data file of its own, the copy is not another upload's.
    copy(&files.path("original"), &files.path("copy"));
    fs::remove_file(files.path("copy/deep/own")).unwrap();
    let id = "deep/own".parse().unwrap();
    assert!(is_not_found(&copied.open(&id).await));
    Terminator::terminate(&copied, &id).await.unwrap();
    assert_eq!(files.read("original/deep/own"), b"hello");
}

#[tokio::test]
async fn bytes_that_a_hook_placed_elsewhere_go_with_a_moved_directory() {
    let files = Fixture::new();
    let store = FileStore::new(files.path("old"));
    let mut new = new("a");
    new.storage_path = Some(files.path("place.bin").to_str().unwrap().to_owned());
    let mut handle = store.create(new).await.unwrap();
    append_all(&mut *handle, "hello").await;
    fs::rename(files.path("old"), files.path("new")).unwrap();

    let store = FileStore::new(files.path("new"));
    let mut handle = store.open(&"a".parse().unwrap()).await.unwrap();
    append_all(&mut *handle, "world").await;
    assert_eq!(files.read("place.bin"), b"helloworld");
}

#[tokio::test]
async fn no_hook_places_bytes_where_another_upload_has_them() {
    let files = Fixture::new();
    let mut first = new("a");
    first.storage_path = Some("elsewhere.bin".into());
    files.store.create(first).await.unwrap();
    let mut second = new("b");
    second.storage_path = Some("a".into());
    assert!(is_exists(&files.store.create(second).await));
    assert_eq!(files.offset("a").await, 0);
}

#[tokio::test]
async fn an_upload_whose_bytes_lie_in_a_directory_that_is_gone_may_come_back() {
    let files = Fixture::new();
    let mut new = new("a");
    new.storage_path = Some("mount/a.bin".into());
    let mut handle = files.store.create(new).await.unwrap();
    append_all(&mut *handle, "hello").await;
    fs::rename(files.path("mount"), files.path("aside")).unwrap();
    let before = files.everything();

    let id = "a".parse().unwrap();
    assert!(is_unavailable(&files.open("a").await));
    assert!(is_unavailable(&files.terminate("a").await));
    assert!(is_unavailable(
        &Terminator::remains(&files.store, &id).await
    ));
    assert_eq!(files.everything(), before);
    fs::rename(files.path("aside"), files.path("mount")).unwrap();
    assert_eq!(files.offset("a").await, 5);
    files.terminate("a").await.unwrap();
    assert!(!files.path("a.info").exists());
}

#[tokio::test]
async fn a_store_without_its_directory_is_unavailable_until_that_is_back() {
    for empty in [false, true] {
        let files = Fixture::new();
        let dir = files.path("up");
        let store = FileStore::new(&dir);
        let locker = crate::lock::FileLocker::beside(&store);
        assert!(is_not_found(&store.open(&"a".parse().unwrap()).await));
        let mut handle = store.create(new("a")).await.unwrap();
        fs::rename(&dir, files.path("aside")).unwrap();
        if empty {
            fs::create_dir(&dir).unwrap();
        }

        let id: UploadId = "a".parse().unwrap();
        assert!(is_unavailable(&store.create(new("b")).await));
        assert!(is_unavailable(&store.open(&id).await));
        assert!(is_unavailable(&store.reader().unwrap().read(&id).await));
        assert!(is_unavailable(&Terminator::terminate(&store, &id).await));
        assert!(is_unavailable(&handle.record(FinishState::Done).await));
        let appended = append(&mut *handle, Frames::of(["hello"]), WriteMode::Streaming).await;
        assert!(
            matches!(
                appended.error,
                Some(AppendError::Store(Error::StorageUnavailable(_)))
            ),
            "{appended:?}"
        );
        let interrupt = tower_tus_layers::protocol::Interrupt::default();
        let patience = std::time::Duration::from_secs(20);
        let locked = Locker::acquire(&locker, &id, interrupt, patience).await;
        assert!(is_unavailable(&locked));
        assert_eq!(dir.exists(), empty, "nothing is made in its place");
        assert!(!empty || fs::read_dir(&dir).unwrap().next().is_none());

        let _ = fs::remove_dir(&dir);
        fs::rename(files.path("aside"), &dir).unwrap();
        append_all(&mut *store.open(&id).await.unwrap(), "hello").await;
        assert_eq!(files.read("up/a"), b"hello");
    }
}

#[test]
fn a_store_that_is_prepared_has_its_directory_and_leaves_nothing_in_it() {
    let files = Fixture::new();
    let store = FileStore::new(files.path("made/here"));
    store.prepare().unwrap();
    store.prepare().unwrap();
    assert!(
        fs::read_dir(files.path("made/here"))
            .unwrap()
            .next()
            .is_none()
    );
    files.write("file", "");
    let error = FileStore::new(files.path("file")).prepare().unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}

#[tokio::test]
async fn an_upload_tells_the_file_of_its_bytes_wherever_that_is() {
    let files = Fixture::new();
    let outside = files.path("not/in/the/usual/place.bin");
    for (id, place, expected) in [
        ("a/b", None, files.path("a/b")),
        (
            "c",
            Some("by hook/\u{e4}.bin"),
            files.path("by hook/\u{e4}.bin"),
        ),
        ("d", outside.to_str(), outside.clone()),
    ] {
        let mut new = new(id);
        new.storage_path = place.map(str::to_owned);
        let mut created = files.store.create(new).await.unwrap();
        append_all(&mut *created, "helloworld").await;
        created.record(FinishState::Done).await.unwrap();
        let found = files.open(id).await.unwrap();
        let content = files.store.reader().unwrap();
        let content = content.read(&id.parse().unwrap()).await.unwrap();
        for upload in [created.info(), found.info(), content.upload()] {
            assert_eq!(upload.path(), Some(&*expected));
        }
        assert_eq!(fs::read(expected).unwrap(), b"helloworld");
    }
    let id = "a/../../b".parse::<UploadId>();
    assert!(id.is_err(), "an id leads out of no directory");
}

#[tokio::test]
async fn the_path_of_a_moved_upload_is_the_new_one_byte_by_byte() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let files = Fixture::new();
    drop(files.create("a").await);
    // A name that is not UTF-8, which JSON cannot express.
    let moved = files.path(OsStr::from_bytes(b"moved\xff"));
    fs::create_dir(&moved).unwrap();
    for name in ["a", "a.info"] {
        fs::rename(files.path(name), moved.join(name)).unwrap();
    }
    let found = FileStore::new(&moved).open(&"a".parse().unwrap()).await;
    assert_eq!(found.unwrap().info().path(), Some(&*moved.join("a")));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn programs_that_watch_an_info_see_it_replaced_and_never_written() {
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

    let files = Fixture::new();
    let mut handle = files.create("a").await;
    let watch = inotify::init(CreateFlags::NONBLOCK).unwrap();
    let flags = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO;
    inotify::add_watch(&watch, files.dir.path(), flags).unwrap();
    append_all(&mut *handle, "helloworld").await;
    handle.finish().await.unwrap();
    handle.record(FinishState::Done).await.unwrap();

    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    let mut events = Reader::new(&watch, &mut buffer);
    let mut seen = Vec::new();
    while let Ok(event) = events.next() {
        if event.file_name() == Some(c"a.info") {
            seen.push(event.events());
        }
    }
    assert_eq!(seen, [ReadFlags::MOVED_TO]);
}
