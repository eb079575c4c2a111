//! Another server goes on.

use tower_tus_layers::protocol::Interrupt;
use tower_tus_layers::store::{Concatenator, Terminator};

use super::super::clean::{found, state_of, sweep, sweep_all};
use super::scene::{Played, Step};
use super::*;
use crate::store::object::keys::Keys;

/// How often a client begins again when something arrives in the middle of its request.
const ATTEMPTS: usize = 3;

/// What the other server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Takes the rest of the upload, and finishes it.
    GoOn,
    /// The same, after a sweep.
    Sweep,
    Terminate,
}

impl Next {
    /// Returns what may follow a fault.
    pub(super) const fn after(fault: Fault) -> &'static [Self] {
        match fault {
            Fault::CrashBefore | Fault::CrashAfter => &[Self::GoOn, Self::Sweep, Self::Terminate],
            // A sweep takes for left only what is too old to be on its way.
            Fault::CrashLate | Fault::Late => &[Self::GoOn, Self::Terminate],
            // The first server has done what it could.
            Fault::Lost
            | Fault::Unanswered
            | Fault::Slow
            | Fault::Twice
            | Fault::Busy
            | Fault::LostThenBusy => &[Self::GoOn],
        }
    }

    pub(super) async fn play(self, other: &Bucket, played: &Played) {
        match self {
            Self::GoOn => go_on(other, played).await,
            Self::Sweep => {
                let before = state_of(other, played.id()).await;
                sweep(&server(other)).await.unwrap();
                assert_eq!(state_of(other, played.id()).await, before);
                go_on(other, played).await;
            }
            Self::Terminate => terminate(other, played).await,
        }
    }

    /// Checks what is there at the end.
    pub(super) async fn check(self, bucket: &Bucket, played: &Played, failed: &str) {
        let opened = store(bucket).open(played.id()).await;
        let is_gone = matches!(opened, Err(Error::NotFound)) && played.is_terminated();
        let is_there = self != Self::Terminate && !is_gone;
        match is_there {
            true => {
                let found = store(bucket).open(played.id()).await.unwrap();
                assert!(found.info().is_finished(), "{:?}", found.info());
                let stored = bucket.bytes(played.id().as_str()).unwrap();
                assert!(stored == bytes(0, played.scene.length), "other bytes");
            }
            false => remove_what_came_too_late(bucket, played, failed).await,
        }
        sweep_all(bucket).await;
        let keys = bucket.keys().into_iter();
        let own: Vec<_> = keys
            .filter(|key| key.starts_with(played.id().as_str()))
            .collect();
        let (data, info) = (played.id().to_string(), Keys::new("", played.id()).info());
        assert_eq!(own, if is_there { vec![data, info] } else { vec![] });
        assert_eq!(bucket.multiparts_left(), 0);
    }
}

/// Returns the other server. Its parts end elsewhere than those of the first one.
fn server(other: &Bucket) -> ObjectStore {
    store(other).part_size(PART + 8 * KIB)
}

async fn go_on(other: &Bucket, played: &Played) {
    let mut answered = None;
    for _ in 0..ATTEMPTS {
        match request(other, played, &mut answered).await {
            Ok(()) => return,
            // Something has arrived in the middle.
            Err(Error::LockTimeout | Error::MismatchedOffset { .. }) => {}
            Err(Error::NotFound) if played.is_terminated() => return,
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("it was refused again and again");
}

/// Sends the rest of an upload, which may have to be created again.
async fn request(other: &Bucket, played: &Played, answered: &mut Option<u64>) -> Result<(), Error> {
    let (store, id) = (server(other), played.id());
    let mut handle = match store.open(id).await {
        // A late removal would remove another upload with this id.
        Err(Error::NotFound) if played.is_terminated() && played.is_late() => return Ok(()),
        Err(Error::NotFound) if answered.is_none() && played.may_be_absent() => {
            return again(&store, played, answered).await;
        }
        opened => opened?,
    };
    if handle.info().is_pending() {
        store.assemble(id, &Interrupt::default()).await?;
        handle = store.open(id).await?;
    }
    let offset = handle.info().offset.get();
    match *answered {
        None => assert!(played.may_be_at(offset), "{offset}"),
        Some(answered) => assert!(offset >= answered, "{offset} after {answered}"),
    }
    *answered = Some(offset);
    let rest = played.scene.length - offset;
    for len in [rest / 2, rest - rest / 2] {
        if len > 0 {
            let offset = patch(&mut *handle, len, WriteMode::Streaming).await?;
            *answered = Some(offset);
        }
    }
    handle.finish_and_record().await
}

/// Makes the request again that has failed.
async fn again(
    store: &ObjectStore,
    played: &Played,
    answered: &mut Option<u64>,
) -> Result<(), Error> {
    let asked = played.asked.clone();
    let made = match played.scene.step {
        Step::Concatenate(_) => store.concatenate(asked, &Interrupt::default()).await,
        _ => store.create(asked).await,
    };
    match made {
        Ok(made) => *answered = Some(made.info().offset.get()),
        // The late one was faster.
        Err(Error::UploadExists) => {}
        Err(error) => return Err(error),
    }
    Err(Error::LockTimeout)
}

async fn terminate(other: &Bucket, played: &Played) {
    for _ in 0..ATTEMPTS {
        match server(other).terminate(played.id()).await {
            Ok(()) => return,
            Err(Error::NotFound) if played.may_be_absent() => return,
            Err(Error::LockTimeout | Error::MismatchedOffset { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("it was refused again and again");
}

/// Removes what only an absent object could have refused, and what no sweep removes,
/// because it may be wanted: a new upload, and the object of an upload whose state
/// somebody may have removed.
async fn remove_what_came_too_late(bucket: &Bucket, played: &Played, failed: &str) {
    let (store, id) = (store(bucket), played.id());
    if failed == format!("put {}", Keys::new("", id).info()) && store.open(id).await.is_ok() {
        assert!(played.scene.step.creates());
        store.terminate(id).await.unwrap();
    }
    if failed == format!("put {id}") && bucket.bytes(id.as_str()).is_some() {
        let orphan = (id.to_string(), LeftoverKind::Orphan);
        assert!(found(&store).await.contains(&orphan));
        bucket.delete(id.as_str()).await.unwrap();
    }
}
