//! Publishes `.info` as a whole: writes it under another name, then renames it.

use std::io::{self, ErrorKind};

use tower_tus_layers::protocol::Upload;

use super::info::Document;
use super::layout::Layout;
use super::sync::{self, Step};
use super::{FileStore, claim, sys};

/// Writes the first `.info` of an upload to `<id>.new`, which the caller has
/// created and holds.
pub(super) fn draft(store: &FileStore, layout: &Layout, document: &Document) -> io::Result<()> {
    // Not through the caller's descriptor: closing one reports errors that a
    // network file system has kept, and the caller's still has to hold the file.
    write(
        store,
        Step::Created,
        sys::File::open(&layout.new)?,
        document,
    )
}

/// Gives the first `.info` its name, or leaves it as it is. Never replaces an
/// `.info`.
pub(super) fn first(store: &FileStore, layout: &Layout) -> io::Result<()> {
    sys::publish(&layout.new, &layout.info)?;
    sync::names(store, Step::Created, layout).inspect_err(|_| {
        let _ = sys::replace(&layout.info, &layout.new);
    })
}

/// Replaces the `.info` of an upload.
///
/// # Errors
///
/// [`ErrorKind::ResourceBusy`](io::ErrorKind::ResourceBusy) while somebody else
/// changes or removes the upload.
pub(super) fn again(store: &FileStore, layout: &Layout, document: &Document) -> io::Result<()> {
    // Do not bring back an upload that was terminated meanwhile.
    let _held = claim::take_quietly(&layout.info)?;
    // If the disk hangs, a clean-up takes the draft for one that a crash has left.
    let replaced = replace(store, layout, document).or_else(|error| match error.kind() {
        ErrorKind::NotFound => replace(store, layout, document),
        _ => Err(error),
    });
    replaced?;
    sync::names(store, Step::Replaced, layout)
}

fn replace(store: &FileStore, layout: &Layout, document: &Document) -> io::Result<()> {
    // Not `.new`: if a crash left it, and somebody removed `.info` later, the
    // upload would look half created.
    let draft = layout.draft();
    let file = sys::File::create_new_with(&draft, store.file_mode)?;
    let replaced = write(store, Step::Replaced, file, document)
        .and_then(|()| sys::replace(&draft, &layout.info));
    replaced.inspect_err(|_| {
        let _ = sys::remove(&draft);
    })
}

/// Replaces the `.info` of a finished upload by one that says so.
pub(super) fn finished(
    store: &FileStore,
    layout: &Layout,
    document: &mut Document,
    upload: &Upload,
) -> io::Result<()> {
    document.update(upload);
    document.set_synced(store.durability.syncs(Step::Finished));
    again(store, layout, document)
}

/// Writes an `.info`, and syncs it if the step requires it.
pub(super) fn write(
    store: &FileStore,
    step: Step,
    file: sys::File,
    document: &Document,
) -> io::Result<()> {
    file.write_all(&document.to_json())?;
    if store.durability.syncs(step) {
        file.sync_all()?;
    }
    file.close()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::io::Errno;
    use tower_tus_layers::protocol::Length;

    use super::*;
    use crate::fs::sim::{Disk, Kind, Verdict};
    use crate::store::file::Durability;

    #[test]
    fn a_second_name_of_info_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::new(dir.path()).durability(Durability::None);
        let mut upload = Upload::new("a".parse().unwrap());
        let layout = Layout::new(dir.path(), &upload.id);
        let document = Document::of_files(&upload, &layout);
        fs::write(&layout.info, document.to_json()).unwrap();
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
        assert_eq!(fs::read(&layout.new).unwrap(), document.to_json());
        let files = dir.path().read_dir().unwrap();
        assert_eq!(files.count(), 3, "no draft is left");
    }

    #[test]
    fn the_first_info_replaces_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), &"a".parse().unwrap());
        for durability in [Durability::None, Durability::Offset] {
            let store = FileStore::new(dir.path()).durability(durability);
            fs::write(&layout.info, "the first one's").unwrap();
            fs::write(&layout.new, "the second one's").unwrap();
            let second = first(&store, &layout);
            assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&layout.info).unwrap(), b"the first one's");
            assert_eq!(fs::read(&layout.new).unwrap(), b"the second one's");
        }
    }

    #[test]
    fn a_draft_that_was_taken_for_a_leftover_is_written_again() {
        let disk = Disk::new();
        let store = FileStore::new(disk.root()).durability(Durability::None);
        let mut upload = Upload::new("a".parse().unwrap());
        let layout = Layout::new(disk.root(), &upload.id);
        let file = sys::File::create_new(&layout.info).unwrap();
        file.write_all(&Document::of_files(&upload, &layout).to_json())
            .unwrap();
        upload.length = Some(Length::from(5));
        let newer = Document::of_files(&upload, &layout);
        let mut renames = 0;
        disk.rule(move |call| match call.kind {
            Kind::Rename if renames == 0 => {
                renames += 1;
                Verdict::Fail(Errno::NOENT)
            }
            _ => Verdict::Pass,
        });
        again(&store, &layout, &newer).unwrap();
        assert_eq!(sys::read(&layout.info).unwrap().unwrap(), newer.to_json());
        assert_eq!(disk.files(), [std::path::Path::new("a.info")]);
    }

    #[test]
    fn an_info_that_another_request_holds_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::new(dir.path());
        let upload = Upload::new("a".parse().unwrap());
        let layout = Layout::new(dir.path(), &upload.id);
        fs::write(&layout.info, "as it is").unwrap();
        let held = claim::take(&layout.info).unwrap();
        let document = Document::of_files(&upload, &layout);
        let busy = again(&store, &layout, &document).unwrap_err();
        assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(fs::read(&layout.info).unwrap(), b"as it is");
        drop(held);
        again(&store, &layout, &document).unwrap();
    }
}
