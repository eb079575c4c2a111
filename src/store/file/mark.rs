//! The `<id>.chunk` file: where a chunk began whose bytes do not count yet.
//!
//! While the mark exists, it is the upload's offset, however many bytes the
//! data file has beyond it.
//!
//! Its last whole line counts. It advances by a further line: a power cut that
//! loses any of the new bytes leaves a line that is not a number, and the one
//! before it.

use std::io;

use bytes::Bytes;

use super::layout::Layout;
use super::sync::Step;
use super::{Durability, FileStore, sys};

/// A mark that exists.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The upload's offset; `None` if the mark was still being set in a crash,
    /// so that its chunk has no bytes yet.
    pub(super) offset: Option<u64>,
}

/// Sets the mark, durable even in a power cut.
pub(super) fn set(store: &FileStore, layout: &Layout, start: u64) -> io::Result<()> {
    let mark = sys::File::create_new_with(&layout.chunk, store.file_mode)?;
    write(store.durability, mark, start)
        .and_then(|()| name(store.durability, layout))
        .inspect_err(|_| {
            let _ = sys::remove(&layout.chunk);
        })
}

fn write(durability: Durability, mark: sys::File, start: u64) -> io::Result<()> {
    mark.write_all(&line(start))?;
    if durability.syncs(Step::Mark) {
        mark.sync_all()?;
    }
    mark.close()
}

fn name(durability: Durability, layout: &Layout) -> io::Result<()> {
    match durability.syncs(Step::Mark) {
        true => sys::sync_dir_of(&layout.chunk),
        false => Ok(()),
    }
}

/// Moves the mark to `offset`, durable even in a power cut: all bytes before it
/// are synced.
pub(super) fn advance(layout: &Layout, offset: u64) -> io::Result<()> {
    let mark = sys::File::open(&layout.chunk)?;
    mark.write_at(&mut mark.len()?, &[line(offset)])?;
    mark.sync_all()?;
    mark.close()
}

/// Removes the mark, if there is one. If it came back, it would discard bytes
/// that are acknowledged later.
pub(super) fn remove(durability: Durability, layout: &Layout) -> io::Result<()> {
    sys::remove(&layout.chunk)?;
    match durability.syncs(Step::Stored) {
        true => sys::sync_dir_of(&layout.chunk),
        false => Ok(()),
    }
}

/// Reads the mark, if there is one.
pub(super) fn read(layout: &Layout) -> io::Result<Option<Mark>> {
    let text = sys::read(&layout.chunk)?;
    Ok(text.map(|text| {
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let offset = lines.filter_map(parse).next_back();
        Mark { offset }
    }))
}

fn line(offset: u64) -> Bytes {
    format!("{offset}\n").into()
}

/// Parses a line. Without its last byte it is not whole.
fn parse(line: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn layout() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), &"a".parse().unwrap());
        (dir, layout)
    }

    fn offset(layout: &Layout) -> Option<u64> {
        read(layout).unwrap().unwrap().offset
    }

    #[test]
    fn a_mark_is_set_advances_and_goes() {
        for durability in [Durability::None, Durability::Finish, Durability::Offset] {
            let (dir, layout) = layout();
            let store = FileStore::new(dir.path()).durability(durability);
            assert_eq!(read(&layout).unwrap(), None);
            set(&store, &layout, 5).unwrap();
            assert!(set(&store, &layout, 6).is_err(), "there is only one");
        }
        let (dir, layout) = layout();
        let store = FileStore::new(dir.path());
        set(&store, &layout, 5).unwrap();
        assert_eq!(offset(&layout), Some(5));
        advance(&layout, 1 << 40).unwrap();
        assert_eq!(offset(&layout), Some(1 << 40));
        for durability in [Durability::None, Durability::Offset] {
            remove(durability, &layout).unwrap();
            assert_eq!(read(&layout).unwrap(), None);
        }
    }

    #[test]
    fn of_an_advance_that_a_power_cut_has_torn_nothing_counts() {
        let (_dir, layout) = layout();
        let whole = b"9\n1234\n";
        for cut in 2..whole.len() {
            fs::write(&layout.chunk, &whole[..cut]).unwrap();
            assert_eq!(offset(&layout), Some(9));
            for lost in 2..whole.len() {
                let mut torn = *whole;
                torn[cut] = 0;
                torn[lost] = 0;
                fs::write(&layout.chunk, torn).unwrap();
                assert_eq!(offset(&layout), Some(9), "{torn:?}");
            }
        }
        fs::write(&layout.chunk, whole).unwrap();
        assert_eq!(offset(&layout), Some(1234));
    }
}
