//! A store with a quota: a limit on all uploads together, and one on those of each owner.
//!
//! [`Limited`] wraps any store that lists its uploads. What does not fit is refused, and
//! nothing is removed, unless an [eviction policy](Limited::evict_through) is set:
//!
//! | | too little room now | larger than the limit itself |
//! |---|---|---|
//! | a creation | 507, [`Error::InsufficientStorage`] | 413, [`Error::MaxSizeExceeded`] |
//! | bytes of an upload with a deferred length | 507; what fits is kept | 413; what fits is kept |
//!
//! # What is charged
//!
//! An upload is charged its length from its creation on, or what is stored of it while its
//! length is deferred. Each byte of such an upload is reserved before the store gets it, and
//! declaring the length reserves the rest. A final is charged all its bytes, besides
//! its parts, even where the store shares blocks between them: the parts may go. A
//! termination gives back what the upload was charged, and so does anything that fails.
//!
//! # The account
//!
//! The store itself is the account: what an upload is charged is a function of its stored
//! state. So the uploads are counted, page by page, when the first of them is created or
//! after [`start`](Limited::start). After a crash the account is what is stored, too.
//! Until the first count is complete, creations and deferred bytes wait for up to 5
//! seconds, and then fail with [`Error::Busy`]. Everything else works meanwhile.
//!
//! A task counts again [now and then](Limited::count_every), because others may change
//! the storage, and soon after a request that found it full, or was dropped half-way. Uploads
//! that change while they are counted are accounted for exactly. The task ends with the
//! last clone of the store. Only sums are kept in memory: one, and one for each owner
//! who has uploads.
//!
//! Several processes with one storage do not share an account: each finds out by its next
//! count what the others have stored.
//!
//! # Owners
//!
//! The owner has to follow from what is stored, so it comes from the metadata or the id. As
//! clients can send any metadata, let a gate or a `pre-create` hook set it:
//!
//! ```
//! use http::request::Parts;
//! use http::{Request, StatusCode};
//! use tower::ServiceExt;
//! use tower_tus::store::limited::{Limited, Owner};
//! use tower_tus::{Body, Error, Gate, MemoryStore, Metadata, NewUpload, Stack, async_trait};
//!
//! /// The user whom a layer outside has authenticated.
//! #[derive(Clone)]
//! struct User(&'static str);
//!
//! #[derive(Debug)]
//! struct SetOwner;
//!
//! #[async_trait]
//! impl Gate for SetOwner {
//!     async fn creating(&self, request: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
//!         let User(name) = request.extensions.get().ok_or(Error::AccessDenied)?;
//!         let sent = upload.metadata.iter().filter(|(key, _)| *key != "owner");
//!         let pairs = sent.chain([("owner", name.as_bytes())]);
//!         upload.metadata = Metadata::from_pairs(pairs).map_err(Error::internal)?;
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! const TOTAL: u64 = 100 << 30;
//! let store = Limited::new(MemoryStore::default())
//!     .total(TOTAL)
//!     .per_owner_key(1 << 30, "owner");
//! let service = Stack::new(store.clone())
//!     .max_size(TOTAL) // so that `Tus-Max-Size` tells it
//!     .add_gate(SetOwner)
//!     .into_service();
//!
//! for (length, status) in [
//!     (800 << 20, StatusCode::CREATED),
//!     (800 << 20, StatusCode::INSUFFICIENT_STORAGE),
//!     (2_u64 << 30, StatusCode::PAYLOAD_TOO_LARGE),
//! ] {
//!     let request = Request::post("/files/")
//!         .header("Tus-Resumable", "1.0.0")
//!         .header("Upload-Length", length)
//!         .header("Upload-Metadata", "owner Ym9i") // bob
//!         .extension(User("alice"))
//!         .body(Body::default())?;
//!     assert_eq!(service.clone().oneshot(request).await?.status(), status);
//! }
//! assert_eq!(store.usage().owners[&Owner::from("alice")], 800 << 20);
//! # Ok(())
//! # }
//! ```

mod capabilities;
mod charge;
mod evict;
mod growing;
mod handle;
mod keeper;
mod ledger;
mod limits;
mod metrics;
mod owner;
mod room;
mod scan;
mod store;
#[cfg(test)]
mod tests;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use tower_tus_layers::protocol::{Error, Upload};
use tower_tus_layers::store::Store;
use tower_tus_layers::uploads::Uploads;

use self::evict::Eviction;
use self::ledger::{Ledger, Settings};
use self::limits::{Limits, PerOwner};
use self::metrics::Gauges;

pub use self::evict::Evict;
pub use self::owner::Owner;
pub use self::usage::Usage;

/// Time between two counts of what is stored.
const INTERVAL: Duration = Duration::from_secs(60);

/// A store with a quota.
///
/// A clone is the same store.
///
/// See the [module docs](self) for an example.
#[derive(Clone, Debug)]
pub struct Limited {
    ledger: Arc<Ledger>,
}

