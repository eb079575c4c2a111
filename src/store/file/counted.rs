//! Which bytes of the data file count: all of them, but none after the mark,
//! and none after a hole that a power cut has left.

use std::io;
use std::time::SystemTime;

use super::layout::Layout;
use super::sync::Step;
use super::{Durability, mark, sys};

/// What the data file and the mark tell of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) offset: u64,
    /// Whether nothing is to be removed before bytes can follow: there is
    /// neither a mark nor a byte that does not count.
    pub(super) is_settled: bool,
}

/// Returns what counts of an upload as far as the mark tells, or `None` if its
/// data file is gone.
///
/// `size` is the size of the data file before this call. One look at the size
/// is not enough while another request writes. Before the mark is read, the
/// size may include bytes that are rolled back, together with their mark, until
/// it is read; after it is read, bytes of a chunk whose mark came later. Bytes
/// that are there both times are there to stay.
pub(super) fn look(layout: &Layout, size: u64) -> io::Result<Option<Counted>> {
    let mark = mark::read(layout)?;
    let has_mark = mark.is_some();
    let after = match size {
        // However many there are now, they do not count.
        0 => Some(0),
        _ => sys::look(&layout.data)?.map(|seen| seen.len),
    };
    let marked = mark.and_then(|mark| mark.offset).unwrap_or(u64::MAX);
    Ok(after.map(|after| {
        let offset = marked.min(size).min(after);
        Counted {
            offset,
            is_settled: !has_mark && offset == size,
        }
    }))
}

/// The most bytes that a file system writes as one block.
const BLOCK: u64 = 64 << 10;

/// Whether a power cut may have lost the last bytes of an unfinished upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// They were synced before they counted.
    Synced,
    /// A power cut may have lost them, and kept the size of the file.
    Unsynced,
}

/// Returns how many bytes of an unfinished upload a power cut is known to have
/// left, if these are not all. The data file is open for reading, and
/// [as old](is_older_than_boot) as a power cut.
///
/// A power cut may keep the size of a file and lose bytes within it, which then
/// are a hole. This server leaves none, so only the bytes before it count. Zeros
/// right before it or at the end do not count either: if the last block was on the
/// disk when more bytes came to it, it may still end as it did then.
pub(super) fn left(file: &sys::File, tail: Tail) -> io::Result<Option<u64>> {
    let len = file.len()?;
    let end = match (file.first_hole()?, tail) {
        (Some(hole), _) => hole,
        (None, Tail::Unsynced) => len,
        (None, Tail::Synced) => return Ok(None),
    };
    let start = end.saturating_sub(BLOCK);
    let last = file.read_at(start, (end - start) as usize)?;
    let last = last.iter().rposition(|byte| *byte != 0);
    let left = last.map_or(start, |at| start + at as u64 + 1);
    Ok(Some(left).filter(|left| *left < len))
}

/// Whether a power cut may have come since a file was changed.
pub(super) fn is_older_than_boot(modified: SystemTime) -> bool {
    sys::boot_time().is_some_and(|boot| modified < boot)
}

/// Removes the bytes that do not count from the data file of an unfinished
/// upload, and then the mark.
pub(super) fn settle(
    durability: Durability,
    layout: &Layout,
    data: &sys::File,
    tail: Tail,
) -> io::Result<()> {
    let mark = mark::read(layout)?;
    // Before the truncation, which makes the file newer than the boot.
    let left = match is_older_than_boot(data.modified()?) {
        true => left(&sys::File::open_to_read(&layout.data)?, tail)?,
        false => None,
    };
    let counted = mark.as_ref().and_then(|mark| mark.offset);
    if let Some(len) = counted.into_iter().chain(left).min() {
        cut(durability, data, len)?;
    }
    match mark {
        Some(_) => mark::remove(durability, layout),
        None => Ok(()),
    }
}

/// Removes the bytes after `len` from the data file, and then the mark.
pub(super) fn take_back(durability: Durability, layout: &Layout, len: u64) -> io::Result<()> {
    let data = sys::File::open(&layout.data)?;
    cut(durability, &data, len)?;
    data.close()?;
    mark::remove(durability, layout)
}

