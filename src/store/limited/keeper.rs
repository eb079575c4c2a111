//! Counts what is stored: at first, then now and then, and in case of doubt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Mutex, Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tower_tus_layers::protocol::Error;
use tower_tus_layers::store::ListRequest;

use super::ledger::{Ledger, busy};

/// Number of uploads in memory at once.
pub(super) const PAGE: usize = 1_000;

/// How long a request waits for the first count.
const PATIENCE: Duration = Duration::from_secs(5);

/// Least time between two counts.
const LEAST: Duration = Duration::from_secs(5);

/// Least time between two counts, in times of the last one: with a reason to count.
const REST: u32 = 20;

/// The same, without one.
const LONG_REST: u32 = 100;

/// Returns how long to rest after going through all uploads.
pub(super) fn rest_after(took: Duration) -> Duration {
    LEAST.max(took * REST)
}

/// The state of the counts.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    is_running: AtomicBool,
    /// Held while a count is in progress.
    counting: Mutex<()>,
    /// `None` until the first count, and its error until one succeeds.
    counted: watch::Sender<Option<Result<(), Error>>>,
    doubt: Arc<Notify>,
}

impl Keeper {
    /// Asks for another count soon.
    pub(super) fn doubt(&self) {
        self.doubt.notify_one();
    }
}

/// Clears a count that did not get to its end.
struct Scanning<'a>(&'a Ledger);

impl Drop for Scanning<'_> {
    fn drop(&mut self) {
        self.0.end_scan();
    }
}

impl Ledger {
    /// Waits a moment for the first count.
    pub(super) async fn is_counted(self: &Arc<Self>) -> Result<(), Error> {
        let mut counted = self.keeper.counted.subscribe();
        if let Some(Ok(())) = &*counted.borrow() {
            return Ok(());
        }
        self.keep();
        let first = timeout(PATIENCE, counted.wait_for(Option::is_some)).await;
        match first {
            Ok(Ok(result)) => result.clone().unwrap_or(Ok(())),
            Ok(Err(_)) | Err(_) => Err(busy("the stored uploads are still being counted")),
        }
    }

    /// Starts the task that counts, unless it runs.
    pub(super) fn keep(self: &Arc<Self>) {
        if !self.keeper.is_running.swap(true, Ordering::Relaxed) {
            tokio::spawn(keep(Arc::downgrade(self)));
        }
    }

    /// Counts what is stored.
    pub(super) async fn count(&self) -> Result<(), Error> {
        let _alone = self.keeper.counting.lock().await;
        let begun = Instant::now();
        let counted = self.scan().await;
        let is_first = !matches!(*self.keeper.counted.borrow(), Some(Ok(())));
        match &counted {
            Ok(counted) => report(counted, is_first, begun.elapsed()),
            Err(error) => tracing::warn!(%error, "the stored uploads could not be counted"),
        }
        let counted = counted.map(drop);
        if is_first {
            self.keeper.counted.send_replace(Some(counted.clone()));
        }
        counted
    }

    async fn scan(&self) -> Result<Counted, Error> {
        let lister = self.store.lister().ok_or(Error::NotImplemented)?;
        let _scanning = Scanning(self);
        self.begin_scan();
        let mut counted = Counted::default();
        let mut request = ListRequest::default().limit(PAGE);
        loop {
            let page = lister.list(&request).await?;
            for (id, error) in page.unreadable {
                if matches!(error, Error::Busy(_) | Error::StorageUnavailable(_)) {
                    return Err(error);
                }
                tracing::debug!(%id, %error, "an upload that cannot be read is not counted");
                counted.unreadable += 1;
            }
            counted.uploads += page.uploads.len() as u64;
            let claims = page.uploads.iter();
            let claims = claims.map(|upload| (upload.id.clone(), self.claim(upload)));
            let sums = self.add_page(claims.collect(), page.next.clone());
            if let Some((before, now)) = sums {
                (counted.before, counted.bytes) = (before, now);
                return Ok(counted);
            }
            let Some(next) = page.next else {
                return Err(Error::internal("a count was ended by another one"));
            };
            request = request.after(next);
        }
    }
}

/// The result of a count.
#[derive(Debug, Default)]
struct Counted {
    uploads: u64,
    unreadable: u64,
    bytes: u64,
    /// The bytes in the account before.
    before: u64,
}

fn report(counted: &Counted, is_first: bool, took: Duration) {
    let Counted {
        uploads,
        unreadable,
        bytes,
        before,
    } = *counted;
    match is_first {
        true => tracing::info!(uploads, bytes, unreadable, ?took, "UploadsCounted"),
        false if before != bytes => {
            tracing::info!(uploads, bytes, unreadable, before, ?took, "UploadsCounted");
        }
        false => tracing::debug!(uploads, bytes, unreadable, ?took, "UploadsCounted"),
    }
}

/// Counts until the last clone is gone.
async fn keep(ledger: Weak<Ledger>) {
    loop {
        let Some(kept) = ledger.upgrade() else {
            return;
        };
        let begun = Instant::now();
        let counted = kept.count().await;
        let took = begun.elapsed();
        let least = rest_after(took);
        let interval = kept.settings.interval.max(took * LONG_REST);
        let doubt = Arc::clone(&kept.keeper.doubt);
        drop(kept);
        sleep(least).await;
        if counted.is_ok() {
            let _ = timeout(interval.saturating_sub(least), doubt.notified()).await;
        }
    }
}