impl Limited {
    /// Wraps a store, which has to list its uploads. There are no limits yet.
    ///
    /// # Panics
    ///
    /// If [`Store::lister`] returns `None`: what is stored could not be counted.
    #[must_use]
    #[track_caller]
    pub fn new(store: impl Store) -> Self {
        assert!(
            store.lister().is_some(),
            "a quota needs a store that lists its uploads: `Store::lister` of {store:?} returns `None`"
        );
        let settings = Settings {
            limits: Limits::default(),
            interval: INTERVAL,
            gauges: Gauges::default(),
        };
        Self::with(Arc::new(store), settings)
    }

    fn with(store: Arc<dyn Store>, settings: Settings) -> Self {
        let ledger = Arc::new(Ledger::new(store, settings));
        Self { ledger }
    }

    /// Changes a setting, and begins a new account.
    fn set(self, set: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.ledger.settings.clone();
        set(&mut settings);
        Self::with(Arc::clone(&self.ledger.store), settings)
    }

    /// Limits all uploads together to this many bytes.
    ///
    /// Pass the same number to `Stack::max_size`, or a smaller one, so that
    /// `Tus-Max-Size` tells it to clients.
    #[must_use]
    pub fn total(self, bytes: u64) -> Self {
        self.set(|settings| settings.limits.total = Some(bytes))
    }

    /// Limits the uploads of each owner to this many bytes together. `owner` finds out
    /// to whom an upload belongs; an upload of nobody only counts for the
    /// [total](Self::total).
    ///
    /// The account is made up from the stored uploads, so `owner` has to return the
    /// same for an upload that is new and when it is listed later: by its metadata or
    /// its id. What clients send is in the metadata, so have a hook or a gate set, or
    /// check, what `owner` looks at.
    #[must_use]
    pub fn per_owner<F>(self, bytes: u64, owner: F) -> Self
    where
        F: Fn(&Upload) -> Option<Owner> + Send + Sync + 'static,
    {
        let find = Arc::new(owner);
        self.set(|settings| settings.limits.per_owner = Some(PerOwner { bytes, find }))
    }

    /// Like [`per_owner`](Self::per_owner); the owner is the value of this key in the
    /// metadata.
    #[must_use]
    pub fn per_owner_key(self, bytes: u64, key: impl Into<String>) -> Self {
        let key = key.into();
        self.per_owner(bytes, move |upload| {
            let name = upload.metadata.get(&key)?;
            Some(Owner::from(String::from_utf8_lossy(name).into_owned()))
        })
    }

    /// Sets how often the store is counted again: every minute by default, but never
    /// so often that it takes more than a hundredth of the time.
    #[must_use]
    pub fn count_every(self, interval: Duration) -> Self {
        self.set(|settings| settings.interval = interval)
    }

    /// Registers the metrics `<prefix>_store_bytes_used` and `<prefix>_store_bytes_limit`
    /// with the recorder that is installed at this moment.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn metrics(self, prefix: &str) -> Self {
        self.set(|settings| settings.gauges = Gauges::new(prefix))
    }

    /// Removes uploads from now on to make room for others, instead of refusing those.
    ///
    /// `uploads` is the handle on the stack over this store. Uploads are removed with its
    /// [`remove_if`](Uploads::remove_if), so hooks, metrics and subscribers see each
    /// removal; the log has it as `UploadEvicted`. An upload that a request holds is never
    /// removed.
    ///
    /// The store does not keep the handle alive, since the handle has the store. Keep it
    /// as long as the service: once it is dropped, nothing is removed any more.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use tower_tus::store::limited::{Evict, Limited};
    /// use tower_tus::{MemoryStore, Stack};
    ///
    /// let store = Limited::new(MemoryStore::default()).total(100 << 30);
    /// let (service, uploads) = Stack::new(store.clone()).into_service_and_uploads();
    /// let uploads = Arc::new(uploads);
    /// store.evict_through(&uploads, Evict::OldestUnfinished);
    /// # drop(service);
    /// ```
    pub fn evict_through(&self, uploads: &Arc<Uploads>, evict: Evict) {
        self.ledger.evict_by(Eviction::new(evict, uploads));
    }

    /// Starts to count what is stored, instead of at the first creation. It has to run
    /// within a tokio runtime.
    pub fn start(&self) {
        self.ledger.keep();
    }

    /// Counts what is stored, and corrects the account. Cancel safe.
    ///
    /// # Errors
    ///
    /// The reason why the uploads could not be listed. The account is unchanged then.
    pub async fn count(&self) -> Result<Usage, Error> {
        self.ledger.count().await?;
        Ok(self.usage())
    }

    /// Returns the account: how many bytes are charged, and to whom. Before the
    /// first count it is not complete.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage::new(self.ledger.tally(), self.ledger.settings.limits.total)
    }
}
