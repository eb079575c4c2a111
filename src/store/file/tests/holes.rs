//! Bytes that a power cut has lost within the size of a file.

use std::fs::{FileTimes, OpenOptions};
use std::time::Duration;

use serde_json::json;
use tower_tus_layers::protocol::{FinishState, Length, Metadata, NewUpload};
use tower_tus_layers::store::{Reader, Store, WriteMode};

use super::{DURABILITIES, Durability, Fixture, Frames, append};
use crate::fs::sys;

const MIB: u64 = 1 << 20;

impl Fixture {
    /// Makes an upload of 3 MiB as a power cut leaves it: the second MiB is a
    /// hole.
    async fn with_hole(&self, length: u64, finishing: Option<FinishState>) {
        self.with_chunk(vec![1; MIB as usize], length, finishing)
            .await;
        let data = OpenOptions::new().write(true).open(self.path("a")).unwrap();
        data.set_len(3 * MIB).unwrap();
        self.age("a");
    }

    /// Makes an upload with some bytes.
    async fn with_chunk(&self, bytes: Vec<u8>, length: u64, finishing: Option<FinishState>) {
        let mut new = NewUpload::new(Some(Length::saturating(length)), Metadata::default());
        new.id = "a".parse().unwrap();
        new.finishing = finishing;
        let mut handle = self.store.create(new).await.unwrap();
        let appended = append(&mut *handle, Frames::of([bytes]), WriteMode::Streaming).await;
        assert!(appended.error.is_none());
    }

    /// Makes a data file older than the boot.
    fn age(&self, name: &str) {
        let data = OpenOptions::new()
            .write(true)
            .open(self.path(name))
            .unwrap();
        let boot = sys::boot_time().unwrap();
        let before = FileTimes::new().set_modified(boot - Duration::from_secs(60));
        data.set_times(before).unwrap();
    }
}

#[tokio::test]
async fn an_unfinished_upload_goes_on_where_a_power_cut_has_left_a_hole() {
    let pending = FinishState::Pending { attempts: 0 };
    for durability in DURABILITIES {
        for (length, finishing) in [(5 * MIB, None), (3 * MIB, Some(pending))] {
            let mut files = Fixture::new();
            files.store = files.store.durability(durability);
            files.with_hole(length, finishing).await;
            let id = "a".parse().unwrap();
            let read = files.store.read(&id).await.unwrap();
            assert_eq!(read.upload().offset.get(), MIB);
            assert_eq!(
                files.read("a").len() as u64,
                3 * MIB,
                "to look changes nothing"
            );

            let mut handle = files.open("a").await.unwrap();
            assert_eq!(handle.info().offset.get(), MIB);
            let appended = append(&mut *handle, Frames::of(["x"]), WriteMode::Streaming).await;
            assert!(appended.error.is_none(), "{appended:?}");
            assert_eq!(files.read("a").len() as u64, MIB + 1);
            assert_eq!(files.offset("a").await, MIB + 1);
        }
    }
}

/// A file system may keep the size of a file up to the end of a block, but of the
/// block itself what was there before the last bytes came.
#[tokio::test]
async fn an_unfinished_upload_goes_on_before_zeros_at_its_end_unless_they_were_synced() {
    for durability in DURABILITIES {
        let mut files = Fixture::new();
        files.store = files.store.durability(durability);
        let zeros = [vec![1; 4000], vec![0; 96]].concat();
        files.with_chunk(zeros, 5 * MIB, None).await;
        files.age("a");
        let left = match durability {
            Durability::Offset => 4096,
            _ => 4000,
        };
        assert_eq!(files.offset("a").await, left, "{durability:?}");

        let mut handle = files.open("a").await.unwrap();
        let appended = append(&mut *handle, Frames::of(["x"]), WriteMode::Streaming).await;
        assert!(appended.error.is_none(), "{appended:?}");
        assert_eq!(files.read("a").len() as u64, left + 1);
        assert_eq!(files.offset("a").await, left + 1);
    }
}

#[tokio::test]
async fn a_finished_upload_may_have_holes_and_so_may_one_of_tusd() {
    for finishing in [Some(FinishState::Done), None] {
        let files = Fixture::new();
        files.with_hole(3 * MIB, finishing).await;
        let mut info = files.info("a.info");
        if finishing.is_none() {
            info["TowerTus"] = json!({});
        }
        files.write("a.info", &info.to_string());
        assert!(files.open("a").await.unwrap().info().is_finished());
    }
}

#[tokio::test]
async fn a_length_is_declared_for_the_bytes_before_a_hole() {
    let files = Fixture::new();
    files.with_hole(5 * MIB, None).await;
    let mut info = files.info("a.info");
    info["SizeIsDeferred"] = true.into();
    files.write("a.info", &info.to_string());
    let mut handle = files.open("a").await.unwrap();
    handle
        .declare_length(Length::saturating(MIB))
        .await
        .unwrap();
    assert!(handle.info().is_complete());
    assert_eq!(files.read("a").len() as u64, MIB);
}
