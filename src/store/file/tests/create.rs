//! Creating uploads.

use std::fs::{self, File, FileTimes};
use std::io::ErrorKind;
use std::time::Duration;

use serde_json::json;
use tower_tus_layers::protocol::{Error, FinishState, Metadata, NewUpload, Offset};
use tower_tus_layers::store::Store;

use super::{Fixture, append_all, is_exists, is_not_found, new};
use crate::fs::sys;
use crate::store::file::create::create_with;
use crate::store::file::{FileStore, claim};

#[tokio::test]
async fn what_is_there_already_is_not_touched() {
    let files = Fixture::new();
    fs::create_dir(files.path("dir")).unwrap();
    files.write("data", "1");
    files.write("told.info", "2");
    files.write("writing.new", "3");
    // A creation in progress, here or in another process, holds its file.
    let _held = claim::take(&files.path("writing.new")).unwrap();
    files.write("elsewhere.bin", "4");
    let before = files.everything();
    for id in [
        "dir",
        "data",
        "data/below",
        "data/far/below",
        "told",
        "told/below",
        "writing",
    ] {
        assert!(
            is_exists(&files.store.create(new(id)).await),
            "{id} was created"
        );
    }
    for (id, place) in [
        ("deep/a", "elsewhere.bin"),
        ("deep/a", "dir"),
        ("deep/a", "data/below"),
        ("data", "far/a"),
        ("data/below", "far/a"),
        ("dir", "far/a"),
    ] {
        let mut new = new(id);
        new.storage_path = Some(place.into());
        let created = files.store.create(new).await;
        assert!(is_exists(&created), "{id} was created in {place}");
    }
    assert_eq!(files.everything(), before);
}

#[tokio::test]
async fn a_create_that_fails_leaves_no_file() {
    let files = Fixture::new();
    let mut new = new("a");
    new.storage_path = Some("x".repeat(300));
    let error = files.store.create(new.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Internal(_)), "{error:?}");
    assert_eq!(files.everything(), []);

    // The place of the bytes is free, but the one of `.info` is not.
    new.storage_path = Some("a.info".into());
    assert!(is_exists(&files.store.create(new).await));
    assert_eq!(files.everything(), []);
}

#[tokio::test]
async fn what_only_objects_have_is_refused_and_named() {
    let files = Fixture::new();
    let mut fresh = NewUpload::new(None, Metadata::EMPTY);
    fresh.object.bucket = Some("other".into());
    let mut elsewhere = new("b");
    elsewhere
        .object
        .tags
        .insert("project".into(), "other".into());
    elsewhere.storage_path = Some("c".into());
    for new in [fresh, elsewhere] {
        let created = files.store.create(new.clone()).await.map(drop);
        // The same for a final upload.
        let joined = create_with(&files.store, new, Offset::ZERO, |_| Ok(())).map(drop);
        for error in [created.unwrap_err(), joined.unwrap_err()] {
            assert!(matches!(error, Error::Internal(_)), "{error:?}");
            let why = std::error::Error::source(&error).unwrap().to_string();
            assert!(why.contains("other"), "{why}");
        }
        assert_eq!(files.everything(), []);
    }
}

