//! Goes through all names below the directory in their order, in bounded memory.
//!
//! No file system returns names in an order that lasts. So a directory is read as a
//! whole, and of the names after the last one the least are kept. A directory with more
//! names than that is read again when they are used up. The directories in it are
//! entered where their names come in the order.

use std::collections::BinaryHeap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tower_tus_layers::protocol::UploadId;

use super::sys::{self, Entries, Entry, Kind};

/// The most memory for names that are kept, in bytes: about 130,000 ids.
const WINDOW: usize = 8 << 20;

/// The least for each directory, however much those above it take.
const LEAST: usize = 64 << 10;

/// What a name takes beside its characters.
const OVERHEAD: usize = 32;

/// What opening a directory costs, in entries that are read.
const OPENING: usize = 10;

/// Which names a walk returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// The ids of all `.info` files.
    Ids,
    /// All regular files.
    Files,
}

/// How much a step may still do, in entries of a directory that are read.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    pub(super) const fn new(entries: usize) -> Self {
        Self(entries)
    }

    pub(super) fn spend(&mut self, entries: usize) {
        self.0 = self.0.saturating_sub(entries);
    }

    pub(super) const fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// Where a walk has stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// At the next name: a path below the directory of the store.
    Name(String),
    /// The budget is spent.
    Pause,
    End,
}

/// A walk through names in their order, byte by byte.
#[derive(Debug)]
pub(super) struct Walk {
    dir: PathBuf,
    names: Names,
    /// The directories that are being read, each in the one before it.
    levels: Vec<Level>,
    window: usize,
    least: usize,
    given_back: Option<String>,
}

impl Walk {
    /// Begins with the first name that begins with `prefix` and is greater than `after`.
    pub(super) fn new(dir: PathBuf, names: Names, prefix: &str, after: Option<&str>) -> Self {
        let mut walk = Self {
            dir,
            names,
            levels: Vec::new(),
            window: WINDOW,
            least: LEAST,
            given_back: None,
        };
        // The directories above the prefix need not be read.
        let end = prefix.rfind('/').map_or(0, |slash| slash + 1);
        let (path, rest) = prefix.split_at(end);
        let inside = after.and_then(|after| after.strip_prefix(path));
        let may_follow = inside.is_some() || after.is_none_or(|after| path > after);
        if may_follow && walk.is_directory(path) {
            walk.levels.push(Level::new(path.into(), rest, inside));
        }
        walk
    }

    /// Whether a path leads to a directory of uploads. It is empty or ends with a slash.
    fn is_directory(&self, path: &str) -> bool {
        let Some(path) = path.strip_suffix('/') else {
            return true;
        };
        let is_dir = |path: &str| matches!(sys::kind_at(&self.dir.join(path)), Ok(Some(Kind::Dir)));
        let mut above = path.match_indices('/').map(|(end, _)| &path[..end]);
        is_id(path) && above.all(is_dir) && is_dir(path)
    }

    pub(super) const fn names(&self) -> Names {
        self.names
    }

    /// Lets the next call return this name again.
    pub(super) fn give_back(&mut self, name: String) {
        self.given_back = Some(name);
    }

    /// Goes on to the next name. One that is created or removed meanwhile may be
    /// returned or not.
    ///
    /// # Errors
    ///
    /// The reason why a directory could not be read. One below that of the store is left
    /// out if it may not be read.
    pub(super) fn next(&mut self, budget: &mut Budget) -> io::Result<Stop> {
        if let Some(name) = self.given_back.take() {
            return Ok(Stop::Name(name));
        }
        loop {
            let Some(level) = self.levels.last_mut() else {
                return Ok(Stop::End);
            };
            match level.pop() {
                Some(Found::File(path)) => return Ok(Stop::Name(path)),
                Some(Found::Dir(level)) => self.levels.push(*level),
                None if level.is_whole => drop(self.levels.pop()),
                None if budget.is_spent() => return Ok(Stop::Pause),
                None => self.read(budget)?,
            }
        }
    }

