//! Crashes at every change that a case makes.

use super::notes::Noted;
use super::play::{Play, Step};
use super::{Crashable, Promises, Ran};
use crate::suite::caught;

/// The maximum number of changes that a case may make.
const MOST: u64 = 10_000;

/// Runs a case with a crash at each of its changes, and with one after its end.
pub(super) async fn everywhere<C: Crashable>(
    subject: &C,
    ran: &mut Ran,
    case: impl AsyncFn(&mut Play<'_>) -> Step,
) {
    let cleans_up = subject.open(&subject.empty()).cleaner().is_some();
    let mut point = Point {
        subject,
        changes: 0,
        ran,
    };
    // The simple crashes come first, since the first failure is reported.
    while !point.crash_before_a_look(&case).await {
        point.changes += 1;
        assert!(point.changes < MOST, "the case has not ended");
    }
    for changes in 0..=point.changes {
        point.changes = changes;
        // Among the first changes are the repairs.
        for more in [1 + changes % 13, 14 + changes * 31 % 83] {
            point.crash_while_carried_on(&case, more).await;
        }
        if cleans_up {
            point.crash_while_swept(&case).await;
        }
    }
}

/// A moment at which the storage stops.
struct Point<'a, C> {
    subject: &'a C,
    /// The number of changes before it.
    changes: u64,
    ran: &'a mut Ran,
}

