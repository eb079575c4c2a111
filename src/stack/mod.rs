//! The stack: the order of the layers, in one place, and what can be set.
//!
//! | file | what it sets |
//! |---|---|
//! | `limits` | sizes, times and numbers |
//! | `policy` | who decides: access, gates, what clients may do |
//! | `places`, `next` | layers of your own, and the store |
//! | `checksum`, `concatenation`, `cors`, `download`, `expiration`, `hooks`, `metrics` | the feature of that name |
//! | `order` | the order of the layers |
//! | `uploads` | the handle on the uploads |

#[cfg(any(
    not(feature = "checksum"),
    not(feature = "concatenation"),
    not(feature = "cors"),
    not(feature = "download"),
    not(feature = "expiration"),
    not(feature = "hooks"),
    not(feature = "metrics"),
))]
mod absent;
#[cfg(feature = "checksum")]
mod checksum;
#[cfg(feature = "concatenation")]
mod concatenation;
#[cfg(feature = "cors")]
mod cors;
#[cfg(feature = "download")]
mod download;
#[cfg(feature = "expiration")]
mod expiration;
#[cfg(feature = "hooks")]
mod hooks;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
mod next;
mod order;
mod places;
mod policy;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use tower_tus_layers::base_url::BaseUrlLayer;
use tower_tus_layers::detach::DetachLayer;
use tower_tus_layers::gate::Gate;
use tower_tus_layers::idle_timeout::IdleTimeoutLayer;
use tower_tus_layers::lock::{Locker, MemoryLocker};
use tower_tus_layers::log::LogLayer;
use tower_tus_layers::protocol::Shutdown;
use tower_tus_layers::render::RenderLayer;
use tower_tus_layers::route::BasePath;
use tower_tus_layers::service::Core;
use tower_tus_layers::size_limit::SizeLimitLayer;
use tower_tus_layers::store::Store;

// Nothing can be set for a feature that is disabled.
#[cfg(not(feature = "checksum"))]
use self::absent::Absent as Checksums;
#[cfg(not(feature = "concatenation"))]
use self::absent::Absent as Concatenation;
#[cfg(not(feature = "cors"))]
use self::absent::Absent as Cors;
#[cfg(not(feature = "download"))]
use self::absent::Absent as Downloads;
#[cfg(not(feature = "expiration"))]
use self::absent::Absent as Expires;
#[cfg(not(feature = "hooks"))]
use self::absent::Absent as HookSettings;
#[cfg(not(feature = "metrics"))]
use self::absent::Absent as Metrics;
#[cfg(feature = "checksum")]
use self::checksum::Checksums;
#[cfg(feature = "concatenation")]
use self::concatenation::Concatenation;
#[cfg(feature = "cors")]
use self::cors::Cors;
#[cfg(feature = "download")]
use self::download::Downloads;
#[cfg(feature = "expiration")]
use self::expiration::Expires;
#[cfg(feature = "hooks")]
use self::hooks::HookSettings;
#[cfg(feature = "metrics")]
use self::metrics::Metrics;
pub use self::next::Next;
pub use self::places::FitsStack;
use self::places::Place;
use self::policy::{Allowed, Policy};

/// All layers in their order, and their settings.
///
/// A stack becomes a [`TusLayer`](crate::TusLayer), which mounts in front of another
/// service, or a [`TusService`](crate::TusService), which stands alone. Each request
/// passes these layers from the top down, and its response the other way:
///
/// ```text
///   layer_outside       layers of your own: outside all
///   Cors                lets pages of other origins upload; off by default
///   Detach              runs each request to its end, even if the client has gone
///   MethodOverride      lets a header name the method
///   Metrics             counts and measures; off by default
///   Log                 logs requests and what they did; off by default
///   BaseUrl             makes Location a whole URL; off by default
///   CachedHead          answers HEAD that a cache has turned into GET
///   Render              writes the text of errors
///   Version             checks and sets Tus-Resumable
///   Route               finds the upload of a path; 404, 405
///   Discovery           answers OPTIONS with what the layers inside announce
///   Interrupt           ends a body at a shutdown, or when another request waits
///   layer_before_lock   layers of your own: each request of a client, before the lock
///   Access              asks your policy; off by default
///   Expiration          tells when an upload expires, and refuses it then; off by default
///   SizeLimit           enforces the maximum size; off by default
///   CreationWithUpload  makes a POST with bytes a POST and a PATCH
///   Lock                runs one request at a time for each upload
///   Hooks               calls your hooks before and after; off by default
///   Events              tells subscribers; there with the handle on uploads
///   Gate                asks your gates; none by default
///   IdleTimeout         ends the body of a client that stalls; 60 seconds by default
///   Checksum            verifies bytes, or stores none of them
///   Concatenation       makes uploads of other uploads
///   Download            answers GET
///   layer_around_core   layers of your own: each single step, under the lock
///   Core                POST, HEAD, PATCH, DELETE
///   map_store           a store of your own around the store
/// ```
///
/// # Settings
///
/// A method sets something, and calling it again replaces what it has set. Whatever
/// can be left out has a method `without_…`, which takes it out whatever was set
/// before. Four methods add instead, each a further one inside those that are there:
/// [`add_gate`](Self::add_gate), [`layer_outside`](Self::layer_outside),
/// [`layer_before_lock`](Self::layer_before_lock) and
/// [`layer_around_core`](Self::layer_around_core); and
/// [`map_store`](Self::map_store) wraps the store that is there.
///
/// To reorder or replace layers, build a stack of your own with a
/// [`tower::ServiceBuilder`] from the layers in [`layers`](crate::layers), and hand
/// it to [`TusLayer::over`](crate::TusLayer::over) or
/// [`TusService::over`](crate::TusService::over).
///
/// ```
/// use std::time::Duration;
/// use tower_tus::{MemoryStore, Stack};
///
/// let service = Stack::new(MemoryStore::default())
///     .base_path("/uploads/")
///     .max_size(10 << 30)
///     .lock_timeout(Duration::from_secs(5))
///     .without_idle_timeout()
///     .into_service();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a stack does nothing until it is made into a layer or a service"]
pub struct Stack {
    core: Core,
    base_path: BasePath,
    metrics: Metrics,
    log: Option<LogLayer>,
    cors: Cors,
    detach: DetachLayer,
    base_url: Option<BaseUrlLayer>,
    render: RenderLayer,
    outside: Place,
    before_lock: Place,
    around_core: Place,
    access: Option<Policy>,
    expiration: Expires,
    size_limit: Option<SizeLimitLayer>,
    locker: Arc<dyn Locker>,
    lock_timeout: Duration,
    max_open_uploads: Option<usize>,
    hooks: HookSettings,
    gates: Vec<Arc<dyn Gate>>,
    idle_timeout: Option<IdleTimeoutLayer>,
    checksums: Checksums,
    download: Downloads,
    concatenation: Concatenation,
    allowed: Allowed,
    shutdown: Shutdown,
}