#[tokio::test]
async fn a_file_in_the_place_of_the_store_is_no_upload() {
    let files = Fixture::new();
    files.write("file", "");
    let store = FileStore::new(files.path("file"));
    let error = store.create(new("a")).await.unwrap_err();
    assert!(matches!(error, Error::Internal(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_create_an_id_one_does() {
    let files = Fixture::new();
    for round in 0..20 {
        let id = format!("deep/{round}");
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                let (store, mut new) = (files.store.clone(), new(&id));
                new.storage_path = (n % 2 == 0).then(|| format!("elsewhere/{round}/{n}"));
                tokio::spawn(async move { store.create(new).await })
            })
            .collect();
        let mut created = 0;
        for task in tasks {
            let result = task.await.unwrap();
            assert!(result.is_ok() || is_exists(&result), "{result:?}");
            created += usize::from(result.is_ok());
        }
        assert_eq!(created, 1);
        let mut handle = files.open(&id).await.unwrap();
        append_all(&mut *handle, "hello").await;
        files.terminate(&id).await.unwrap();
    }
    let left = files
        .everything()
        .into_iter()
        .filter(|(path, _)| path.is_file());
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn bytes_lie_where_the_operator_says() {
    let files = Fixture::new();
    let outside = tempfile::tempdir().unwrap();
    let absolute = outside.path().join("new/place.bin");
    for (place, data) in [
        ("sub/place.bin", files.path("sub/place.bin")),
        (absolute.to_str().unwrap(), absolute.clone()),
    ] {
        let mut new = new("deep/a");
        new.storage_path = Some(place.into());
        let mut handle = files.store.create(new).await.unwrap();
        append_all(&mut *handle, "hello").await;
        handle.finish().await.unwrap();
        assert_eq!(fs::read(&data).unwrap(), b"hello");
        assert!(!files.path("deep/a").exists());
        let storage = json!({
            "InfoPath": files.path("deep/a.info"), "Path": data, "Type": "filestore",
        });
        assert_eq!(files.info("deep/a.info")["Storage"], storage);

        assert_eq!(files.offset("deep/a").await, 5);
        assert!(is_exists(&files.store.create(self::new("deep/a/b")).await));
        files.terminate("deep/a").await.unwrap();
        assert!(!data.exists() && !files.path("deep/a.info").exists());
    }
}

#[tokio::test]
async fn a_relative_directory_is_written_down_as_an_absolute_one() {
    let store = FileStore::new("some/dir");
    assert!(store.dir().is_absolute() && store.dir().ends_with("some/dir"));
}

/// The ways in which a crash leaves a creation or a termination: with these
/// files, and `.new` with the `.info` of an upload whose bytes are at the place.
const LEFT: [&[&str]; 4] = [
    &["a.new"],
    &["a.new", "a"],
    &["a.new", "a.info"],
    &["a.new", "a", "a.chunk"],
];

#[tokio::test]
async fn an_id_that_a_crash_left_half_created_or_half_removed_is_free() {
    let whole = json!({"ID": "a", "Size": 10, "Storage": {"Path": "a"}}).to_string();
    for state in ["", "{", &whole, "\0\0\0", r#"{"ID":"a","Size":10}"#] {
        for left in LEFT {
            let files = Fixture::new();
            for name in left {
                files.write(name, "");
            }
            files.write("a.new", state);
            assert!(is_not_found(&files.open("a").await), "{left:?} {state:?}");
            let mut handle = files.create("a").await;
            append_all(&mut *handle, "hello").await;
            assert_eq!(files.read("a"), b"hello");
            assert_eq!(files.everything().len(), 2, "{left:?} {state:?}");
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_id_whose_info_a_power_cut_has_cut_short_is_free() {
    let files = Fixture::new();
    let boot = sys::boot_time().unwrap();
    for json in ["", "\0\0", r#"{"ID":"a","#] {
        files.write("a", "hello");
        files.write("a.info", json);
        assert!(
            is_exists(&files.store.create(new("a")).await),
            "tusd may write it"
        );
        let before = FileTimes::new().set_modified(boot - Duration::from_secs(60));
        let info = File::options().write(true).open(files.path("a.info"));
        info.unwrap().set_times(before).unwrap();
        assert_eq!(files.create("a").await.info().offset, 0);
        assert_eq!(files.read("a"), b"");
        files.terminate("a").await.unwrap();
    }
}

#[tokio::test]
async fn what_a_crash_left_elsewhere_goes_with_it_unless_it_is_somebody_elses() {
    let files = Fixture::new();
    let state = json!({"ID": "a", "Storage": {
        "Path": files.path("far/place.bin"), "InfoPath": files.path("a.info"),
    }});
    for (beside, stays) in [(None, false), (Some("far/place.bin.info"), true)] {
        fs::create_dir_all(files.path("far")).unwrap();
        files.write("far/place.bin", "hello");
        files.write("a.new", &state.to_string());
        if let Some(beside) = beside {
            files.write(beside, "{}");
        }
        files.create("a").await;
        assert_eq!(files.path("far/place.bin").exists(), stays);
        files.terminate("a").await.unwrap();
    }
}

#[tokio::test]
async fn a_creation_says_that_it_is_one_from_its_first_file_to_its_last() {
    let files = Fixture::new();
    let new = new("a");
    let looked = create_with(&files.store, new, Offset::ZERO, |_| {
        assert!(files.path("a").exists() && !files.path("a.info").exists());
        assert_eq!(files.info("a.new")["ID"], "a");
        let held = claim::take(&files.path("a.new")).unwrap_err();
        assert_eq!(held.kind(), ErrorKind::ResourceBusy);
        Ok(())
    });
    assert!(looked.is_ok());
    assert!(!files.path("a.new").exists() && files.path("a.info").exists());
}

#[tokio::test]
async fn modes_are_0664_and_0775_less_the_umask() {
    use std::os::unix::fs::PermissionsExt;

    let files = Fixture::new();
    let mode = |name: &str| fs::metadata(files.path(name)).unwrap().permissions().mode() & 0o777;
    files.write("plain", "");
    fs::create_dir(files.path("plain.d")).unwrap();
    // The standard library uses 0666 and 0777 less the umask.
    let (file, dir) = (mode("plain") & 0o664, mode("plain.d") & 0o775);

    let mut handle = files.create("deep/down/a").await;
    assert_eq!([mode("deep"), mode("deep/down")], [dir; 2]);
    assert_eq!([mode("deep/down/a"), mode("deep/down/a.info")], [file; 2]);
    handle.record(FinishState::Done).await.unwrap();
    assert_eq!(mode("deep/down/a.info"), file);
}

#[test]
fn the_umask_is_heeded_and_nothing_else_given() {
    let this = std::env::current_exe().unwrap();
    let test = "store::file::tests::create::modes_are_0664_and_0775_less_the_umask";
    for umask in ["000", "027", "077"] {
        // The umask belongs to the process, which all tests share.
        let run = std::process::Command::new("sh")
            .args(["-c", r#"umask "$1" && exec "$0" --exact "$2""#])
            .args([this.as_os_str(), umask.as_ref(), test.as_ref()])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(said.contains("1 passed"), "umask {umask}: {said}");
    }
}
