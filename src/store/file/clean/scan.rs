//! Goes through all files.

use tower_tus_layers::protocol::Error;
use tower_tus_layers::store::{Leftover, LeftoverKind, LeftoverPage, LeftoverRequest};

use super::super::error::of_store;
use super::super::walk::{Budget, Names, Stop, Walk};
use super::super::{FileStore, list};
use super::elsewhere::{Gathering, Records};
use super::look::{Locks, look};

/// The number of files after which a page ends, however little it has found: so that
/// callers can show that it gets on, and stop it.
const SCANNED: usize = 100_000;

/// A page, and how far it is.
#[derive(Debug)]
pub(super) struct Scan {
    walk: Walk,
    limit: usize,
    page: LeftoverPage,
    /// How many files may follow.
    left: usize,
    last: Option<String>,
    gathering: Option<Gathering>,
    records: Option<Records>,
    is_done: bool,
}

impl Scan {
    pub(super) fn new(store: &FileStore, request: &LeftoverRequest) -> Self {
        let after = request.after.as_deref();
        let records = store.elsewhere.records().filter(|_| after.is_some());
        Self {
            walk: store.ahead.walk(store.dir(), Names::Files, "", after),
            limit: request.limit.clamp(1, list::MOST),
            page: LeftoverPage::default(),
            left: SCANNED,
            last: None,
            gathering: None,
            records,
            is_done: false,
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.is_done
    }

    /// Goes on until the budget of a step is spent.
    pub(super) fn go_on(mut self, store: &FileStore) -> Result<Self, Error> {
        let mut budget = Budget::new(list::STEP);
        while !self.is_done && !budget.is_spent() {
            if let Some(gathering) = &mut self.gathering {
                if gathering.go_on(store, &mut budget).map_err(of_store)? {
                    self.records = self.gathering.take().map(Gathering::end);
                }
                continue;
            }
            match self.walk.next(&mut budget).map_err(of_store)? {
                Stop::Name(name) if self.is_full() => {
                    self.walk.give_back(name);
                    self.is_done = true;
                    self.page.next = self.last.take();
                }
                Stop::Name(name) => {
                    budget.spend(list::LOOK);
                    self.add(store, name)?;
                }
                Stop::Pause => break,
                Stop::End => self.is_done = true,
            }
        }
        Ok(self)
    }

    fn is_full(&self) -> bool {
        self.page.leftovers.len() == self.limit || self.left == 0
    }

    fn add(&mut self, store: &FileStore, name: String) -> Result<(), Error> {
        if let Some(leftover) = find(store, &name)? {
            let may_be_bytes = matches!(leftover.kind, LeftoverKind::Empty | LeftoverKind::Orphan);
            let is_left = match &self.records {
                _ if !may_be_bytes => true,
                Some(records) => {
                    let file = store.dir().join(&name);
                    let excluded = records.exclude(&file, leftover.modified);
                    excluded.map_err(of_store)?
                }
                None => {
                    self.gathering = Some(Gathering::new());
                    self.walk.give_back(name);
                    return Ok(());
                }
            };
            if is_left {
                self.page.leftovers.push(leftover);
            }
        }
        self.left -= 1;
        self.last = Some(name);
        Ok(())
    }

    /// Returns the page, and keeps what the next one needs.
    pub(super) fn end(self, store: &FileStore) -> LeftoverPage {
        store.elsewhere.keep(self.records);
        if let Some(next) = &self.page.next {
            store.ahead.keep(self.walk, "", next);
        }
        self.page
    }
}

/// Looks at a file. One that cannot be looked at is left out.
fn find(store: &FileStore, name: &str) -> Result<Option<Leftover>, Error> {
    look(store, name, Locks::Others).or_else(|error| {
        let told = error.to_string();
        match of_store(error) {
            error @ (Error::StorageUnavailable(_) | Error::Busy(_)) => Err(error),
            _ => {
                tracing::warn!(error = told, "a file is left out of the clean-up");
                Ok(None)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::sim::Disk;
    use crate::fs::sys;

    #[test]
    fn a_page_ends_after_many_files_however_little_it_has_found() {
        let disk = Disk::new();
        for name in ["a.new", "b c", "c d", "d.new"] {
            sys::File::create_new(&disk.root().join(name)).unwrap();
        }
        let store = FileStore::new(disk.root());
        let (mut request, mut pages) = (LeftoverRequest::default(), Vec::new());
        loop {
            let mut scan = Scan::new(&store, &request);
            scan.left = 3;
            while !scan.is_done() {
                scan = scan.go_on(&store).unwrap();
            }
            let page = scan.end(&store);
            let names = page.leftovers.into_iter().map(|it| it.name);
            pages.push(names.collect::<Vec<_>>());
            let Some(next) = page.next else { break };
            request = request.after(next);
        }
        assert_eq!(pages, [["a.new"], ["d.new"]]);
    }
}