    /// Reads the innermost directory, or a part of it.
    fn read(&mut self, budget: &mut Budget) -> io::Result<()> {
        let taken: usize = self.levels.iter().map(|level| level.bytes).sum();
        let room = self.window.saturating_sub(taken).max(self.least);
        let Some(level) = self.levels.last_mut() else {
            return Ok(());
        };
        let read = level.read(&self.dir, self.names, room, budget);
        read.or_else(|error| match error.kind() {
            ErrorKind::PermissionDenied if !level.path.is_empty() => {
                tracing::debug!(%error, "a directory is left out");
                level.is_whole = true;
                Ok(())
            }
            _ => Err(error),
        })
    }
}

fn is_id(path: &str) -> bool {
    path.parse::<UploadId>().is_ok()
}

/// A directory on the way.
#[derive(Debug)]
struct Level {
    /// Below the directory of the store: empty, or with a slash at the end.
    path: String,
    /// What the names in here begin with.
    prefix: String,
    /// After what the walk begins in here.
    after: Option<String>,
    /// The last name that was returned.
    last: Option<Box<str>>,
    /// The names that come next, the first of them at the end. Those of directories
    /// end with a slash.
    names: Vec<Box<str>>,
    /// What the names take.
    bytes: usize,
    reading: Option<Reading>,
    /// Whether no names follow these.
    is_whole: bool,
}

enum Found {
    File(String),
    Dir(Box<Level>),
}

impl Level {
    fn new(path: String, prefix: &str, after: Option<&str>) -> Self {
        Self {
            path,
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            last: None,
            names: Vec::new(),
            bytes: 0,
            reading: None,
            is_whole: false,
        }
    }

    fn pop(&mut self) -> Option<Found> {
        let name = self.names.pop()?;
        self.bytes -= cost(&name);
        let path = format!("{}{name}", self.path);
        let found = match name.ends_with('/') {
            true => {
                let prefix = self.prefix.strip_prefix(&*name).unwrap_or("");
                let after = self.after.as_deref();
                let after = after.and_then(|after| after.strip_prefix(&*name));
                Found::Dir(Box::new(Self::new(path, prefix, after)))
            }
            false => Found::File(path),
        };
        self.last = Some(name);
        Some(found)
    }

    fn path_in(&self, dir: &Path) -> PathBuf {
        match self.path.strip_suffix('/') {
            Some(path) => dir.join(path),
            None => dir.to_owned(),
        }
    }

    /// Reads the directory until the budget is spent, or its end is reached, and the
    /// names that come next are known.
    fn read(
        &mut self,
        dir: &Path,
        names: Names,
        room: usize,
        budget: &mut Budget,
    ) -> io::Result<()> {
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => {
                budget.spend(OPENING);
                let Some(entries) = Entries::open(&self.path_in(dir))? else {
                    self.is_whole = true;
                    return Ok(());
                };
                Reading::new(entries, room)
            }
        };
        let Reading { entries, least } = &mut reading;
        while entries.next(|entry| self.offer(least, names, &entry))? {
            budget.spend(1);
            if budget.is_spent() {
                self.reading = Some(reading);
                return Ok(());
            }
        }
        self.is_whole = !reading.least.has_left_out;
        self.names = reading.least.into_names();
        self.bytes = self.names.iter().map(|name| cost(name)).sum();
        Ok(())
    }

    /// Keeps an entry if it is wanted, and among the next ones.
    fn offer(&self, least: &mut Least, names: Names, entry: &Entry<'_>) {
        let name = match names {
            Names::Ids => entry.name.strip_suffix(".info"),
            Names::Files => Some(entry.name),
        };
        let is_file =
            |name: &&str| self.wants(name) && least.takes(name) && entry.kind() == Some(Kind::File);
        if let Some(name) = name.filter(is_file) {
            return least.keep(name.into());
        }
        let is_dir = entry.known_kind().is_none_or(|kind| kind == Kind::Dir);
        if is_dir && is_id(entry.name) && entry.kind() == Some(Kind::Dir) {
            let name = format!("{}/", entry.name);
            if self.wants_some_of(&name) && least.takes(&name) {
                least.keep(name.into());
            }
        }
    }

    fn wants(&self, name: &str) -> bool {
        let after = self.last.as_deref().or(self.after.as_deref());
        name.starts_with(&self.prefix) && after.is_none_or(|after| name > after)
    }

    /// Whether a directory may have names that are wanted.
    fn wants_some_of(&self, name: &str) -> bool {
        let leads_to = |text: &str| text.starts_with(name);
        let may_follow = match (&self.last, &self.after) {
            (Some(last), _) => name > &**last,
            (None, Some(after)) => name > after.as_str() || leads_to(after),
            (None, None) => true,
        };
        may_follow && (name.starts_with(&self.prefix) || leads_to(&self.prefix))
    }
}

