use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Uploads;
use crate::pace::rest;
use crate::protocol::{Error, Task};
use crate::race::{both, first};

/// Minimum time between two looks at the uploads that wait to be finished.
const PAUSE: Duration = Duration::from_millis(100);

/// When the background work of [`Uploads::run`] is done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schedule {
    /// Time between two passes over all uploads in search of complete ones to
    /// [finish](Uploads::finish_pending): 10 minutes by default, `None` for never. The
    /// first pass begins at once.
    pub finish: Option<Duration>,
    /// Time between two passes in which uploads
    /// [expire](crate::uploads#expiration): `None` for never, which is the default.
    /// The first pass begins at once.
    pub expire: Option<Duration>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            finish: Some(Duration::from_secs(10 * 60)),
            expire: None,
        }
    }
}

impl Schedule {
    /// Sets the time between two passes that finish complete uploads.
    #[must_use]
    pub fn finish(mut self, interval: Duration) -> Self {
        self.finish = Some(interval);
        self
    }

    /// Finishes no uploads but those that clients ask for.
    #[must_use]
    pub fn without_finish(mut self) -> Self {
        self.finish = None;
        self
    }

    /// Sets the time between two passes that remove expired uploads.
    #[must_use]
    pub fn expire(mut self, interval: Duration) -> Self {
        self.expire = Some(interval);
        self
    }
}

impl Uploads {
    /// Does the background work until the [shutdown](Self::shutdown) begins: finishes
    /// complete uploads, and removes expired ones.
    ///
    /// A pass that takes more than a twentieth of its interval delays the next one, by up
    /// to an hour. Between the passes it retries uploads that could not be finished, whether
    /// a pass tried it or a client's request. It learns of such requests from the
    /// [events](Self::with_events). Failures are logged, those of one kind every 10 minutes
    /// at most. Nothing is done with a store that cannot list uploads.
    ///
    /// Cancel safe: dropping the future ends the work as a shutdown does.
    pub async fn run(&self, schedule: Schedule) {
        let finish = async {
            if let Some(interval) = schedule.finish {
                self.finish_until_shutdown(interval).await;
            }
        };
        let expire = async {
            if let Some(interval) = schedule.expire {
                self.expire_until_shutdown(interval).await;
            }
        };
        both(finish, expire).await;
    }

    async fn finish_until_shutdown(&self, interval: Duration) {
        let left = self.events.unfinished();
        first(self.finish_in_passes(interval), self.notice(left)).await;
    }

    async fn finish_in_passes(&self, interval: Duration) {
        let mut task = self.shutdown.task();
        // When the last pass ended, and how long to rest.
        let mut resting: Option<(Instant, Duration)> = None;
        loop {
            let begun = Instant::now();
            if resting.is_none_or(|(since, time)| since.elapsed() >= time) {
                match self.finish_pending().await {
                    Ok(report) if report.finished == 0 => {}
                    Ok(report) => tracing::info!(
                        finished = report.finished,
                        unfinished = report.unfinished,
                        held = report.held,
                        "CompleteUploadsFinished"
                    ),
                    Err(Error::NotImplemented) => return,
                    Err(error) => self.complaints.count("finishing uploads", None, &error),
                }
                resting = Some((Instant::now(), rest(interval, begun.elapsed())));
            } else {
                self.finish_waiting().await;
            }
            let left = |(since, time): (Instant, Duration)| time.saturating_sub(since.elapsed());
            let until_pass = resting.map_or(Duration::ZERO, left).max(PAUSE);
            let until_retry = self.back_off.next(&self.clock).unwrap_or(until_pass);
            let time = until_retry.max(PAUSE).min(until_pass);
            let noticed = async {
                self.back_off.begun().await;
                sleep(PAUSE).await;
                false
            };
            if first(has_begun_within(&mut task, time), noticed).await {
                return;
            }
        }
    }

    async fn expire_until_shutdown(&self, interval: Duration) {
        let mut task = self.shutdown.task();
        loop {
            let begun = Instant::now();
            match self.expire_once().await {
                Err(Error::NotImplemented) => return,
                Err(error) => self
                    .complaints
                    .count("removing expired uploads", None, &error),
                Ok(()) => {}
            }
            let time = rest(interval, begun.elapsed()).max(PAUSE);
            if has_begun_within(&mut task, time).await {
                return;
            }
        }
    }

    #[cfg(feature = "expiration")]
    async fn expire_once(&self) -> Result<(), Error> {
        let report = self.expire().await?;
        if report != super::ExpireReport::default() {
            tracing::info!(
                uploads = report.expired,
                bytes = report.bytes,
                held = report.held,
                failed = report.failed,
                "ExpiredUploadsRemoved"
            );
        }
        Ok(())
    }

    #[cfg(not(feature = "expiration"))]
    #[allow(clippy::unused_async, reason = "without the feature, nothing expires")]
    async fn expire_once(&self) -> Result<(), Error> {
        Err(Error::NotImplemented)
    }
}

/// Waits for the shutdown, but no longer than `time`. Returns whether it has begun.
async fn has_begun_within(task: &mut Task, time: Duration) -> bool {
    let begun = async {
        task.begun().await;
        true
    };
    let waited = async {
        sleep(time).await;
        false
    };
    first(begun, waited).await
}
