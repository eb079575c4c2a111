//! The `<id>.chunk` file: where an atomic chunk began.
//!
//! While the mark exists, it is the upload's offset, however many bytes the
//! data file has beyond it.

use std::io;

use super::layout::Layout;
use super::sys;

/// Sets the mark, durable even in a power cut.
pub(super) fn set(layout: &Layout, start: u64) -> io::Result<()> {
    let mark = sys::File::create_new(&layout.chunk)?;
    let set = mark
        .write_all(format!("{start}\n").as_bytes())
        .and_then(|()| mark.sync_all())
        .and_then(|()| sys::sync_dir_of(&layout.chunk));
    set.inspect_err(|_| {
        let _ = sys::remove(&layout.chunk);
    })
}

/// Removes all bytes after the mark, if there is one, and then the mark itself.
pub(super) fn take_back(layout: &Layout, data: &sys::File) -> io::Result<()> {
    let Some(text) = sys::read(&layout.chunk)? else {
        return Ok(());
    };
    if let Some(start) = parse(&text)
        && data.len()? > start
    {
        data.truncate(start)?;
        // The discarded bytes must not outlive the mark.
        data.sync_data()?;
    }
    sys::remove(&layout.chunk)?;
    // If the mark came back, it would discard bytes that are acknowledged
    // later.
    sys::sync_dir_of(&layout.chunk)
}

/// Like [`take_back`], for a data file that is not open.
pub(super) fn settle(layout: &Layout) -> io::Result<()> {
    if !sys::exists(&layout.chunk)? {
        return Ok(());
    }
    take_back(layout, &sys::File::open(&layout.data)?)
}

/// Returns the offset of the upload, or `None` if its data file is gone.
///
/// `size` is the size of the data file before this call. One look at the size
/// is not enough while another request writes. Before the mark is read, the
/// size may include bytes that are rolled back, together with their mark, until
/// it is read; after it is read, bytes of a chunk whose mark came later. Bytes
/// that are there both times are there to stay.
pub(super) fn offset(layout: &Layout, size: u64) -> io::Result<Option<u64>> {
    let mark = sys::read(&layout.chunk)?.and_then(|text| parse(&text));
    let after = sys::file_size(&layout.data)?;
    Ok(after.map(|after| mark.unwrap_or(u64::MAX).min(size).min(after)))
}

/// Parses a mark. Without its last byte it was still being written in a crash,
/// and its chunk has no bytes yet.
fn parse(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text)
        .ok()?
        .strip_suffix('\n')?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn upload(bytes: &str) -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), &"a".parse().unwrap());
        fs::write(&layout.data, bytes).unwrap();
        (dir, layout)
    }

    #[test]
    fn the_mark_is_the_offset_while_it_stands() {
        let (_dir, layout) = upload("0123456789");
        set(&layout, 4).unwrap();
        assert_eq!(offset(&layout, 10).unwrap(), Some(4));
        take_back(&layout, &sys::File::open(&layout.data).unwrap()).unwrap();
        assert_eq!(fs::read(&layout.data).unwrap(), b"0123");
        assert!(!layout.chunk.exists());
        assert_eq!(offset(&layout, 4).unwrap(), Some(4));
    }

    #[test]
    fn a_mark_that_is_not_whole_disowns_nothing() {
        for text in ["", "4", "\n", "x\n", "-4\n"] {
            let (_dir, layout) = upload("0123456789");
            fs::write(&layout.chunk, text).unwrap();
            assert_eq!(offset(&layout, 10).unwrap(), Some(10), "{text:?}");
            take_back(&layout, &sys::File::open(&layout.data).unwrap()).unwrap();
            assert_eq!(fs::read(&layout.data).unwrap(), b"0123456789");
            assert!(!layout.chunk.exists());
        }
    }

    #[test]
    fn a_mark_beyond_the_end_makes_no_bytes() {
        let (_dir, layout) = upload("01234");
        set(&layout, 9).unwrap();
        assert_eq!(offset(&layout, 5).unwrap(), Some(5));
        take_back(&layout, &sys::File::open(&layout.data).unwrap()).unwrap();
        assert_eq!(fs::read(&layout.data).unwrap(), b"01234");
    }

    #[test]
    fn what_was_not_there_before_and_after_the_look_does_not_count() {
        let (_dir, layout) = upload("01234");
        assert_eq!(offset(&layout, 3).unwrap(), Some(3), "it grew meanwhile");
        assert_eq!(
            offset(&layout, 9).unwrap(),
            Some(5),
            "it was taken back meanwhile"
        );
    }
}
