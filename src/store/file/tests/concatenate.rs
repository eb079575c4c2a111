//! Files that are concatenated from others.

use std::time::SystemTime;

use http::HeaderValue;
use serde_json::json;
use tower_tus_layers::protocol::{
    Concat, Error, FinishState, Interrupt, Length, NewUpload, Role, UploadId,
};
use tower_tus_layers::store::{Concatenator, Store};

use super::{DURABILITIES, Durability, Fixture, append_all, is_exists, is_not_found};
use crate::store::file::{FileStore, claim};

const RAW: &[u8] = b"final;/files/a  /files/deep/b?\xe4";

fn new(id: &str, role: Role, raw: &[u8]) -> NewUpload {
    let mut new = super::new(id);
    let raw = HeaderValue::from_bytes(raw).unwrap();
    new.concat = Some(Concat::new(role, Some(raw)));
    new
}

fn new_final(id: &str, parts: &[&str], pending: bool) -> NewUpload {
    let parts = parts.iter().map(|part| part.parse().unwrap()).collect();
    let mut new = new(id, Role::Final { parts, pending }, RAW);
    new.length = None;
    new
}

impl Fixture {
    async fn partial(&self, id: &str, text: &'static str) {
        let role = Role::Partial { awaited_by: vec![] };
        let mut part = self.store.create(new(id, role, b"partial")).await.unwrap();
        append_all(&mut *part, text).await;
    }

    async fn join(&self, id: &str, parts: &[&str]) -> Result<(), Error> {
        let new = new_final(id, parts, false);
        let made = Concatenator::concatenate(&self.store, new, &Interrupt::default()).await?;
        assert!(made.info().is_complete());
        Ok(())
    }

    async fn assemble(&self, id: &str) -> Result<(), Error> {
        self.store
            .assemble(&id.parse().unwrap(), &Interrupt::default())
            .await
    }
}

#[tokio::test]
async fn a_final_is_a_file_of_its_own_as_tusd_makes_it() {
    for durability in DURABILITIES {
        let mut files = Fixture::new();
        files.store = FileStore::new(files.dir.path()).durability(durability);
        files.partial("a", "0123456789").await;
        files.partial("deep/b", "abcdefghij").await;
        files.join("f", &["deep/b", "a", "a"]).await.unwrap();
        let found = files.open("f").await.unwrap();
        let created = found.info().created.unwrap();
        let created = created.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(files.read("f"), b"abcdefghij01234567890123456789", "CAT-05");
        assert_eq!(files.read("a"), b"0123456789", "CAT-11");
        let info = json!({
            "ID": "f", "Size": 30, "SizeIsDeferred": false, "Offset": 30, "MetaData": {},
            "IsPartial": false, "IsFinal": true, "PartialUploads": ["deep/b", "a", "a"],
            "Storage": {
                "InfoPath": files.path("f.info"), "Path": files.path("f"), "Type": "filestore",
            },
            "TowerTus": {
                "Created": created.as_secs(),
                "UploadConcat": "final;/files/a  /files/deep/b?ä",
            },
        });
        let mut written = files.info("f.info");
        let ours = written["TowerTus"].as_object_mut().unwrap();
        let synced = ours.remove("Synced").is_some();
        assert_eq!(synced, durability == Durability::Offset);
        assert_eq!(written, info);

        let raw = found.info().concat.as_ref().unwrap().raw.as_ref().unwrap();
        assert_eq!(raw.as_bytes(), RAW, "CAT-16");
    }
}

#[tokio::test]
async fn of_its_parts_a_final_has_what_counts_and_no_more() {
    let files = Fixture::new();
    files.partial("a", "0123456789").await;
    // The data file has bytes beyond its length, which no offset counts.
    files.write("a", "0123456789and more");
    // This upload has its bytes elsewhere.
    let role = Role::Partial { awaited_by: vec![] };
    let mut elsewhere = new("b", role, b"partial");
    elsewhere.storage_path = Some("far/b.bin".into());
    let mut part = files.store.create(elsewhere).await.unwrap();
    append_all(&mut *part, "abcdefghij").await;
    files.join("f", &["a", "b", "a"]).await.unwrap();
    assert_eq!(files.read("f"), b"0123456789abcdefghij0123456789");

    let mut new = new_final("g", &["b"], false);
    new.storage_path = Some("far/g.bin".into());
    Concatenator::concatenate(&files.store, new, &Interrupt::default())
        .await
        .unwrap();
    assert_eq!(files.read("far/g.bin"), b"abcdefghij");
    assert!(!files.path("g").exists());

    // Bytes of an interrupted chunk do not count either.
    files.write("a.chunk", "4\n");
    let made = files.join("h", &["a"]).await;
    assert!(matches!(made, Err(Error::UploadNotFinished)), "{made:?}");
}

#[tokio::test]
async fn parts_of_tusd_can_be_joined() {
    let files = Fixture::new();
    for (id, text) in [("a", "hello"), ("b", " you")] {
        files.write(id, text);
        let info = json!({
            "ID": id, "Size": text.len(), "SizeIsDeferred": false, "Offset": 0,
            "MetaData": {}, "IsPartial": true, "IsFinal": false, "PartialUploads": null,
            "Storage": {"Type": "filestore", "Path": files.path(id)},
        });
        files.write(&format!("{id}.info"), &info.to_string());
        assert!(files.open(id).await.unwrap().info().is_partial());
    }
    files.join("f", &["a", "b"]).await.unwrap();
    assert_eq!(files.read("f"), b"hello you");
}

