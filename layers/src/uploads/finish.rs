use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Uploads;
use super::call::Answered;
use super::crew::Crew;
use crate::context::Derived;
use crate::events::{Unfinished, left_unfinished};
use crate::protocol::{Error, FinishState, Interrupt, Upload, UploadId};
use crate::store::ListRequest;

/// What a pass over the complete uploads has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FinishReport {
    /// Uploads that are finished now.
    pub finished: u64,
    /// Uploads that could not be finished, or are finals that still wait for parts.
    pub unfinished: u64,
    /// Uploads that were left alone since a request holds them.
    pub held: u64,
}

/// The report of a pass that is running.
#[derive(Debug, Default)]
struct Tally {
    finished: AtomicU64,
    unfinished: AtomicU64,
    held: AtomicU64,
}

impl Tally {
    fn report(&self) -> FinishReport {
        FinishReport {
            finished: self.finished.load(Ordering::Relaxed),
            unfinished: self.unfinished.load(Ordering::Relaxed),
            held: self.held.load(Ordering::Relaxed),
        }
    }
}

impl Uploads {
    /// Finishes complete uploads whose finish was never confirmed, for instance since
    /// the server was killed or a hook has failed: asks the gates again, with the hook
    /// `pre-finish`, and lets the store do its work, as a client's HEAD does. Finals
    /// that wait for parts are looked at, too.
    ///
    /// An upload that a request holds is left alone, and so is one that was rejected
    /// for good. One that could not be finished is asked for again after a second at
    /// the earliest, a time that doubles up to 10 minutes. Up to 8 uploads are asked
    /// for at once. Returns early at a shutdown.
    ///
    /// # Errors
    ///
    /// [`Error::NotImplemented`] if the store cannot list, and its errors while it
    /// lists. What fails for one upload is logged.
    pub async fn finish_pending(&self) -> Result<FinishReport, Error> {
        let ends = self.shutdown.interrupt();
        let (crew, tally) = (Crew::new(&self.shutdown), Arc::new(Tally::default()));
        let mut request = ListRequest::default();
        loop {
            let page = self.list(&request).await?;
            let due = page.uploads.into_iter().filter(|it| self.is_due(it));
            for upload in due {
                if ends.cause().is_some() {
                    break;
                }
                self.start_finish(&crew, &tally, upload.id).await;
            }
            match page.next {
                Some(next) if ends.cause().is_none() => request = request.after(next),
                _ => break,
            }
        }
        crew.ended().await;
        Ok(tally.report())
    }

    /// Asks again for the uploads that have waited long enough since they failed.
    pub(super) async fn finish_waiting(&self) {
        let ends = self.shutdown.interrupt();
        let (crew, tally) = (Crew::new(&self.shutdown), Arc::new(Tally::default()));
        for id in self.back_off.over(&self.clock) {
            if ends.cause().is_some() {
                break;
            }
            self.start_finish(&crew, &tally, id).await;
        }
        crew.ended().await;
    }

    /// Queues each upload that a client's request leaves unfinished. Never returns.
    pub(super) async fn notice(&self, mut left: Unfinished) {
        loop {
            let upload = left.next().await;
            self.ask_later(&upload);
        }
    }

    /// Asks for an upload again after the shortest wait, unless it waits already or was
    /// rejected for good.
    fn ask_later(&self, upload: &Upload) {
        if self.may_be_finished(upload) {
            self.back_off.begin(&upload.id, &self.clock);
        }
    }

    /// Whether an upload of a list is to be finished now.
    fn is_due(&self, upload: &Upload) -> bool {
        self.may_be_finished(upload) && self.back_off.is_over(&upload.id, &self.clock)
    }

    /// Whether an upload is complete but not finished, and not rejected for good.
    fn may_be_finished(&self, upload: &Upload) -> bool {
        match upload.finishing {
            Some(FinishState::Pending { attempts }) if upload.is_complete() => {
                self.finish_attempts == 0 || attempts < self.finish_attempts
            }
            _ => upload.is_pending(),
        }
    }

    async fn start_finish(&self, crew: &Crew, tally: &Arc<Tally>, id: UploadId) {
        let (this, tally) = (self.clone(), Arc::clone(tally));
        crew.start(async move {
            let counter = match this.finish(&id).await {
                Finish::Held => &tally.held,
                Finish::Done => &tally.finished,
                Finish::Due | Finish::Over => &tally.unfinished,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        })
        .await;
    }

    /// Finishes an upload, and notes when to ask again.
    async fn finish(&self, id: &UploadId) -> Finish {
        let finish = self.ask(id).await;
        match finish {
            Finish::Done | Finish::Over => self.back_off.forget(id),
            Finish::Due | Finish::Held => self.back_off.prolong(id, &self.clock),
        }
        finish
    }

    async fn ask(&self, id: &UploadId) -> Finish {
        let interrupt = self.shutdown.interrupt();
        let holder = Interrupt::clone(&interrupt);
        let answered = match self.locker.try_acquire(id, holder.clone()).await {
            Ok(Some(guard)) => {
                let head = Derived::Head(Some(id.clone()));
                let answered = self.call(head, id, holder).await;
                guard.release().await;
                answered
            }
            // Its request finishes it, or leaves it for later.
            Ok(None) => return Finish::Held,
            Err(error) => error.into(),
        };
        if let Some(error) = &answered.error
            // A gate that refuses does what it is there for.
            && error.status().is_server_error()
        {
            self.complaints
                .count("finishing an upload", Some(id), error);
        }
        let others = answered.outcome.iter().flat_map(|it| &it.others);
        for upload in others.flat_map(left_unfinished) {
            self.ask_later(upload);
        }
        self.judge(&answered)
    }

    fn judge(&self, answered: &Answered) -> Finish {
        match (&answered.outcome, &answered.error) {
            (Some(outcome), _) if self.may_be_finished(&outcome.upload) => Finish::Due,
            (Some(outcome), None) if outcome.upload.is_finished() => Finish::Done,
            (Some(_), _) | (None, Some(Error::NotFound | Error::UploadFailed)) => Finish::Over,
            (None, _) => Finish::Due,
        }
    }
}

/// How it went to finish an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finish {
    Done,
    /// It is to be asked for again.
    Due,
    /// It will never be finished, or is gone.
    Over,
    /// A request holds it.
    Held,
}
