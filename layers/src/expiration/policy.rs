use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::tombstones::Tombstones;
use crate::protocol::{Clock, Concat, Error, FinishState, Role, Upload, UploadId};
use crate::store::Store;

/// When uploads expire, and which ones were removed for it.
///
/// A clone is the same: it also knows the uploads that were removed. See the
/// [module docs](crate::expiration) for what expires when.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tower_tus_layers::expiration::Expiration;
/// use tower_tus_layers::protocol::Upload;
///
/// let expiration = Expiration::after(Duration::from_secs(60));
/// let mut upload = Upload::new("a".parse()?);
/// assert_eq!(expiration.expires(&upload), None, "nobody knows its age");
///
/// let begun = SystemTime::UNIX_EPOCH;
/// upload.created = Some(begun);
/// upload.modified = Some(begun + Duration::from_secs(5));
/// assert_eq!(expiration.expires(&upload), Some(begun + Duration::from_secs(65)));
/// let fixed = expiration.fixed();
/// assert_eq!(fixed.expires(&upload), Some(begun + Duration::from_secs(60)));
/// # Ok::<_, tower_tus_layers::protocol::InvalidUploadId>(())
/// ```
#[derive(Clone, Debug)]
pub struct Expiration {
    after: Duration,
    counts_from: CountsFrom,
    finished: Option<Duration>,
    finish_attempts: u32,
    clock: Clock,
    tombstones: Arc<Tombstones>,
}

/// Where the time of an unfinished upload begins.
#[derive(Clone, Copy, Debug)]
enum CountsFrom {
    LastActivity,
    Creation,
}

impl Expiration {
    /// Lets unfinished uploads expire this long after their last activity: their
    /// creation, or the last byte that arrived. Finished uploads never expire.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self {
            after: time,
            counts_from: CountsFrom::LastActivity,
            finished: None,
            finish_attempts: 10,
            clock: Clock::default(),
            tombstones: Arc::default(),
        }
    }

    /// Counts from the last activity of an upload, which is the default.
    #[must_use]
    pub fn sliding(mut self) -> Self {
        self.counts_from = CountsFrom::LastActivity;
        self
    }

    /// Counts from the creation of an upload, whether it is active or not. An upload
    /// whose creation nobody has recorded, such as one begun under tusd, still counts
    /// from its last activity.
    #[must_use]
    pub fn fixed(mut self) -> Self {
        self.counts_from = CountsFrom::Creation;
        self
    }

    /// Lets finished uploads expire too, this long after their last activity. By
    /// default they never do. Partials are not affected: finished or not, they expire
    /// like unfinished uploads.
    #[must_use]
    pub fn finished(mut self, time: Duration) -> Self {
        self.finished = Some(time);
        self
    }

    /// Sets how many refused attempts to finish an upload reject it for good: 10 by
    /// default, 0 means none do. Has to be the setting of the
    /// [core](crate::service::Core::finish_attempts); `tower_tus::Stack` sets it.
    ///
    /// A complete upload with attempts left never expires.
    #[must_use]
    pub fn finish_attempts(mut self, attempts: u32) -> Self {
        self.finish_attempts = attempts;
        self
    }

    /// Sets the clock: that of the system by default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the time of the clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Returns when an upload expires, or `None` if never. What other uploads need is
    /// not considered: see [`has_expired`](Self::has_expired).
    #[must_use]
    pub fn expires(&self, upload: &Upload) -> Option<SystemTime> {
        let from = match self.counts_from {
            CountsFrom::LastActivity => upload.last_activity(),
            CountsFrom::Creation => upload.created.or(upload.modified),
        };
        match upload.is_complete() {
            true if self.may_be_finished(upload) => None,
            // EXP-09
            true if upload.is_finished() && !upload.is_partial() => {
                upload.last_activity()?.checked_add(self.finished?)
            }
            _ => from?.checked_add(self.after),
        }
    }

    /// Returns whether an upload has expired and no other upload needs it: a pending
    /// final needs its parts, and is needed as long as one of them is not expired.
    ///
    /// Opens those other uploads, and only if the upload itself has expired. Cancel safe
    /// as far as [`Store::open`] is.
    ///
    /// # Errors
    ///
    /// The error of the store if one of them cannot be opened. The upload must then
    /// be kept.
    pub async fn has_expired(&self, store: &dyn Store, upload: &Upload) -> Result<bool, Error> {
        if !self.is_over(upload) {
            return Ok(false);
        }
        match upload.concat.as_ref().map(|concat| &concat.role) {
            Some(Role::Partial { awaited_by }) => {
                let awaits = |it: &Upload| is_pending_with(it, &upload.id);
                none(store, awaited_by, awaits).await
            }
            Some(Role::Final { parts, pending }) if *pending => {
                none(store, parts, |part| !self.is_over(part)).await
            }
            _ => Ok(true),
        }
    }

    /// Remembers that an upload was removed because it had expired: from now on its
    /// requests get 410 instead of 404. The last 10,000 are known, for a day.
    // EXP-07
    pub fn bury(&self, id: &UploadId) {
        self.tombstones.add(id, self.now());
    }

    /// Returns whether an upload is known to have been removed because it had expired.
    #[must_use]
    pub fn is_buried(&self, id: &UploadId) -> bool {
        self.tombstones.has(id, self.now())
    }

    /// Forgets an upload that was removed: its id is in use again, or still.
    pub(crate) fn unbury(&self, id: &UploadId) {
        self.tombstones.remove(id);
    }

    /// Whether the time of the upload is over, whoever else needs it.
    fn is_over(&self, upload: &Upload) -> bool {
        self.expires(upload).is_some_and(|at| at <= self.now())
    }

    /// Whether a complete upload is still to be finished. Its client has sent all of
    /// it, and must not lose it because a hook is down.
    fn may_be_finished(&self, upload: &Upload) -> bool {
        match upload.finishing {
            Some(FinishState::Pending { attempts }) => {
                self.finish_attempts == 0 || attempts < self.finish_attempts
            }
            _ => false,
        }
    }
}

/// Whether the upload is a final that waits for this part.
fn is_pending_with(upload: &Upload, part: &UploadId) -> bool {
    let concat = upload.concat.as_ref().filter(|concat| concat.is_pending());
    concat.map_or(&[][..], Concat::parts).contains(part)
}

/// Whether `is` holds for none of the uploads that exist.
async fn none(
    store: &dyn Store,
    uploads: &[UploadId],
    is: impl Fn(&Upload) -> bool,
) -> Result<bool, Error> {
    for id in uploads {
        match store.open(id).await {
            Ok(handle) if is(handle.info()) => return Ok(false),
            Ok(_) | Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
