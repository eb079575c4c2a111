//! Gives a finished file its name.

use std::io;
use std::path::Path;

use rustix::io::{Errno, retry_on_intr as retry};

use super::calls;
use super::link::{Linked, link};
use super::named::named;
use super::sys::{File, is_another_file, remove, replace};

/// Renames the finished file `from` to `to`, and fails if `to` exists.
///
/// If this is interrupted, `from` may keep its old name as well.
pub(crate) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    match retry(|| calls::rename_new(from, to)) {
        // The kernel or the file system does not support it.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => publish_by_link(from, to),
        renamed => named(to, renamed),
    }
}

fn publish_by_link(from: &Path, to: &Path) -> io::Result<()> {
    match link(from, to)? {
        Linked::Made => remove(from),
        // A network file system may have sent the call twice.
        Linked::Exists if !is_another_file(to, from)? => remove(from),
        Linked::Exists => named(to, Err(Errno::EXIST)),
        Linked::Unavailable => publish_over(from, to),
    }
}

/// Takes the name with an empty file, then replaces that one. Interrupted in
/// between, it leaves the empty file.
fn publish_over(from: &Path, to: &Path) -> io::Result<()> {
    // Under its lock, since whoever finds the empty file may consider it left
    // over, and take the name with the lock.
    let place = File::create_new(to)?.try_lock();
    let is_ours = place.as_ref().map(|place| place.is_at(to)).transpose()?;
    if is_ours != Some(true) {
        return named(to, Err(Errno::EXIST));
    }
    replace(from, to).inspect_err(|_| {
        let _ = remove(to);
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::path::PathBuf;

    use super::*;
    use crate::fs::error::errno;
    use crate::fs::sim::{Disk, Kind, Verdict};
    use crate::fs::sys::read;

    #[test]
    fn publishing_never_replaces() {
        for publish in [publish, publish_by_link, publish_over] {
            let dir = tempfile::tempdir().unwrap();
            let (from, to) = (dir.path().join("from"), dir.path().join("to"));
            fs::write(&from, "new").unwrap();
            fs::write(&to, "old").unwrap();
            let taken = publish(&from, &to).unwrap_err();
            assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&to).unwrap(), b"old");
            remove(&to).unwrap();
            publish(&from, &to).unwrap();
            assert_eq!(fs::read(&to).unwrap(), b"new");
            assert!(!from.exists());
        }
    }

    /// A disk that cannot rename without replacing, and answers links by
    /// `linked`, with a file to publish.
    fn disk(linked: Verdict) -> (Disk, PathBuf, PathBuf) {
        let disk = Disk::new();
        let (from, to) = (disk.root().join("from"), disk.root().join("to"));
        File::create_new(&from).unwrap().write_all(b"new").unwrap();
        disk.rule(move |call| match call.kind {
            Kind::RenameNew => Verdict::Fail(Errno::INVAL),
            Kind::Link => linked,
            _ => Verdict::Pass,
        });
        (disk, from, to)
    }

    #[test]
    fn where_no_link_is_to_be_had_a_file_is_published_all_the_same() {
        let refusals = [Errno::MLINK, Errno::OPNOTSUPP, Errno::PERM, Errno::NOSYS];
        for refused in refusals {
            let (disk, from, to) = disk(Verdict::Fail(refused));
            publish(&from, &to).unwrap();
            assert_eq!(disk.files(), [Path::new("to")]);
            assert_eq!(read(&to).unwrap().unwrap(), b"new");

            File::create_new(&from).unwrap();
            let taken = publish(&from, &to).unwrap_err();
            assert_eq!(taken.kind(), ErrorKind::AlreadyExists, "{refused}");
            assert_eq!(read(&to).unwrap().unwrap(), b"new");
        }
    }

    #[test]
    fn a_link_that_fails_for_another_reason_is_an_error_and_takes_no_name() {
        for failed in [
            Errno::NOSPC,
            Errno::DQUOT,
            Errno::IO,
            Errno::STALE,
            Errno::ROFS,
        ] {
            let (disk, from, to) = disk(Verdict::Fail(failed));
            let error = publish(&from, &to).unwrap_err();
            assert_eq!(errno(&error), Some(failed));
            assert_eq!(disk.files(), [Path::new("from")]);
        }
    }

    #[test]
    fn a_link_that_was_made_and_then_refused_by_a_network_file_system_counts() {
        let (disk, from, to) = disk(Verdict::PassThenFail(Errno::EXIST));
        publish(&from, &to).unwrap();
        assert_eq!(disk.files(), [Path::new("to")]);
    }

    #[test]
    fn a_link_that_was_made_before_it_was_refused_counts() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::write(&from, "new").unwrap();
        fs::hard_link(&from, &to).unwrap();
        publish_by_link(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new");
        assert!(!from.exists());
    }
}
