//! Uploads whose bytes are not at their default place.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tower_tus_layers::protocol::UploadId;

use super::super::error::lacks_descriptors;
use super::super::info::Document;
use super::super::layout::Layout;
use super::super::place::{self, Place};
use super::super::sys::{self, Entries, Identity, Inode, Kind};
use super::super::walk::Budget;
use super::super::{FileStore, list};
use super::name::Name;

/// The most directories that are remembered.
const MOST_DIRS: usize = 1_000;

/// The most uploads that are remembered, in 8 bytes each.
const MOST_RECORDS: usize = 1_000_000;

/// How long records are good for one scan.
const FRESH: Duration = Duration::from_secs(600);

/// What scans have found of uploads whose bytes are not at their default place.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Elsewhere(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Directories in which bytes of uploads were found, so that their disk is known to
    /// be mounted while they are the same.
    dirs: BTreeMap<PathBuf, Identity>,
    records: Option<Records>,
}

impl Elsewhere {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that bytes of an upload are in this directory.
    pub(super) fn saw(&self, dir: &Path) {
        let Ok(identity) = sys::identity(dir) else {
            return;
        };
        let dirs = &mut self.known().dirs;
        if dirs.len() < MOST_DIRS || dirs.contains_key(dir) {
            dirs.insert(dir.to_owned(), identity);
        }
    }

    /// Whether what is missing from this directory is gone for good.
    pub(super) fn knows(&self, home: &Path, dir: &Path) -> bool {
        let Ok(found) = sys::identity(dir) else {
            return false;
        };
        let was_seen = self.known().dirs.get(dir) == Some(&found);
        was_seen || is_of_home(home, dir, &found)
    }

    /// Returns what the pages before this one have needed.
    pub(super) fn records(&self) -> Option<Records> {
        let records = self.known().records.take();
        records.filter(|it| it.since.elapsed() < FRESH)
    }

    pub(super) fn keep(&self, records: Option<Records>) {
        self.known().records = records;
    }
}

/// Whether a directory belongs to that of the store, and is on its disk. An empty one may
/// be where another disk is to be mounted.
fn is_of_home(home: &Path, dir: &Path, found: &Identity) -> bool {
    let is_inside = dir.strip_prefix(home).is_ok_and(|inside| {
        let inside = inside.to_str().unwrap_or("..");
        inside.is_empty() || inside.parse::<UploadId>().is_ok()
    });
    is_inside && sys::identity(home).is_ok_and(|home| home.is_on_disk_of(found)) && has_entries(dir)
}

fn has_entries(dir: &Path) -> bool {
    let mut has_entries = false;
    let Ok(Some(mut entries)) = Entries::open(dir) else {
        return false;
    };
    while !has_entries && entries.next(|_| has_entries = true).unwrap_or(false) {}
    has_entries
}

/// Which files are the bytes of an upload with another name, as a hook may have
/// chosen: without their `.info`, nothing else tells.
#[derive(Debug)]
pub(super) struct Records {
    since: Instant,
    /// Files that were changed since may have been recorded since.
    begin: SystemTime,
    /// Sorted.
    hashes: Vec<u64>,
    state: RandomState,
    /// Whether there are others, which could not be read or are too many.
    is_partial: bool,
}

impl Records {
    fn add(&mut self, inode: Option<Inode>) {
        let Some(inode) = inode else { return };
        self.is_partial |= self.hashes.len() == MOST_RECORDS;
        if !self.is_partial {
            self.hashes.push(self.state.hash_one(inode));
        }
    }

    /// Whether a file is certainly not the bytes of an upload.
    pub(super) fn exclude(&self, file: &Path, modified: Option<SystemTime>) -> io::Result<bool> {
        if self.is_partial || modified.is_none_or(|it| it >= self.begin) {
            return Ok(false);
        }
        let Some(inode) = sys::inode_at(file)? else {
            return Ok(false);
        };
        let hash = self.state.hash_one(inode);
        Ok(self.hashes.binary_search(&hash).is_err())
    }
}

