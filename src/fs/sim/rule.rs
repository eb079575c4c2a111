//! Calls, and what becomes of them.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, path::Path};

use rustix::io::Errno;

/// A call to the disk.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Counted from 1 since the disk was mounted.
    pub(crate) number: usize,
    /// The number among the changes, if it is one.
    pub(crate) change: Option<usize>,
    pub(crate) kind: Kind,
    /// Relative to the root of the disk. For a rename or a link, the new name.
    pub(crate) path: Arc<Path>,
    /// Where the code asks for a sync.
    pub(super) place: Option<&'static Location<'static>>,
}

impl Call {
    /// Returns where the code asks for a sync, as `writer.rs: sync`: the file and
    /// the function.
    pub(crate) fn site(&self) -> Option<String> {
        self.place.map(place)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.path.display())?;
        match self.site() {
            Some(site) => write!(f, " ({site})"),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Open,
    OpenToWrite,
    Create,
    Stat,
    Mkdir,
    /// Reads the names in a directory.
    List,
    Rename,
    /// A rename that replaces nothing.
    RenameNew,
    Link,
    Unlink,
    Read,
    Write,
    /// The second half of a write. If it fails, the write is short.
    WriteOn,
    Truncate,
    Seek,
    Sync,
    SyncDir,
    Lock,
    Unlock,
    Close,
}

impl Kind {
    /// Whether the call makes a difference for those who come after a crash.
    pub(crate) const fn is_change(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Mkdir
                | Self::Rename
                | Self::RenameNew
                | Self::Link
                | Self::Unlink
                | Self::Write
                | Self::WriteOn
                | Self::Truncate
                | Self::Sync
                | Self::SyncDir
        )
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    Pass,
    /// It fails, and nothing happens. A sync drops what it should have written.
    Fail(Errno),
    /// It happens, and reports a failure all the same.
    PassThenFail(Errno),
    /// It does nothing, and reports success. For syncs.
    Lie,
    /// It fails, and so does every later call.
    Stop,
}

/// Decides about calls. The default lets all of them pass.
#[derive(Default)]
pub(super) struct Rule(Option<Box<dyn FnMut(&Call) -> Verdict + Send>>);

impl Rule {
    pub(super) fn new(decide: impl FnMut(&Call) -> Verdict + Send + 'static) -> Self {
        Self(Some(Box::new(decide)))
    }

    pub(super) fn decide(&mut self, call: &Call) -> Verdict {
        self.0.as_mut().map_or(Verdict::Pass, |decide| decide(call))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rule")
    }
}

fn place(location: &'static Location<'static>) -> String {
    static KNOWN: Mutex<BTreeMap<(&str, u32), String>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (location.file(), location.line());
    let place = known.entry(key).or_insert_with(|| look_up(location));
    place.clone()
}

fn look_up(location: &Location<'_>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(location.file());
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let text = fs::read_to_string(&path).unwrap_or_default();
    let lines: Vec<_> = text.lines().take(location.line() as usize).collect();
    let function = lines.iter().rev().find_map(|line| function(line));
    match function {
        Some(function) => format!("{file}: {function}"),
        None => format!("{file}: line {}", location.line()),
    }
}

/// Returns the name of the function that begins in this line.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.trim().split_once("fn ")?;
    let words = [
        "pub",
        "pub(crate)",
        "pub(super)",
        "pub(in",
        "const",
        "async",
    ];
    let is_item = before
        .split_whitespace()
        .all(|word| words.contains(&word) || word.ends_with(')'));
    let name = after.split(['(', '<']).next()?;
    is_item.then_some(name)
}
