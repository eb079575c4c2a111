//! Finding uploads: those of tusd, and what is moved, torn or in the way.

use std::fs;

use serde_json::{Value, json};
use tower_tus_layers::protocol::{Error, Finishing, Metadata, UploadId};
use tower_tus_layers::store::{Keep, Store};

use super::{Fixture, Frames, append, append_all, is_exists, is_not_found, new};
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
        assert_eq!((handle.info().offset, handle.info().length), (5, None));
        assert_eq!(handle.info().metadata.raw().unwrap(), "b,name w6Q=");
        handle.declare_length(10).await.unwrap();
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
    assert_eq!((handle.info().offset, handle.info().length), (5, Some(10)));
}

#[tokio::test]
async fn an_info_that_cannot_be_read_names_its_path_to_the_log_alone() {
    let files = Fixture::new();
    files.write("a", "");
    for json in ["{", "[]", r#"{"Size":-1}"#] {
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
async fn an_info_that_a_power_cut_left_empty_is_no_upload() {
    let files = Fixture::new();
    files.write("a", "");
    files.write("a.info", "");
    let found = files.open("a").await;
    assert!(matches!(found, Err(Error::NotFound)), "{found:?}");
}

#[tokio::test]
async fn the_exact_metadata_comes_back_after_every_rewrite() {
    let files = Fixture::new();
    let raw = b" z eg== , name /w==,flag ";
    let mut new = new("a");
    new.metadata = Metadata::parse(raw).unwrap();
    let mut handle = files.store.create(new).await.unwrap();
    handle
        .record(Finishing::Pending { attempts: 1 })
        .await
        .unwrap();
    handle.record(Finishing::Done).await.unwrap();
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
    for keep in [Keep::AsItArrives, Keep::OnlyWhole] {
        let appended = append(&mut *handle, Frames::of(["world"]), keep).await;
        assert!(
            matches!(appended.error, Some(Error::NotFound)),
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

    assert!(is_not_found(&files.terminate("a").await));
    assert_eq!(files.everything().len(), 1, "what remained of it is gone");
}

#[tokio::test]
async fn an_upload_without_info_is_not_found_and_not_made_again() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    fs::remove_file(files.path("a.info")).unwrap();
    let before = files.everything();

    assert!(is_not_found(&files.open("a").await));
    let appended = append(&mut *handle, Frames::of(["hello"]), Keep::AsItArrives).await;
    assert!(
        matches!(appended.error, Some(Error::NotFound)),
        "{appended:?}"
    );
    assert!(is_not_found(&handle.record(Finishing::Done).await));
    assert!(is_not_found(&handle.declare_length(10).await));
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

#[cfg(unix)]
#[tokio::test]
async fn a_sync_that_has_failed_is_not_tried_again_on_the_same_bytes() {
    let files = Fixture::new();
    let mut handle = files.store.create(new("a")).await.unwrap();
    // A device cannot be synced.
    std::fs::rename(files.path("a"), files.path("kept")).unwrap();
    std::os::unix::fs::symlink("/dev/null", files.path("a")).unwrap();
    assert!(handle.finish().await.is_err());
    std::fs::rename(files.path("kept"), files.path("a")).unwrap();
    assert!(handle.finish().await.is_err());
    assert!(files.open("a").await.unwrap().finish().await.is_err());

    // Another upload of this id has other bytes.
    files.terminate("a").await.unwrap();
    let mut handle = files.store.create(new("a")).await.unwrap();
    handle.finish().await.unwrap();
}
