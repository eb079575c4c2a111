//! Tests of the simulation itself.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;
use rustix::io::Errno;

use super::{Disk, Kind, Verdict};
use crate::fs::offload::{Offload, Steps};
use crate::fs::sys::{self, File};

impl Disk {
    fn at(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Creates a file that is durable, name and content.
    fn durable(&self, name: &str, content: &'static str) -> File {
        let file = File::create_new(&self.at(name)).unwrap();
        write(&file, 0, content);
        file.sync_data().unwrap();
        sys::sync_dir(self.root()).unwrap();
        file
    }

    fn read(&self, name: &str) -> Option<String> {
        let bytes = sys::read(&self.at(name)).unwrap()?;
        Some(String::from_utf8(bytes).unwrap().replace('\0', "_"))
    }

    /// Returns what is in a file after each power cut.
    fn after_cuts(&self, name: &str) -> BTreeSet<Option<String>> {
        let found = self.cuts().into_iter().map(|cut| {
            let after = Self::new();
            after.mount(&cut.image);
            after.read(name)
        });
        found.collect()
    }
}

fn write(file: &File, at: u64, text: &'static str) {
    if text.is_empty() {
        return;
    }
    file.write_at(&mut { at }, &[Bytes::from(text)]).unwrap();
}

fn texts<const N: usize>(texts: [&str; N]) -> BTreeSet<Option<String>> {
    texts.map(|text| Some(text.to_owned())).into()
}

fn code<T: std::fmt::Debug>(result: io::Result<T>) -> Errno {
    let error = result.unwrap_err();
    crate::fs::error::errno(&error).unwrap()
}

#[test]
fn what_was_synced_survives_and_of_the_rest_any_part_may() {
    let disk = Disk::new();
    let file = disk.durable("a", "ab");
    assert_eq!(disk.after_cuts("a"), texts(["ab"]));
    write(&file, 2, "cd");
    let expected = ["ab", "abc", "ab_", "abcd", "ab_d", "abc_", "ab__"];
    assert_eq!(disk.after_cuts("a"), texts(expected));
    file.sync_data().unwrap();
    assert_eq!(disk.after_cuts("a"), texts(["abcd"]));
}

#[test]
fn a_sector_that_is_overwritten_is_old_or_new() {
    let disk = Disk::new();
    let file = disk.durable("a", "old");
    write(&file, 0, "new");
    assert_eq!(disk.after_cuts("a"), texts(["old", "new"]));
}

#[test]
fn lost_bytes_are_holes_and_a_boot_came_after_them() {
    let disk = Disk::new();
    let file = disk.durable("a", "ab");
    let boot = sys::boot_time().unwrap_or(SystemTime::UNIX_EPOCH);
    assert!(file.modified().unwrap() > boot);
    write(&file, 2, "cd");
    let mut holes = BTreeSet::new();
    for cut in disk.cuts() {
        let after = Disk::new();
        after.mount(&cut.image);
        let file = File::open(&after.at("a")).unwrap();
        assert!(file.modified().unwrap() < boot, "{cut}");
        holes.insert(file.first_hole().unwrap());
    }
    assert_eq!(holes, [None, Some(2), Some(3)].into());
}

#[test]
fn names_are_kept_in_their_order() {
    let disk = Disk::new();
    for name in ["a", "b", "c"] {
        File::create_new(&disk.at(name)).unwrap();
    }
    sys::sync_dir(disk.root()).unwrap();
    sys::replace(&disk.at("a"), &disk.at("d")).unwrap();
    sys::remove(&disk.at("b")).unwrap();
    let names: BTreeSet<_> = disk.cuts().iter().map(|cut| cut.image.files()).collect();
    let expected = [&["a", "b", "c"][..], &["b", "c", "d"], &["c", "d"]];
    let expected = expected.map(|names| names.iter().map(PathBuf::from).collect::<Vec<_>>());
    assert_eq!(names, expected.into());
}

#[test]
fn the_sync_of_one_directory_keeps_the_earlier_names_of_all() {
    let disk = Disk::new();
    sys::make_dirs(&disk.at("one"), sys::DIR_MODE).unwrap();
    sys::make_dirs(&disk.at("other"), sys::DIR_MODE).unwrap();
    File::create_new(&disk.at("one/a")).unwrap();
    sys::sync_dir(&disk.at("other")).unwrap();
    assert_eq!(disk.cuts().len(), 1);
    assert_eq!(disk.after_cuts("one/a"), texts([""]));
}

#[test]
fn the_sync_of_a_file_keeps_its_content_and_not_its_name() {
    let disk = Disk::new();
    let file = File::create_new(&disk.at("a")).unwrap();
    write(&file, 0, "ab");
    file.sync_data().unwrap();
    let found = disk.after_cuts("a");
    assert_eq!(found, [None, Some("ab".to_owned())].into());
}

#[test]
fn a_truncation_counts_from_some_moment_on() {
    let disk = Disk::new();
    let file = disk.durable("a", "abcd");
    file.truncate(1).unwrap();
    write(&file, 1, "x");
    assert_eq!(disk.after_cuts("a"), texts(["abcd", "a", "ax", "a_"]));
    file.sync_data().unwrap();
    assert_eq!(disk.after_cuts("a"), texts(["ax"]));
}

#[test]
fn a_killed_process_has_written_what_it_wrote_and_holds_nothing() {
    let disk = Disk::new();
    let file = File::create_new(&disk.at("a")).unwrap();
    write(&file, 0, "ab");
    let file = file.try_lock().unwrap();
    disk.kill();
    assert_eq!(disk.read("a").unwrap(), "ab");
    assert_eq!(code(file.len()), Errno::IO, "the dead do nothing");
    assert!(disk.after_cuts("a").contains(&None), "nothing is durable");
    let lock = || File::open(&disk.at("a")).unwrap().try_lock();
    let again = lock().unwrap();
    drop(file);
    assert!(lock().is_none());
    drop(again);
    assert!(lock().is_some());
}

#[test]
fn the_call_that_is_the_last_one_does_not_happen_nor_does_any_other() {
    let disk = Disk::new();
    let file = disk.durable("a", "");
    let changes = disk.changes();
    disk.stop_at(2);
    let written = file.write_at(&mut 0, &[Bytes::from("abcd")]);
    written.unwrap_err();
    assert!(disk.has_stopped());
    assert_eq!(code(file.len()), Errno::IO);
    assert_eq!(code(sys::exists(&disk.at("a"))), Errno::IO);
    assert_eq!(disk.changes(), changes + 2);
    disk.kill();
    assert_eq!(disk.read("a").unwrap(), "ab", "it died in the middle");
}

#[test]
fn any_call_can_fail_once() {
    let disk = Disk::new();
    let file = disk.durable("a", "ab");
    for errno in [Errno::IO, Errno::NOSPC, Errno::DQUOT, Errno::STALE] {
        disk.fail(2, errno);
        file.len().unwrap();
        assert_eq!(code(file.truncate(0)), errno);
        file.truncate(2).unwrap();
    }
    disk.fail(1, Errno::INTR);
    file.truncate(2).unwrap();
    assert_eq!(disk.read("a").unwrap(), "ab");
}

#[test]
fn a_rule_decides_about_each_call() {
    let disk = Disk::new();
    disk.durable("a", "");
    disk.rule(|call| match call.kind {
        Kind::Unlink => Verdict::PassThenFail(Errno::IO),
        kind if kind.is_change() => Verdict::Fail(Errno::ROFS),
        _ => Verdict::Pass,
    });
    let created = File::create_new(&disk.at("b")).unwrap_err();
    assert_eq!(created.kind(), ErrorKind::ReadOnlyFilesystem);
    assert_eq!(code(sys::remove(&disk.at("a"))), Errno::IO);
    assert!(disk.files().is_empty());
}

#[test]
fn a_failed_sync_drops_what_it_should_have_written() {
    for errno in [Errno::IO, Errno::INTR] {
        let disk = Disk::new();
        let file = disk.durable("a", "");
        write(&file, 0, "a");
        disk.fail(1, errno);
        assert_eq!(code(file.sync_data()), errno);
        file.sync_data().unwrap();
        assert_eq!(disk.read("a").unwrap(), "a", "it is still in memory");
        let all = disk.after_cuts("a");
        assert!(all.contains(&Some("_".into())), "{all:?}");
        // What is written again is not dropped any more.
        write(&file, 0, "b");
        file.sync_data().unwrap();
        assert_eq!(disk.after_cuts("a"), texts(["b"]));
    }
}

fn sync_here(file: &File) {
    file.sync_data().unwrap();
}

#[test]
fn a_sync_can_lie_at_its_place() {
    let disk = Disk::new();
    let file = disk.durable("a", "");
    write(&file, 0, "a");
    disk.lie_at("tests.rs: sync_here");
    sync_here(&file);
    assert!(disk.after_cuts("a").contains(&Some(String::new())));
    file.sync_data().unwrap();
    assert_eq!(disk.after_cuts("a"), texts(["a"]));
    let sites: BTreeSet<_> = disk.calls().iter().filter_map(|call| call.site()).collect();
    let expected = [
        "tests.rs: a_sync_can_lie_at_its_place",
        "tests.rs: durable",
        "tests.rs: sync_here",
    ];
    assert_eq!(sites, expected.map(str::to_owned).into());
}

#[test]
fn a_close_reports_what_the_disk_reports() {
    let disk = Disk::new();
    disk.durable("a", "").close().unwrap();
    let file = File::open(&disk.at("a")).unwrap();
    disk.fail(1, Errno::DQUOT);
    assert_eq!(code(file.close()), Errno::DQUOT);
}

#[test]
fn a_file_without_a_name_is_still_a_file() {
    let disk = Disk::new();
    let file = disk.durable("a", "ab");
    sys::remove(&disk.at("a")).unwrap();
    write(&file, 2, "c");
    assert_eq!(file.len().unwrap(), 3);
    assert!(!file.is_at(&disk.at("a")).unwrap());
}

#[test]
fn of_many_states_the_extremes_and_a_sample_are_tried() {
    let disk = Disk::new();
    for name in ["a", "b", "c"] {
        let file = File::create_new(&disk.at(name)).unwrap();
        write(&file, 0, "0123456789012345678901234567890123456789");
    }
    let cuts = disk.cuts();
    assert!(cuts.len() <= 64, "{}", cuts.len());
    assert!(
        cuts[0].to_string().contains("TOWER_TUS_SEED=1"),
        "{}",
        cuts[0]
    );
    let found = disk.after_cuts("b");
    let whole = "0123456789012345678901234567890123456789";
    for extreme in [None, Some(""), Some(whole), Some(&"_".repeat(40))] {
        assert!(found.contains(&extreme.map(str::to_owned)), "{extreme:?}");
    }
    assert!(found.len() > 12, "{found:?}");
}

#[test]
fn a_panic_can_say_which_state_it_met() {
    let disk = Disk::new();
    let file = File::create_new(&disk.at("a")).unwrap();
    write(&file, 0, "ab");
    let states: Vec<_> = disk.cuts().iter().map(ToString::to_string).collect();
    assert_eq!(states[0], "names kept: []");
    let lost = r#"names kept: ["create a"]; a: truncations 0, size 2, lost [1..=1]"#;
    assert!(states.contains(&lost.to_owned()), "{states:?}");
}

#[test]
fn disks_know_nothing_of_each_other_and_end_with_their_value() {
    let (one, other) = (Disk::new(), Disk::new());
    let path = one.at("a");
    one.durable("a", "");
    assert!(other.files().is_empty());
    let across = sys::replace(&path, &other.at("a"));
    assert_eq!(code(across), Errno::XDEV);
    assert_ne!(
        sys::identity(one.root()).unwrap(),
        sys::identity(other.root()).unwrap()
    );
    drop(one);
    assert!(!sys::exists(&path).unwrap());
}

#[test]
fn blocking_steps_run_in_the_thread_of_the_test() {
    let here = std::thread::current().id();
    let there = super::run(async {
        let step = || Ok(std::thread::current().id());
        Steps::new(Offload::Always).long(step).await.unwrap()
    });
    assert_eq!(here, there);
}
