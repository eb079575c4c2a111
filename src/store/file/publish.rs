//! Publishes `.info` as a whole: writes it to `<id>.new`, then renames it.

use std::io;

use super::info::Document;
use super::layout::Layout;
use super::{Durability, FileStore, sys};

/// Publishes the first `.info` of an upload, or leaves nothing of it behind.
///
/// Concurrent creations of the same id collide here at the latest: only one
/// `<id>.new` can exist at a time, and an existing `.info` is never replaced.
pub(super) fn first(store: &FileStore, layout: &Layout, document: &Document) -> io::Result<()> {
    let new = sys::File::create_new_with(&layout.new, store.file_mode)?;
    write_first(store, &new, layout, document).inspect_err(|_| {
        // If it stays, it may be a second name of `.info`; `again` copes with
        // that.
        let _ = sys::remove(&layout.new);
    })
}

fn write_first(
    store: &FileStore,
    new: &sys::File,
    layout: &Layout,
    document: &Document,
) -> io::Result<()> {
    new.write_all(&document.to_json())?;
    if store.durability < Durability::Offset {
        return sys::publish(&layout.new, &layout.info);
    }
    new.sync_all()?;
    sys::publish(&layout.new, &layout.info)?;
    layout.sync_dirs().inspect_err(|_| {
        let _ = sys::remove(&layout.info);
    })
}

/// Replaces the `.info` of an upload.
pub(super) fn again(store: &FileStore, layout: &Layout, document: &Document) -> io::Result<()> {
    // Do not bring back an upload that was terminated meanwhile.
    if !sys::exists(&layout.info)? {
        return Err(io::ErrorKind::NotFound.into());
    }
    // A crash may have left it as a second name of `.info`; writing to it would
    // tear both.
    sys::remove(&layout.new)?;
    let new = sys::File::create_new_with(&layout.new, store.file_mode)?;
    let replaced = write_again(store, &new, layout, document);
    if replaced.is_err() {
        let _ = sys::remove(&layout.new);
    }
    replaced
}

fn write_again(
    store: &FileStore,
    new: &sys::File,
    layout: &Layout,
    document: &Document,
) -> io::Result<()> {
    new.write_all(&document.to_json())?;
    // A durable name with content that is not would be an empty `.info`.
    if store.durability >= Durability::Finish {
        new.sync_all()?;
    }
    sys::replace(&layout.new, &layout.info)?;
    if store.durability >= Durability::Finish {
        layout.sync_dirs()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tower_tus_layers::protocol::{Length, Upload};

    use super::*;

    #[test]
    fn a_second_name_of_info_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::new(dir.path()).durability(Durability::None);
        let mut upload = Upload::new("a".parse().unwrap());
        let layout = Layout::new(dir.path(), &upload.id);
        let document = Document::new(&upload, &layout);
        first(&store, &layout, &document).unwrap();
        fs::hard_link(&layout.info, &layout.new).unwrap();
        fs::hard_link(&layout.info, dir.path().join("witness")).unwrap();

        upload.length = Some(Length::from(5));
        let mut newer = document.clone();
        newer.update(&upload);
        again(&store, &layout, &newer).unwrap();
        assert_eq!(fs::read(&layout.info).unwrap(), newer.to_json());
        assert_eq!(
            fs::read(dir.path().join("witness")).unwrap(),
            document.to_json()
        );
        assert!(!layout.new.exists());
    }

    #[test]
    fn who_comes_second_replaces_nothing_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let upload = Upload::new("a".parse().unwrap());
        let layout = Layout::new(dir.path(), &upload.id);
        let document = Document::new(&upload, &layout);
        for durability in [Durability::None, Durability::Offset] {
            let store = FileStore::new(dir.path()).durability(durability);
            fs::write(&layout.info, "the first one's").unwrap();
            let second = first(&store, &layout, &document);
            assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&layout.info).unwrap(), b"the first one's");
            assert!(!layout.new.exists());
        }
    }
}