/// A directory that is read, and what was found in it so far.
#[derive(Debug)]
struct Reading {
    entries: Entries,
    least: Least,
}

impl Reading {
    const fn new(entries: Entries, room: usize) -> Self {
        let least = Least {
            names: BinaryHeap::new(),
            bytes: 0,
            room,
            has_left_out: false,
        };
        Self { entries, least }
    }
}

/// The least names, as many as there is room for.
#[derive(Debug)]
struct Least {
    names: BinaryHeap<Box<str>>,
    bytes: usize,
    room: usize,
    has_left_out: bool,
}

impl Least {
    /// Whether a name is less than one that was left out.
    fn takes(&self, name: &str) -> bool {
        let greatest = self.names.peek().filter(|_| self.has_left_out);
        greatest.is_none_or(|greatest| name < &**greatest)
    }

    fn keep(&mut self, name: Box<str>) {
        self.bytes += cost(&name);
        self.names.push(name);
        while self.bytes > self.room && self.names.len() > 1 {
            self.bytes -= self.names.pop().map_or(0, |greatest| cost(&greatest));
            self.has_left_out = true;
        }
    }

    /// Returns the names, the first one at the end.
    fn into_names(self) -> Vec<Box<str>> {
        let mut names = self.names.into_sorted_vec();
        // Of a directory that changes, a name may be read twice.
        names.dedup();
        names.reverse();
        names
    }
}

