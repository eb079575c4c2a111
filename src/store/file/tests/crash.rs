//! Crashes at every change, on simulated disks.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tower_tus_layers::protocol::UploadId;
use tower_tus_layers::store::Store;
use tower_tus_layers::store::conformance::crash::{self, Crashable, Promises};

use super::{Durability, FileStore};
use crate::fs::sim::{self, Disk, Image};
use crate::fs::sys;
use crate::store::file::leftover::is_random;

/// What happens to the server and its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crash {
    /// The process is killed.
    Kill,
    /// The power is cut.
    PowerCut,
    /// The process is killed, and later, after clients have asked for their
    /// uploads, the power is cut.
    KillThenPowerCut,
}

/// The number of states that are tried after each power cut. More of them take
/// longer: each is carried on to the end of all uploads.
const STATES: &str = "TOWER_TUS_STATES";
const FEW: usize = 2;

/// A store on a simulated disk.
struct Simulated {
    disk: Disk,
    durability: Durability,
    crash: Crash,
    /// The number of states after a power cut.
    states: usize,
}

/// A disk as it was found after a number of crashes.
struct Found {
    /// `None` while it is mounted. Only one is at a time.
    image: RefCell<Option<Image>>,
    crashes: u32,
}

impl Simulated {
    fn new(durability: Durability, crash: Crash) -> Self {
        let states = std::env::var(STATES).ok();
        Self {
            disk: Disk::new(),
            durability,
            crash,
            states: states.and_then(|it| it.parse().ok()).unwrap_or(FEW),
        }
    }

    /// Whether a file may be left that is somebody's for all anybody knows: bytes of
    /// which a power cut has lost the `.info` alone, since it did not have to be durable.
    fn may_stay(&self, name: &str) -> bool {
        let may_be_lost = self.crash != Crash::Kill && self.durability < Durability::Offset;
        let file = sys::look(&self.disk.root().join("new/uploads").join(name));
        let has_bytes = file.is_ok_and(|file| file.is_some_and(|file| file.len > 0));
        may_be_lost && has_bytes && name.parse().is_ok_and(|id| is_random(&id))
    }

    fn mount(&self, found: &Found) {
        if let Some(image) = found.image.borrow_mut().take() {
            self.disk.mount(&image);
        }
    }
}

impl Crashable for Simulated {
    type Storage = Found;

    fn empty(&self) -> Found {
        Found {
            image: RefCell::new(Some(Image::default())),
            crashes: 0,
        }
    }

    fn stop_after(&self, found: &Found, changes: u64) {
        self.mount(found);
        let changes = usize::try_from(changes).expect("cases are short");
        self.disk.stop_at(changes + 1);
    }

    fn has_stopped(&self, _: &Found) -> bool {
        self.disk.has_stopped()
    }

    fn open(&self, found: &Found) -> Arc<dyn Store> {
        self.mount(found);
        // Neither directory is there at first.
        let store = FileStore::new(self.disk.root().join("new/uploads"));
        let mut store = store.durability(self.durability);
        // Chunks are short here.
        store.stride = 3;
        // Nobody is just making what is found.
        store.grace = Duration::ZERO;
        Arc::new(store)
    }

    fn after_crash(&self, found: Found) -> Vec<(String, Found)> {
        self.mount(&found);
        let is_kill = match self.crash {
            Crash::Kill => true,
            Crash::PowerCut => false,
            Crash::KillThenPowerCut => found.crashes == 0,
        };
        let images = match is_kill {
            true => vec![("killed".to_owned(), self.disk.image())],
            false => {
                let cuts = self.disk.some_cuts(self.states).into_iter();
                cuts.map(|cut| (cut.to_string(), cut.image)).collect()
            }
        };
        let found = |image| Found {
            image: RefCell::new(Some(image)),
            crashes: found.crashes + 1,
        };
        let states = images.into_iter();
        states.map(|(name, image)| (name, found(image))).collect()
    }

    fn unowned(&self, _: &Found, uploads: &[UploadId]) -> Vec<String> {
        let files = self.disk.files().into_iter();
        let files = files.filter_map(|file| file.to_str().map(str::to_owned));
        files
            .filter(|file| {
                let name = file.strip_prefix("new/uploads/").unwrap_or(file);
                let id = name.strip_suffix(".info").or(name.strip_suffix(".chunk"));
                let id = id.unwrap_or(name);
                !uploads.iter().any(|upload| upload.as_str() == id) && !self.may_stay(name)
            })
            .collect()
    }

    fn promises(&self) -> Promises {
        match (self.crash, self.durability) {
            (Crash::Kill, _) | (_, Durability::Offset) => Promises::ALL,
            (_, Durability::None) => Promises::NONE,
            (_, Durability::Finish) => {
                let mut promises = Promises::NONE;
                promises.finished = true;
                promises.terminated = true;
                promises.chunks = true;
                promises
            }
        }
    }
}

/// Runs the whole suite, and counts.
fn keeps_its_promises(durability: Durability, crash: Crash) {
    let ran = sim::run(crash::run(&Simulated::new(durability, crash)));
    let crash::Ran {
        crashes,
        states,
        sweeps,
        ..
    } = ran;
    eprintln!(
        "{durability}, {crash:?}: {crashes} crash points, {states} states, {sweeps} crashes of clean-ups"
    );
    assert!(crashes > 500 && sweeps > 500, "{ran:?}");
}

macro_rules! keeps_its_promises {
    ($($name:ident: $durability:ident, $crash:ident;)*) => {
        $(
            #[test]
            fn $name() {
                keeps_its_promises(Durability::$durability, Crash::$crash);
            }
        )*
    };
}

keeps_its_promises! {
    durability_none_keeps_its_promises_in_a_kill: None, Kill;
    durability_finish_keeps_its_promises_in_a_kill: Finish, Kill;
    durability_offset_keeps_its_promises_in_a_kill: Offset, Kill;
    durability_none_keeps_its_promises_in_a_power_cut: None, PowerCut;
    durability_finish_keeps_its_promises_in_a_power_cut: Finish, PowerCut;
    durability_offset_keeps_its_promises_in_a_power_cut: Offset, PowerCut;
    durability_none_keeps_its_promises_in_a_kill_and_a_later_power_cut: None, KillThenPowerCut;
    durability_finish_keeps_its_promises_in_a_kill_and_a_later_power_cut: Finish, KillThenPowerCut;
    durability_offset_keeps_its_promises_in_a_kill_and_a_later_power_cut: Offset, KillThenPowerCut;
}