fn cut(durability: Durability, data: &sys::File, len: u64) -> io::Result<()> {
    if data.len()? > len {
        data.truncate(len)?;
    }
    // The discarded bytes must not outlive the mark.
    match durability.syncs(Step::Mark) {
        true => data.sync_data(),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, FileTimes};
    use std::time::Duration;

    use super::*;

    fn upload(bytes: &[u8]) -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), &"a".parse().unwrap());
        fs::write(&layout.data, bytes).unwrap();
        (dir, layout)
    }

    fn offset(layout: &Layout, size: u64) -> Option<u64> {
        let counted = look(layout, size).unwrap();
        counted.map(|counted| counted.offset)
    }

    fn settle(layout: &Layout) {
        let data = sys::File::open(&layout.data).unwrap();
        super::settle(Durability::Offset, layout, &data, Tail::Unsynced).unwrap();
    }

    #[test]
    fn the_mark_is_the_offset_while_it_stands() {
        let (_dir, layout) = upload(b"0123456789");
        fs::write(&layout.chunk, "4\n").unwrap();
        assert_eq!(offset(&layout, 10), Some(4));
        settle(&layout);
        assert_eq!(fs::read(&layout.data).unwrap(), b"0123");
        assert!(!layout.chunk.exists());
        assert_eq!(offset(&layout, 4), Some(4));
    }

    #[test]
    fn a_mark_that_is_not_whole_disowns_nothing() {
        for text in ["", "4", "\n", "x\n", "-4\n"] {
            let (_dir, layout) = upload(b"0123456789");
            fs::write(&layout.chunk, text).unwrap();
            assert_eq!(offset(&layout, 10), Some(10), "{text:?}");
            settle(&layout);
            assert_eq!(fs::read(&layout.data).unwrap(), b"0123456789");
            assert!(!layout.chunk.exists());
        }
    }

    #[test]
    fn a_mark_beyond_the_end_makes_no_bytes() {
        let (_dir, layout) = upload(b"01234");
        fs::write(&layout.chunk, "9\n").unwrap();
        assert_eq!(offset(&layout, 5), Some(5));
        settle(&layout);
        assert_eq!(fs::read(&layout.data).unwrap(), b"01234");
    }

    #[test]
    fn what_was_not_there_before_and_after_the_look_does_not_count() {
        let (_dir, layout) = upload(b"01234");
        assert_eq!(offset(&layout, 3), Some(3), "it grew meanwhile");
        assert_eq!(offset(&layout, 9), Some(5), "it was taken back meanwhile");
    }

    const MIB: usize = 1 << 20;

    /// An upload of one MiB that ends with zeros, older than the boot and with a
    /// hole up to `size`.
    #[cfg(target_os = "linux")]
    fn with_zeros(kept: usize, size: usize) -> (tempfile::TempDir, Layout) {
        let mut bytes = vec![1; MIB];
        bytes[kept..].fill(0);
        let (dir, layout) = upload(&bytes);
        let data = fs::File::options().write(true).open(&layout.data).unwrap();
        data.set_len(size as u64).unwrap();
        let before = sys::boot_time().unwrap() - Duration::from_secs(60);
        let before = FileTimes::new().set_modified(before);
        data.set_times(before).unwrap();
        (dir, layout)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn zeros_right_before_a_hole_or_at_the_end_are_lost_like_a_hole() {
        for size in [MIB, 3 * MIB] {
            for kept in [MIB - 1, MIB - 4000, MIB - BLOCK as usize] {
                let (_dir, layout) = with_zeros(kept, size);
                let file = sys::File::open_to_read(&layout.data).unwrap();
                let left = left(&file, Tail::Unsynced).unwrap();
                assert_eq!(left, Some(kept as u64), "of {size}");
                settle(&layout);
                assert_eq!(fs::read(&layout.data).unwrap(), vec![1; kept]);
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn all_is_left_where_nothing_can_be_lost() {
        for (kept, tail) in [(MIB - 4000, Tail::Synced), (MIB, Tail::Unsynced)] {
            let (_dir, layout) = with_zeros(kept, MIB);
            let file = sys::File::open_to_read(&layout.data).unwrap();
            assert_eq!(left(&file, tail).unwrap(), None, "{tail:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_hole_ends_an_upload_that_is_older_than_the_boot_and_no_other() {
        const BLOCK: u64 = 1 << 20;
        let with_hole = |times: FileTimes| {
            let (dir, layout) = upload(&vec![1; BLOCK as usize]);
            let data = fs::File::options().write(true).open(&layout.data).unwrap();
            data.set_len(3 * BLOCK).unwrap();
            data.set_times(times).unwrap();
            (dir, layout)
        };
        let len = |layout: &Layout| fs::metadata(&layout.data).unwrap().len();
        let before = sys::boot_time().unwrap() - Duration::from_secs(60);
        let (_dir, old) = with_hole(FileTimes::new().set_modified(before));
        let (_other, new) = with_hole(FileTimes::new().set_modified(SystemTime::now()));
        for (layout, mark, left) in [
            (&new, None, 3 * BLOCK),
            (&new, Some(2 * BLOCK), 2 * BLOCK),
            (&old, Some(2 * BLOCK), BLOCK),
            (&old, None, BLOCK),
        ] {
            if let Some(mark) = mark {
                fs::write(&layout.chunk, format!("{mark}\n")).unwrap();
            }
            settle(layout);
            assert_eq!(len(layout), left);
            assert!(!layout.chunk.exists());
        }
    }
}
