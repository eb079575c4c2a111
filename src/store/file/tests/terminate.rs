//! Terminating uploads.

use std::fs;

use tower_tus_layers::protocol::{Error, FinishState};
use tower_tus_layers::store::Store;

use super::{DURABILITIES, Fixture, append_all, is_not_found, new};
use crate::store::file::claim;

#[tokio::test]
async fn nothing_is_left_of_an_upload_not_even_what_crashes_left_beside_it() {
    for durability in DURABILITIES {
        let mut files = Fixture::new();
        files.store = files.store.durability(durability);
        let mut new = new("deep/a");
        new.storage_path = Some("far/a.bin".into());
        let mut handle = files.store.create(new).await.unwrap();
        append_all(&mut *handle, "hello").await;
        files.write("deep/a.chunk", "3\n");
        // A second name of `.info`, as a crash may leave it.
        fs::hard_link(files.path("deep/a.info"), files.path("deep/a.new")).unwrap();
        files.terminate("deep/a").await.unwrap();
        let left = files.everything();
        assert!(left.iter().all(|(path, _)| path.is_dir()), "{left:?}");
        assert!(is_not_found(&files.terminate("deep/a").await));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_upload_whose_bytes_cannot_be_removed_is_still_there() {
    let files = Fixture::new();
    drop(files.create("a").await);
    fs::remove_file(files.path("a")).unwrap();
    let mut info = files.info("a.info");
    // Nobody removes a file there, not even root.
    info["Storage"]["Path"] = "/proc/self/comm".into();
    files.write("a.info", &info.to_string());
    let before = files.everything();
    assert!(files.open("a").await.is_ok());
    let ended = files.terminate("a").await;
    assert!(matches!(ended, Err(Error::Internal(_))), "{ended:?}");
    assert_eq!(files.everything(), before);
}

#[tokio::test]
async fn an_upload_that_another_request_changes_or_ends_is_busy() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    let held = claim::take(&files.path("a.info")).unwrap();
    let before = files.everything();
    let ended = files.terminate("a").await;
    assert!(matches!(ended, Err(Error::Busy(_))), "{ended:?}");
    let changed = handle.record(FinishState::Done).await;
    assert!(matches!(changed, Err(Error::Busy(_))), "{changed:?}");
    assert_eq!(files.everything(), before);
    drop(held);
    files.terminate("a").await.unwrap();
    assert_eq!(files.everything(), []);
}
