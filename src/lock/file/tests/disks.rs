//! Disks that fail, crash or lack what others have.

use rustix::io::Errno;

use super::stale::{Sleeper, dead};
use super::*;
use crate::fs::sim::{self, Call, Disk, Kind, Verdict};
use crate::fs::sys;

/// In the directory of the disk, and in one below it.
pub(super) const IDS: [&str; 2] = ["a", "sub/a"];

pub(super) fn disk() -> Disk {
    let disk = Disk::new();
    sys::make_dirs(&disk.root().join("sub"), 0o775).unwrap();
    disk
}

/// Returns a locker that stands for another process: it shares no lock with any
/// other, and no open file.
fn locker(disk: &Disk) -> FileLocker {
    FileLocker::new(disk.root()).poll_interval(Duration::from_millis(10))
}

fn write(disk: &Disk, name: &str, text: &str) {
    let file = sys::File::create_new(&disk.root().join(name)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Lets calls of some kinds fail, from now on.
pub(super) fn fail(disk: &Disk, kinds: &'static [Kind], errno: Errno) {
    disk.rule(move |call| match kinds.contains(&call.kind) {
        true => Verdict::Fail(errno),
        false => Verdict::Pass,
    });
}

pub(super) fn mend(disk: &Disk) {
    disk.rule(|_| Verdict::Pass);
}

type Outcome = Result<(), Error>;

/// Acquires the lock and releases it.
fn acquire(disk: &Disk, id: &UploadId) -> Outcome {
    let locker = locker(disk);
    let acquired = locker.acquire(id, Interrupt::default(), Duration::ZERO);
    sim::run(async {
        acquired.await?.release().await;
        Ok(())
    })
}

fn observe(disk: &Disk, id: &UploadId) -> Outcome {
    let locker = locker(disk);
    let observed = locker.observe(id, Interrupt::default(), Duration::ZERO);
    sim::run(async {
        observed.await?.release().await;
        Ok(())
    })
}

fn acquire_to_terminate(disk: &Disk, id: &UploadId) -> Outcome {
    let locker = locker(disk);
    let acquired = locker.acquire_to_terminate(id, Interrupt::default(), Duration::ZERO);
    sim::run(async {
        acquired.await?.release().await;
        Ok(())
    })
}

#[track_caller]
fn is(outcome: &Outcome, code: &str) {
    let told = outcome.as_ref().map_or_else(Error::code, |()| "");
    assert_eq!(told, code);
}

#[test]
fn whichever_call_fails_the_lock_is_free_afterwards() {
    let errors = [
        (Errno::IO, "ERR_INTERNAL_SERVER_ERROR"),
        (Errno::NOSPC, "ERR_INSUFFICIENT_STORAGE"),
        (Errno::DQUOT, "ERR_INSUFFICIENT_STORAGE"),
        (Errno::STALE, "ERR_STORAGE_UNAVAILABLE"),
        (Errno::ROFS, "ERR_STORAGE_UNAVAILABLE"),
    ];
    let (mut failures, gone) = (0, dead());
    for step in [acquire, observe, acquire_to_terminate] {
        for (errno, code) in errors {
            for left_over in [None, Some(&gone)] {
                for n in 1.. {
                    let (disk, id) = (disk(), id("sub/a"));
                    if let Some(text) = &left_over {
                        write(&disk, "sub/a.lock", text);
                    }
                    let before = disk.calls().len();
                    disk.fail(n, errno);
                    let outcome = step(&disk, &id);
                    // Some calls may fail, such as those of the release.
                    if let Err(error) = &outcome {
                        assert_eq!(error.code(), code, "{n} {:?}", disk.calls());
                        failures += 1;
                    }
                    let made = disk.calls().len() - before;
                    mend(&disk);
                    is(&acquire(&disk, &id), "");
                    if made < n {
                        break;
                    }
                }
            }
        }
    }
    assert!(failures > 50, "{failures}");
}

#[test]
fn a_call_that_a_signal_interrupts_is_repeated() {
    for step in [acquire, observe, acquire_to_terminate] {
        for n in 1..20 {
            let (disk, id) = (disk(), id("a"));
            disk.fail(n, Errno::INTR);
            is(&step(&disk, &id), "");
            mend(&disk);
            assert_eq!(disk.files(), [""; 0].map(PathBuf::from), "{n}");
        }
    }
}

#[test]
fn wherever_a_process_is_killed_the_next_one_gets_the_lock() {
    let gone = dead();
    for name in IDS {
        for n in 1.. {
            let (disk, id) = (disk(), id(name));
            // All that a dead process has left is one file.
            let own = format!(".{}.lock", "0".repeat(32));
            write(&disk, &own, &gone);
            for lock in ["a.lock", "sub/a.lock"] {
                sys::link(&disk.root().join(&own), &disk.root().join(lock)).unwrap();
            }
            disk.stop_at(n);
            let _ = acquire(&disk, &id);
            let (has_stopped, killed) = (disk.has_stopped(), disk.image());
            for cut in disk.cuts() {
                disk.mount(&cut.image);
                // The directory may be gone.
                if sys::make_dirs(&disk.root().join("sub"), 0o775).is_ok() {
                    is(&acquire(&disk, &id), "");
                }
            }
            disk.mount(&killed);
            is(&acquire(&disk, &id), "");
            // A file without an owner may be one that is about to get it.
            let is_left = |path: &&PathBuf| {
                let text = sys::read(&disk.root().join(path)).unwrap().unwrap();
                is_draft(path.to_str().unwrap()) && text.ends_with(b"\n")
            };
            assert_eq!(disk.files().iter().find(is_left), None, "{n}");
            if !has_stopped {
                break;
            }
        }
    }
}

#[test]
fn without_space_for_a_lock_file_an_upload_can_be_observed_and_terminated() {
    for errno in [Errno::NOSPC, Errno::DQUOT] {
        for name in IDS {
            for has_bytes in [true, false] {
                let (disk, id) = (disk(), id(name));
                if has_bytes {
                    write(&disk, name, "hello");
                }
                fail(&disk, &[Kind::Create], errno);
                is(&acquire(&disk, &id), "ERR_INSUFFICIENT_STORAGE");
                is(&observe(&disk, &id), "");
                is(&acquire_to_terminate(&disk, &id), "");
            }
        }
    }
}

#[test]
fn without_space_one_request_at_a_time_terminates_an_upload() {
    let (disk, id) = (disk(), id("sub/a"));
    write(&disk, "sub/a", "hello");
    fail(&disk, &[Kind::Create], Errno::NOSPC);
    sim::run(async {
        let one = locker(&disk);
        let held = one.acquire_to_terminate(&id, Interrupt::default(), LONG);
        let held = held.await.unwrap();
        let other = locker(&disk);
        let busy = other.acquire_to_terminate(&id, Interrupt::default(), Duration::ZERO);
        assert!(matches!(busy.await, Err(Error::LockTimeout)));
        held.release().await;
        let free = other.acquire_to_terminate(&id, Interrupt::default(), LONG);
        free.await.unwrap().release().await;
    });
}

#[test]
fn without_space_for_a_lock_file_a_lock_can_be_tried() {
    for errno in [Errno::NOSPC, Errno::DQUOT] {
        let (disk, id) = (disk(), id("sub/a"));
        write(&disk, "sub/a", "hello");
        fail(&disk, &[Kind::Create], errno);
        sim::run(async {
            let (one, other) = (locker(&disk), locker(&disk));
            let tried = one.try_acquire(&id, Interrupt::default()).await.unwrap();
            let held = tried.expect("it is free");
            let tried = other.try_acquire(&id, Interrupt::default()).await.unwrap();
            assert!(tried.is_none(), "the data file is locked");
            held.release().await;
            let tried = other.try_acquire(&id, Interrupt::default()).await.unwrap();
            tried.expect("it is free again").release().await;
            assert!(!other.is_held(&id).await.unwrap());
        });
        assert_eq!(disk.files(), [std::path::Path::new("sub/a")]);
    }
}

#[test]
fn a_holder_that_cannot_be_asked_for_want_of_space_is_waited_for() {
    let holder = Sleeper::new();
    for errno in [Errno::NOSPC, Errno::DQUOT, Errno::ROFS] {
        let (disk, id) = (disk(), id("a"));
        write(&disk, "a.lock", &holder.text());
        fail(&disk, &[Kind::Create], errno);
        for step in [acquire, observe, acquire_to_terminate] {
            is(&step(&disk, &id), "ERR_LOCK_TIMEOUT");
        }
    }
}

#[test]
fn on_a_read_only_disk_an_upload_can_be_observed_and_not_changed() {
    const CHANGES: &[Kind] = &[
        Kind::Create,
        Kind::OpenToWrite,
        Kind::Rename,
        Kind::RenameNew,
        Kind::Link,
        Kind::Unlink,
    ];
    for left_over in [None, Some(dead())] {
        for name in IDS {
            let (disk, id) = (disk(), id(name));
            if let Some(text) = &left_over {
                write(&disk, &format!("{name}.lock"), text);
            }
            fail(&disk, CHANGES, Errno::ROFS);
            is(&observe(&disk, &id), "");
            is(&acquire(&disk, &id), "ERR_STORAGE_UNAVAILABLE");
            let terminated = acquire_to_terminate(&disk, &id);
            is(&terminated, "ERR_STORAGE_UNAVAILABLE");
        }
    }
}

/// Whether a file system lacks what this call asks for.
fn lacks_links(call: &Call) -> Verdict {
    match call.kind {
        Kind::RenameNew => Verdict::Fail(Errno::INVAL),
        Kind::Link => Verdict::Fail(Errno::PERM),
        _ => Verdict::Pass,
    }
}

/// Checks that one request at a time holds the lock of each upload, and that
/// nothing is left of it.
#[track_caller]
fn locks_exclude(rule: fn(&Call) -> Verdict) {
    for name in IDS {
        let (disk, id) = (disk(), id(name));
        disk.rule(rule);
        sim::run(async {
            let guard = take(&locker(&disk), &id).await;
            assert!(is_busy(&locker(&disk), &id).await);
            guard.release().await;
            take(&locker(&disk), &id).await.release().await;
        });
        assert_eq!(disk.files(), [""; 0].map(PathBuf::from));
    }
}

#[test]
fn locks_exclude_on_a_file_system_without_exclusive_renames() {
    locks_exclude(|call| match call.kind {
        Kind::RenameNew => Verdict::Fail(Errno::INVAL),
        _ => Verdict::Pass,
    });
}

#[test]
fn locks_exclude_on_a_file_system_without_links() {
    locks_exclude(lacks_links);
    locks_exclude(|call| match call.kind {
        Kind::Link => Verdict::Fail(Errno::MLINK),
        _ => lacks_links(call),
    });
}

#[test]
fn a_name_that_was_had_before_the_call_failed_is_had() {
    locks_exclude(|call| match call.kind {
        Kind::RenameNew => Verdict::PassThenFail(Errno::IO),
        _ => Verdict::Pass,
    });
    locks_exclude(|call| match call.kind {
        Kind::RenameNew => Verdict::Fail(Errno::INVAL),
        // Sent twice by a network file system.
        Kind::Link => Verdict::PassThenFail(Errno::EXIST),
        _ => Verdict::Pass,
    });
    locks_exclude(|call| match call.kind {
        Kind::RenameNew => Verdict::Fail(Errno::INVAL),
        Kind::Link => Verdict::PassThenFail(Errno::IO),
        _ => Verdict::Pass,
    });
}

#[test]
fn without_kernel_locks_a_lock_file_counts_while_its_process_lives() {
    let holder = Sleeper::new();
    for errno in [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS] {
        let (disk, id) = (disk(), id("a"));
        fail(&disk, &[Kind::Lock], errno);
        is(&acquire(&disk, &id), "");
        write(&disk, "a.lock", &holder.text());
        for step in [acquire, observe, acquire_to_terminate] {
            is(&step(&disk, &id), "ERR_LOCK_TIMEOUT");
        }
        sys::remove(&disk.root().join("a.lock")).unwrap();
        write(&disk, "a.lock", &dead());
        for step in [observe, acquire, acquire_to_terminate] {
            is(&step(&disk, &id), "");
        }
    }
}