#[tokio::test]
async fn a_final_that_cannot_be_made_leaves_no_file() {
    let files = Fixture::new();
    files.partial("a", "0123456789").await;
    files.partial("half", "01234").await;
    let before = files.everything();
    assert!(is_not_found(&files.join("f", &["a", "gone"]).await));
    let made = files.join("f", &["a", "half"]).await;
    assert!(matches!(made, Err(Error::UploadNotFinished)), "{made:?}");
    assert!(is_exists(&files.join("a", &["a"]).await));
    assert!(is_exists(&files.join("a/b", &["a"]).await));
    assert_eq!(files.everything(), before);

    // Another creation with this id is in progress.
    files.write("f.new", "somebody writes it");
    let held = claim::take(&files.path("f.new")).unwrap();
    let before = files.everything();
    assert!(is_exists(&files.join("f", &["a"]).await));
    assert_eq!(files.everything(), before);
    drop(held);
    files.join("f", &["a"]).await.unwrap();
    assert!(!files.path("f.new").exists(), "nobody writes it any more");
}

#[tokio::test]
async fn a_final_that_is_interrupted_leaves_no_file() {
    let files = Fixture::new();
    let mut part = new("a", Role::Partial { awaited_by: vec![] }, b"partial");
    part.length = Some(Length::from(9 << 20));
    let mut part = files.store.create(part).await.unwrap();
    append_all(&mut *part, "9 bytes.\n".repeat(1 << 20).leak()).await;
    let new = new_final("p", &["a", "a"], true);
    files.store.create(new).await.unwrap();
    let before = files.everything();
    let interrupt = Interrupt::default();
    interrupt.fire(Error::Shutdown);
    let new = new_final("f", &["a", "a"], false);
    let made = Concatenator::concatenate(&files.store, new, &interrupt).await;
    assert!(matches!(made, Err(Error::Shutdown)), "{made:?}");
    let assembled = files
        .store
        .assemble(&"p".parse().unwrap(), &interrupt)
        .await;
    assert!(matches!(assembled, Err(Error::Shutdown)), "{assembled:?}");
    assert_eq!(files.everything(), before);
}

#[tokio::test]
async fn what_a_crash_leaves_of_a_final_is_no_upload_and_makes_room_for_one() {
    let files = Fixture::new();
    files.partial("a", "0123456789").await;
    // The data file is created after `.new`, and before `.info`.
    files.write("f.new", "{}");
    files.write("f", "01234");
    assert!(is_not_found(&files.open("f").await));
    assert!(is_not_found(&files.terminate("f").await));
    files.join("f", &["a"]).await.unwrap();
    assert_eq!(files.read("f"), b"0123456789");

    // What has no mark of ours may be anything.
    files.write("g", "01234");
    assert!(is_exists(&files.join("g", &["a"]).await));
    assert_eq!(files.read("g"), b"01234");
}

#[tokio::test]
async fn what_a_crash_leaves_of_an_assembly_counts_for_nothing() {
    let files = Fixture::new();
    files.partial("a", "0123456789").await;
    let new = new_final("f", &["a", "a"], true);
    files.store.create(new).await.unwrap();
    assert_eq!(files.info("f.info")["TowerTus"]["Pending"], true);
    files.write("f", "01234567890123, and something longer than the whole");
    let found = files.open("f").await.unwrap();
    assert!(found.info().is_pending() && found.info().offset == 0);

    files.assemble("f").await.unwrap();
    assert_eq!(files.read("f"), b"01234567890123456789");
    let info = files.info("f.info");
    assert_eq!(
        (&info["Size"], &info["IsFinal"]),
        (&json!(20), &json!(true))
    );
    assert!(info["TowerTus"].get("Pending").is_none());
    assert_eq!(files.offset("f").await, 20, "CAT-13");
    let before = files.everything();
    files.assemble("f").await.unwrap();
    assert_eq!(files.everything(), before);
}

#[tokio::test]
async fn who_awaits_a_part_stands_beside_it_through_every_rewrite() {
    let files = Fixture::new();
    files.partial("a", "01234").await;
    let ids: [UploadId; 2] = ["f", "deep/g"].map(|id| id.parse().unwrap());
    for id in &ids {
        let part = "a".parse().unwrap();
        files.store.await_part(&part, id).await.unwrap();
    }
    let mut part = files.open("a").await.unwrap();
    append_all(&mut *part, "56789").await;
    part.record(FinishState::Done).await.unwrap();
    let info = files.info("a.info");
    assert_eq!(info["TowerTus"]["AwaitedBy"], json!(["f", "deep/g"]));
    let found = files.open("a").await.unwrap();
    assert_eq!(found.info().concat.as_ref().unwrap().awaited_by(), ids);
}

#[tokio::test]
async fn a_finished_part_that_a_final_awaits_stays_finished() {
    let files = Fixture::new();
    files.partial("a", "0123456789").await;
    let (part, id): (UploadId, UploadId) = ("a".parse().unwrap(), "f".parse().unwrap());
    let mut handle = files.open("a").await.unwrap();
    handle.finish_and_record().await.unwrap();
    files.store.await_part(&part, &id).await.unwrap();
    let found = files.open("a").await.unwrap();
    assert!(found.info().is_finished(), "{:?}", found.info());
    assert_eq!(found.info().concat.as_ref().unwrap().awaited_by(), [id]);
    assert_eq!(files.read("a"), b"0123456789");
}