impl Stack {
    /// Creates a stack over `store`: uploads below `/files/`, locks in memory, neither
    /// hooks nor gates, no maximum size, and an idle timeout of 60 seconds.
    pub fn new(store: impl Store) -> Self {
        Self {
            core: Core::new(store),
            base_path: BasePath::default(),
            metrics: Metrics::default(),
            log: None,
            cors: Cors::default(),
            detach: DetachLayer::new(),
            base_url: None,
            render: RenderLayer::new(),
            outside: Place::default(),
            before_lock: Place::default(),
            around_core: Place::default(),
            access: None,
            expiration: Expires::default(),
            size_limit: None,
            locker: Arc::new(MemoryLocker::default()),
            lock_timeout: Duration::from_secs(20),
            max_open_uploads: None,
            hooks: HookSettings::default(),
            gates: Vec::new(),
            idle_timeout: Some(IdleTimeoutLayer::new(limits::IDLE_TIMEOUT)),
            checksums: Checksums::default(),
            download: Downloads::default(),
            concatenation: Concatenation::default(),
            allowed: Allowed::default(),
            shutdown: Shutdown::default(),
        }
    }

    /// Sets the path below which uploads live: `/files/` by default. `/` is every
    /// path.
    ///
    /// `Location` begins with it, so below a host that strips a prefix (axum's
    /// `nest_service`) this is the prefix.
    pub fn base_path(mut self, path: &str) -> Self {
        self.base_path = BasePath::new(path);
        self
    }

    /// Sets how the URL in `Location` is made, which has to lead to the base path. By
    /// default `Location` is a path.
    pub fn base_url(mut self, base_url: BaseUrlLayer) -> Self {
        self.base_url = Some(base_url);
        self
    }

    /// Makes `Location` a path, which is the default.
    pub fn without_base_url(mut self) -> Self {
        self.base_url = None;
        self
    }

    /// Sets how errors are written: as plain text, `CODE: message`, by default.
    ///
    /// ```
    /// use http::HeaderValue;
    /// use http::header::CONTENT_TYPE;
    /// use tower_tus::layers::render::RenderLayer;
    /// use tower_tus::{MemoryStore, Stack};
    ///
    /// let json = RenderLayer::with(|error, response| {
    ///     let body = serde_json::json!({ "code": error.code(), "message": error.to_string() });
    ///     let json = HeaderValue::from_static("application/json");
    ///     response.headers_mut().insert(CONTENT_TYPE, json);
    ///     *response.body_mut() = body.to_string().into();
    /// });
    /// let service = Stack::new(MemoryStore::default()).render(json).into_service();
    /// ```
    pub fn render(mut self, render: RenderLayer) -> Self {
        self.render = render;
        self
    }

    /// Logs each request and what it did, by [`tracing`]. Off by default.
    ///
    /// See [`log`](crate::layers::log) for the events.
    pub fn log(mut self) -> Self {
        self.log = Some(LogLayer::new());
        self
    }

    /// Logs no requests, which is the default.
    pub fn without_log(mut self) -> Self {
        self.log = None;
        self
    }

    /// Sets the locker: a [`MemoryLocker`] by default, which is right for one process.
    /// [`lock`](crate::lock) has those for several.
    pub fn locker(mut self, locker: impl Locker) -> Self {
        self.locker = Arc::new(locker);
        self
    }

    /// Sets how requests whose client has gone, or does not read its answer, are run
    /// to their end. The stack adds its [`shutdown`](Self::shutdown).
    pub fn detach(mut self, detach: DetachLayer) -> Self {
        self.detach = detach;
        self
    }

    /// Sets what ends running requests, and waits for them, when the server stops.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }
}