const fn cost(name: &str) -> usize {
    name.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// All names from here on, with a budget for this many entries at once.
    fn rest(walk: &mut Walk, entries: usize) -> Vec<String> {
        let (mut found, mut pauses) = (Vec::new(), 0);
        loop {
            match walk.next(&mut Budget::new(entries)).unwrap() {
                Stop::Name(name) => found.push(name),
                Stop::Pause if pauses < 1_000_000 => pauses += 1,
                Stop::Pause => panic!("it does not get on"),
                Stop::End => return found,
            }
        }
    }

    fn dir(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        dir
    }

    fn ids(dir: &Path, prefix: &str, after: Option<&str>) -> Vec<String> {
        let mut walk = Walk::new(dir.into(), Names::Ids, prefix, after);
        rest(&mut walk, usize::MAX)
    }

    /// Their order is not that of names in each directory.
    const IDS: [&str; 8] = ["a!", "a+/x", "a-b", "a/b", "a/c/d", "a0", "b", "c/a"];

    #[test]
    fn ids_come_in_the_order_of_their_bytes_whatever_directories_they_are_in() {
        let files = IDS.map(|id| format!("{id}.info"));
        let dir = dir(&files.each_ref().map(String::as_str));
        assert_eq!(ids(dir.path(), "", None), IDS);
        for (at, id) in IDS.iter().enumerate() {
            assert_eq!(ids(dir.path(), "", Some(id)), IDS[at + 1..], "after {id}");
        }
        for after in ["", "a", "a+", "a/", "a/c", "a/c/", "a/c/z", "c", "c/b", "d"] {
            let expected = IDS.iter().copied().filter(|id| *id > after);
            let expected: Vec<_> = expected.collect();
            assert_eq!(ids(dir.path(), "", Some(after)), expected, "after {after}");
        }
        for prefix in [
            "a", "a/", "a/c", "a/c/", "a/c/d", "a/x", "c/", "x/y", "a+/x",
        ] {
            for after in [None, Some("a-b"), Some("a/b"), Some("a/c/d"), Some("z")] {
                let follows = |id: &&str| after.is_none_or(|after| *id > after);
                let expected = IDS.iter().copied().filter(|id| id.starts_with(prefix));
                let expected: Vec<_> = expected.filter(follows).collect();
                let found = ids(dir.path(), prefix, after);
                assert_eq!(found, expected, "{prefix} after {after:?}");
            }
        }
    }

    #[test]
    fn a_directory_with_more_names_than_are_kept_is_read_again() {
        let names: Vec<_> = (0..300)
            .map(|n| format!("{:03}.info", n * 7 % 300))
            .collect();
        let dir = dir(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let expected: Vec<_> = (0..300).map(|n| format!("{n:03}")).collect();
        for (room, entries) in [
            (1, 1_000),
            (700, 1_000),
            (700, 11),
            (9_000, 40),
            (WINDOW, 1),
        ] {
            let mut walk = Walk::new(dir.path().into(), Names::Ids, "", None);
            walk.window = room;
            walk.least = 1;
            assert_eq!(rest(&mut walk, entries), expected, "{room}, {entries}");
        }
    }

    #[test]
    fn no_more_memory_is_used_than_the_window() {
        let names: Vec<_> = (0..500).map(|n| format!("{n:03}/{n:03}.info")).collect();
        let dir = dir(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut walk = Walk::new(dir.path().into(), Names::Ids, "", None);
        (walk.window, walk.least) = (1_000, 100);
        let mut number = 0;
        while let Stop::Name(_) = walk.next(&mut Budget::new(usize::MAX)).unwrap() {
            number += 1;
            let bytes: usize = walk.levels.iter().map(|level| level.bytes).sum();
            assert!(bytes <= 1_100, "{bytes}");
        }
        assert_eq!(number, 500);
    }

    #[test]
    fn only_files_and_directories_of_ids_count_and_no_links() {
        use std::os::unix::fs::symlink;
        let dir = dir(&["a.info", "b.lock/x.info", "c", "d e/x.info", "f.info/x"]);
        symlink(dir.path(), dir.path().join("loop")).unwrap();
        symlink(dir.path().join("a.info"), dir.path().join("link.info")).unwrap();
        assert_eq!(ids(dir.path(), "", None), ["a"]);
        for prefix in ["loop/", "../", "/", "./", "d e/", "a.info/", "loop/a"] {
            assert!(ids(dir.path(), prefix, None).is_empty(), "{prefix}");
        }
        let mut files = Walk::new(dir.path().into(), Names::Files, "", None);
        assert_eq!(rest(&mut files, 1), ["a.info", "c"]);
        assert!(ids(&dir.path().join("gone"), "", None).is_empty());
    }

    #[test]
    fn a_directory_that_goes_meanwhile_is_left_out() {
        let dir = dir(&["a.info", "b/x.info", "c.info"]);
        let mut walk = Walk::new(dir.path().into(), Names::Ids, "", None);
        let first = walk.next(&mut Budget::new(usize::MAX)).unwrap();
        assert_eq!(first, Stop::Name("a".to_owned()));
        fs::remove_dir_all(dir.path().join("b")).unwrap();
        assert_eq!(rest(&mut walk, 1), ["c"]);
    }
}