impl<C: Crashable> Point<'_, C> {
    /// Plays the case up to this moment, and returns whether it has ended.
    async fn play(
        &mut self,
        case: &impl AsyncFn(&mut Play<'_>) -> Step,
    ) -> (C::Storage, Vec<Noted>, bool) {
        self.ran.crashes += 1;
        let storage = self.subject.empty();
        self.subject.stop_after(&storage, self.changes);
        let has_stopped = || self.subject.has_stopped(&storage);
        let mut play = Play::new(self.subject.open(&storage), Vec::new(), &has_stopped);
        let played = caught(case(&mut play)).await;
        let played = played
            .unwrap_or_else(|message| panic!("stopped after {} changes: {message}", self.changes));
        let mut uploads = play.uploads;
        // Nobody knows a fresh id before it is answered.
        uploads.retain(|noted| !noted.plan.is_fresh() || noted.was_answered());
        (storage, uploads, played.is_ok())
    }

    /// Crashes again as soon as clients have asked for their uploads. Returns
    /// whether the case had ended before.
    async fn crash_before_a_look(&mut self, case: &impl AsyncFn(&mut Play<'_>) -> Step) -> bool {
        let (storage, uploads, has_ended) = self.play(case).await;
        let states = self.subject.after_crash(storage);
        // To carry on twice takes its time: a sample of all states has to do.
        for (number, (state, storage)) in (self.changes..).zip(states) {
            let next = match number % 4 {
                0 => Next::CarryOnTwice,
                _ => Next::CarryOn,
            };
            let crashed = self.crash_again(storage, uploads.clone(), 0, next).await;
            self.expect(&state, crashed);
        }
        has_ended
    }

    /// Crashes again in the middle of what clients do next, after `more`
    /// changes. Which of the many moments that is differs from point to point,
    /// and so does the state.
    async fn crash_while_carried_on(
        &mut self,
        case: &impl AsyncFn(&mut Play<'_>) -> Step,
        more: u64,
    ) {
        let (storage, uploads, _) = self.play(case).await;
        let mut states = self.subject.after_crash(storage);
        assert!(!states.is_empty(), "a crash leaves at least one state");
        let state = usize::try_from(self.changes + more).unwrap_or(0) % states.len();
        let (state, storage) = states.swap_remove(state);
        let next = Next::CarryOnTwice;
        let crashed = self.crash_again(storage, uploads, more, next).await;
        self.expect(&state, crashed);
    }

    /// Crashes again at each change of a clean-up, and after its end.
    async fn crash_while_swept(&mut self, case: &impl AsyncFn(&mut Play<'_>) -> Step) {
        for changes in 0.. {
            assert!(changes < MOST, "the clean-up has not ended");
            let (storage, uploads, _) = self.play(case).await;
            let mut states = self.subject.after_crash(storage);
            // One of them for each moment of the case.
            let state = usize::try_from(self.changes).unwrap_or(0) % states.len();
            let (state, storage) = states.swap_remove(state);
            let swept = caught(self.sweep_for(&storage, uploads, changes)).await;
            self.ran.sweeps += 1;
            let crashed = match swept {
                Ok((uploads, has_ended)) => {
                    let crashed = self.crash_after_sweep(storage, uploads, changes).await;
                    crashed.map(|()| has_ended)
                }
                Err(message) => Err(format!(": {message}")),
            };
            let has_ended = *crashed.as_ref().unwrap_or(&true);
            self.expect(&state, crashed.map(drop));
            if has_ended {
                break;
            }
        }
    }

    /// Cleans up until the storage stops after this number of changes. Returns whether
    /// it has not.
    async fn sweep_for(
        &self,
        storage: &C::Storage,
        uploads: Vec<Noted>,
        changes: u64,
    ) -> (Vec<Noted>, bool) {
        let has_stopped = || self.subject.has_stopped(storage);
        let play = Play::new(self.subject.open(storage), uploads, &has_stopped);
        self.subject.stop_after(storage, changes);
        let swept = play.sweep().await;
        (play.uploads, swept.is_ok())
    }

    async fn crash_after_sweep(
        &mut self,
        storage: C::Storage,
        uploads: Vec<Noted>,
        changes: u64,
    ) -> Result<(), String> {
        for (state, storage) in self.subject.after_crash(storage) {
            self.ran.states += 1;
            let next = self.go_on(&storage, uploads.clone(), Next::CarryOn);
            caught(next).await.map_err(|message| {
                format!(
                    ", stopped after {changes} changes of a clean-up, found as {state:?}: {message}"
                )
            })?;
        }
        Ok(())
    }

    fn expect(&self, state: &str, checked: Result<(), String>) {
        if let Err(message) = checked {
            let changes = self.changes;
            panic!("stopped after {changes} changes, found as {state:?}{message}");
        }
    }

    /// Checks a state after a crash, or carries on for some changes. Then crashes
    /// once more, and carries on to the end from there.
    async fn crash_again(
        &mut self,
        storage: C::Storage,
        uploads: Vec<Noted>,
        changes: u64,
        next: Next,
    ) -> Result<(), String> {
        self.ran.states += 1;
        let before = match changes {
            0 => Next::Look,
            changes => Next::CarryOnFor(changes),
        };
        let first = caught(self.go_on(&storage, uploads, before)).await;
        let uploads = first.map_err(|message| format!(": {message}"))?;
        for (state, storage) in self.subject.after_crash(storage) {
            self.ran.states += 1;
            let second = caught(self.go_on(&storage, uploads.clone(), next));
            second.await.map_err(|message| {
                format!(", stopped again after {changes} changes, found as {state:?}: {message}")
            })?;
        }
        Ok(())
    }

    /// Lets clients return after a crash.
    async fn go_on(&self, storage: &C::Storage, uploads: Vec<Noted>, next: Next) -> Vec<Noted> {
        let promises = self.subject.promises();
        let has_stopped = || self.subject.has_stopped(storage);
        let store = self.subject.open(storage);
        let mut play = Play::new(store, uploads, &has_stopped);
        if let Next::CarryOnFor(changes) = next {
            // Without a look: the repairs of the store are among these changes.
            self.subject.stop_after(storage, changes);
            let _: Step = play.carry_on_twice(promises).await;
            return play.uploads;
        }
        play.check(promises).await;
        play.look().await;
        if matches!(next, Next::CarryOn | Next::CarryOnTwice) {
            self.is_clean(storage, &play, promises).await;
        }
        let ended = match next {
            Next::CarryOn => play.carry_on(promises).await,
            Next::CarryOnTwice => play.carry_on_twice(promises).await,
            Next::Look | Next::CarryOnFor(_) => Ok(()),
        };
        assert!(ended.is_ok(), "the storage has stopped by itself");
        play.uploads
    }
}

impl<C: Crashable> Point<'_, C> {
    /// Cleans up, and checks that nothing is left, and no upload is touched.
    async fn is_clean(&self, storage: &C::Storage, play: &Play<'_>, promises: Promises) {
        let before = play.list().await;
        assert!(
            play.sweep().await.is_ok(),
            "the storage has stopped by itself"
        );
        play.check(promises).await;
        let Some(after) = play.list().await else {
            return;
        };
        assert_eq!(
            before,
            Some(after.clone()),
            "the clean-up has removed uploads"
        );
        let unowned = self.subject.unowned(storage, &after);
        assert!(unowned.is_empty(), "after a clean-up there is {unowned:?}");
    }
}

/// What clients do after a crash.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// They ask for their uploads.
    Look,
    /// They carry on twice, until the storage stops after this number of changes.
    CarryOnFor(u64),
    /// They ask for their uploads, and carry on to the end.
    CarryOn,
    /// Then they create the same uploads again.
    CarryOnTwice,
}