/// A reading of all records, in any order.
#[derive(Debug)]
pub(super) struct Gathering {
    /// The directories that are read, each in the one before it, by their path below that
    /// of the store.
    levels: Vec<(String, Entries)>,
    has_begun: bool,
    records: Records,
}

impl Gathering {
    pub(super) fn new() -> Self {
        let records = Records {
            since: Instant::now(),
            begin: SystemTime::now(),
            hashes: Vec::new(),
            state: RandomState::new(),
            is_partial: false,
        };
        Self {
            levels: Vec::new(),
            has_begun: false,
            records,
        }
    }

    /// Goes on until the budget is spent. Returns whether all is read.
    pub(super) fn go_on(&mut self, store: &FileStore, budget: &mut Budget) -> io::Result<bool> {
        if !self.has_begun {
            self.has_begun = true;
            self.enter(store.dir(), String::new())?;
        }
        while let Some((path, entries)) = self.levels.last_mut() {
            if budget.is_spent() {
                return Ok(false);
            }
            budget.spend(1);
            let mut found = None;
            let has_more = entries.next(|entry| {
                let is_info = entry.name.ends_with(".info") || entry.name.ends_with(".new");
                let is_wanted = |kind| kind == Kind::Dir || kind == Kind::File && is_info;
                if entry.known_kind().is_none_or(is_wanted) {
                    found = entry
                        .kind()
                        .map(|kind| (format!("{path}{}", entry.name), kind));
                }
            })?;
            match found {
                Some((path, Kind::Dir)) if path.parse::<UploadId>().is_ok() => {
                    self.enter(store.dir(), path)?;
                }
                Some((path, Kind::File)) => {
                    budget.spend(list::LOOK);
                    self.add(store, &path)?;
                }
                _ if !has_more => drop(self.levels.pop()),
                _ => {}
            }
        }
        Ok(true)
    }

    fn enter(&mut self, dir: &Path, path: String) -> io::Result<()> {
        let (place, path) = match path.is_empty() {
            true => (dir.to_owned(), path),
            false => (dir.join(&path), format!("{path}/")),
        };
        match Entries::open(&place) {
            Ok(entries) => self.levels.extend(entries.map(|entries| (path, entries))),
            Err(error) if error.kind() == ErrorKind::PermissionDenied && !path.is_empty() => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn add(&mut self, store: &FileStore, path: &str) -> io::Result<()> {
        let Some(Name::Info(id) | Name::New(id)) = Name::of(path) else {
            return Ok(());
        };
        match elsewhere(store, &id, path.ends_with(".new")) {
            Ok(inode) => self.records.add(inode),
            Err(error) if lacks_descriptors(&error) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "bytes without a state are left out of the clean-up");
                self.records.is_partial = true;
            }
        }
        Ok(())
    }

    pub(super) fn end(mut self) -> Records {
        self.records.hashes.sort_unstable();
        self.records
    }
}

/// Returns the bytes of an upload, unless they are at their default place.
fn elsewhere(store: &FileStore, id: &UploadId, is_new: bool) -> io::Result<Option<Inode>> {
    let layout = Layout::new(store.dir(), id);
    // Saves reading nearly all.
    if !is_new && sys::look(&layout.data)?.is_some() {
        return Ok(None);
    }
    let file = if is_new { &layout.new } else { &layout.info };
    let Ok(document) = Document::parse(&sys::read(file)?.unwrap_or_default()) else {
        return Ok(None);
    };
    let data = match is_new {
        true => place::recorded(store, id, &layout, &document)?,
        false => match place::locate(store, id, layout, &document)? {
            Place::Found(located, _) => Some(located.data),
            Place::Gone(_) => None,
        },
    };
    data.map_or(Ok(None), |data| sys::inode_of(&data))
}
