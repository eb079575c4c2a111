//! The suite finds every flaw, and none where there is none.

mod disk;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use self::disk::{Disk, Flaw};
use super::*;

/// What happens to the disk in a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crash {
    Kill,
    Cut,
}

struct Subject {
    flaw: Flaw,
    crash: Crash,
    promises: Promises,
}

impl Subject {
    const fn new(flaw: Flaw, crash: Crash) -> Self {
        let promises = Promises::ALL;
        Self {
            flaw,
            crash,
            promises,
        }
    }

    /// Runs the suite, and returns its report if a case has failed.
    fn run(&self) -> Result<Ran, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let run = || runtime.block_on(run(self));
        catch_unwind(AssertUnwindSafe(run)).map_err(|panic| *panic.downcast().unwrap())
    }
}

impl Crashable for Subject {
    type Storage = Disk;

    fn empty(&self) -> Disk {
        Disk::new(self.flaw)
    }

    fn stop_after(&self, disk: &Disk, changes: u64) {
        disk.stop_after(changes);
    }

    fn has_stopped(&self, disk: &Disk) -> bool {
        disk.has_stopped()
    }

    fn open(&self, disk: &Disk) -> Arc<dyn Store> {
        Arc::new(disk.clone())
    }

    fn after_crash(&self, disk: Disk) -> Vec<(String, Disk)> {
        match self.crash {
            Crash::Kill => vec![("killed".to_owned(), disk.kill())],
            Crash::Cut => disk.cut(),
        }
    }

    fn promises(&self) -> Promises {
        self.promises
    }
}

#[test]
fn a_sound_store_passes() {
    for crash in [Crash::Kill, Crash::Cut] {
        let ran = Subject::new(Flaw::Sound, crash).run().unwrap();
        assert!(
            ran.crashes > 300 && ran.states >= 2 * ran.crashes,
            "{ran:?}"
        );
    }
}

#[test]
fn every_flaw_is_found_and_named() {
    use Crash::{Cut, Kill};
    for (flaw, crash, case, message) in [
        (
            Flaw::ForgetsUploads,
            Cut,
            "an_upload_is_created",
            "a: its creation was answered, but none was found",
        ),
        (
            Flaw::ForgetsOffsets,
            Cut,
            "chunks_follow_each_other",
            "was answered",
        ),
        (
            Flaw::ForgetsLengths,
            Cut,
            "a_length_is_declared",
            "a: its length was declared, but is not known",
        ),
        (
            Flaw::ForgetsFinishes,
            Cut,
            "an_empty_upload_is_finished",
            "a: it was finished, but is not any more",
        ),
        (
            Flaw::RecordsAnswersLate,
            Kill,
            "an_upload_is_finished_with_an_answer",
            "a: the answer to its finish",
        ),
        (
            Flaw::ForgetsTerminations,
            Cut,
            "uploads_are_terminated",
            "a: it was terminated, but is there again",
        ),
        (Flaw::ShowsZeros, Cut, "chunks_follow_each_other", r"\0"),
        (
            Flaw::TearsAtomicChunks,
            Kill,
            "atomic_chunks_follow_each_other",
            "a: its offset is 2, within the atomic chunk 0..6",
        ),
        (
            Flaw::KeepsLeftovers,
            Kill,
            "chunks_follow_each_other",
            "a: its bytes are",
        ),
        (
            Flaw::TripsOverLeftovers,
            Kill,
            "chunks_follow_each_other",
            "a: an append failed",
        ),
        (
            Flaw::SticksIds,
            Kill,
            "an_upload_is_created",
            "a: the creation failed: UploadExists",
        ),
        (
            Flaw::TearsFinals,
            Kill,
            "complete_parts_are_concatenated",
            "whole: ",
        ),
        (
            Flaw::LosesFinishedBytes,
            Cut,
            "an_upload_is_finished",
            "was answered",
        ),
        (
            Flaw::TakesOverUnsynced,
            Cut,
            "an_upload_is_created",
            "a: its creation was answered, but none was found",
        ),
        (
            Flaw::LeavesRuins,
            Kill,
            "uploads_are_terminated",
            "cannot be opened",
        ),
    ] {
        let report = Subject::new(flaw, crash)
            .run()
            .expect_err("a flaw is found");
        let line = report
            .lines()
            .find(|line| line.trim().starts_with(&format!("{case}: ")));
        let line = line.unwrap_or_else(|| panic!("{flaw:?}: {case} has passed: {report}"));
        assert!(line.contains(message), "{flaw:?}: {report}");
        assert!(line.contains("stopped after "), "{flaw:?}: {report}");
    }
}

#[test]
fn what_is_not_promised_may_be_lost() {
    let lost = |flaw| {
        let promises = Promises::NONE;
        let subject = Subject {
            promises,
            ..Subject::new(flaw, Crash::Cut)
        };
        subject.run()
    };
    lost(Flaw::ForgetsAll).unwrap();
    lost(Flaw::LosesFinishedBytes).unwrap();
    // This is never promised, because it is always true.
    for flaw in [Flaw::ShowsZeros, Flaw::TearsAtomicChunks, Flaw::SticksIds] {
        assert!(lost(flaw).is_err(), "{flaw:?}");
    }
}
