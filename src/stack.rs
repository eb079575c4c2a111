//! The stack: the order of the layers, in one place.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, Response};
use tower::ServiceBuilder;
use tower::util::{BoxCloneSyncService, option_layer};
use tower_tus_layers::base_url::BaseUrlLayer;
use tower_tus_layers::cached_head::CachedHeadLayer;
#[cfg(feature = "checksum")]
use tower_tus_layers::checksum::{Algorithms, ChecksumLayer};
#[cfg(feature = "concatenation")]
use tower_tus_layers::concatenation::ConcatenationLayer;
#[cfg(feature = "cors")]
use tower_tus_layers::cors::CorsLayer;
use tower_tus_layers::creation_with_upload::CreationWithUploadLayer;
use tower_tus_layers::detach::DetachLayer;
use tower_tus_layers::discovery::DiscoveryLayer;
#[cfg(feature = "download")]
use tower_tus_layers::download::DownloadLayer;
use tower_tus_layers::gate::Gate;
use tower_tus_layers::gate::GateLayer;
#[cfg(feature = "hooks")]
use tower_tus_layers::hooks::HooksLayer;
#[cfg(feature = "hooks")]
use tower_tus_layers::hooks::{HookKinds, Hooks};
use tower_tus_layers::idle_timeout::IdleTimeoutLayer;
use tower_tus_layers::interrupt::InterruptLayer;
use tower_tus_layers::lock::LockLayer;
use tower_tus_layers::lock::{Locker, MemoryLocker};
use tower_tus_layers::log::LogLayer;
use tower_tus_layers::method_override::MethodOverrideLayer;
#[cfg(all(feature = "hooks", feature = "metrics"))]
use tower_tus_layers::metrics::TimedHooks;
#[cfg(feature = "metrics")]
use tower_tus_layers::metrics::{MetricsLayer, TimedLocker, TimedStore};
use tower_tus_layers::protocol::{Body, Shutdown};
use tower_tus_layers::render::RenderLayer;
use tower_tus_layers::route::{BasePath, RouteLayer};
use tower_tus_layers::service::Core;
use tower_tus_layers::size_limit::SizeLimitLayer;
use tower_tus_layers::store::Store;
use tower_tus_layers::version::VersionLayer;

// A layer whose feature is disabled does nothing.
#[cfg(not(feature = "checksum"))]
use tower_layer::Identity as ChecksumLayer;
#[cfg(not(feature = "concatenation"))]
use tower_layer::Identity as ConcatenationLayer;
#[cfg(not(feature = "cors"))]
use tower_layer::Identity as CorsLayer;
#[cfg(not(feature = "download"))]
use tower_layer::Identity as DownloadLayer;
#[cfg(not(feature = "hooks"))]
use tower_layer::Identity as HooksLayer;
#[cfg(not(feature = "metrics"))]
use tower_layer::Identity as MetricsLayer;

use crate::mount::host::{Mounting, Urls};
use crate::{TusLayer, TusService};

/// All layers in their order, and the few things that can be set.
///
/// From a stack comes a [`TusLayer`], which mounts in front of another service,
/// or a [`TusService`], which stands alone. Each request passes these, from
/// the top down, and its response the other way:
///
/// ```text
///   Cors                which pages of other origins may upload, if set
///   Detach              runs it to its end, also when the client has gone
///   MethodOverride      a header says what the method is
///   Metrics             counts and measures; off unless set
///   Log                 logs what requests do; off unless set
///   BaseUrl             the URL that clients see, if set
///   CachedHead          HEAD that a cache has turned into GET
///   Render              writes the text of errors
///   Version             Tus-Resumable
///   Route               path -> upload; 404, 405
///   Discovery           OPTIONS: what all the layers inside announce
///   Interrupt           ends its body at shutdown, or when somebody else waits
///   SizeLimit           nothing passes the maximum, where there is one
///   CreationWithUpload  a POST with bytes becomes a POST and a PATCH
///   Lock                one request at a time for each upload
///   Hooks               asks before, and tells after, if set
///   Gates               yours
///   IdleTimeout         a client that stalls is waited for only so long
///   Checksum            bytes are what their client says, or are not kept
///   Concatenation       uploads that are made of other uploads
///   Download            GET: what is stored, whole or in part
///   Core                POST, HEAD, PATCH, DELETE over the store
/// ```
///
/// To drop a layer, swap one or add your own, build the same with a
/// [`tower::ServiceBuilder`]: every layer is in [`layers`](crate::layers).
///
/// ```
/// use std::time::Duration;
/// use tower_tus::layers::store::MemoryStore;
/// use tower_tus::Stack;
///
/// let service = Stack::new(MemoryStore::default())
///     .base_path("/uploads/")
///     .lock_timeout(Duration::from_secs(5))
///     .into_service();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a stack does nothing until it is made into a layer or a service"]
pub struct Stack {
    core: Core,
    base_path: BasePath,
    #[cfg(feature = "metrics")]
    metrics: Option<String>,
    log: Option<LogLayer>,
    cors: Option<CorsLayer>,
    base_url: Option<BaseUrlLayer>,
    render: RenderLayer,
    version: VersionLayer,
    size_limit: SizeLimitLayer,
    locker: Arc<dyn Locker>,
    lock_timeout: Duration,
    max_open_uploads: Option<usize>,
    #[cfg(feature = "hooks")]
    hooks: Option<Arc<dyn Hooks>>,
    #[cfg(feature = "hooks")]
    kinds: Option<HookKinds>,
    #[cfg(feature = "hooks")]
    progress_interval: Duration,
    gates: Vec<Arc<dyn Gate>>,
    idle_timeout: Option<IdleTimeoutLayer>,
    checksum: Option<ChecksumLayer>,
    #[cfg(feature = "download")]
    download: Option<Download>,
    #[cfg(feature = "download")]
    max_downloads: Option<usize>,
    #[cfg(feature = "concatenation")]
    finals: Option<Finals>,
    #[cfg(feature = "concatenation")]
    max_concat_parts: usize,
    lenient: bool,
    shutdown: Shutdown,
}

/// Which uploads are given out.
#[cfg(feature = "download")]
#[derive(Clone, Copy, Debug)]
enum Download {
    All,
    Finished,
}

/// Of which parts final uploads are made.
#[cfg(feature = "concatenation")]
#[derive(Clone, Copy, Debug)]
enum Finals {
    OfFinished,
    OfAny,
}

impl Stack {
    /// A stack over `store`: uploads below `/files/`, locks in memory, no gates
    /// and no limits.
    pub fn new(store: impl Store) -> Self {
        Self {
            core: Core::new(store),
            base_path: BasePath::default(),
            #[cfg(feature = "metrics")]
            metrics: None,
            log: None,
            cors: None,
            base_url: None,
            render: RenderLayer::new(),
            version: VersionLayer::new(),
            size_limit: SizeLimitLayer::by(|_| None),
            locker: Arc::new(MemoryLocker::default()),
            lock_timeout: Duration::from_secs(20),
            max_open_uploads: None,
            #[cfg(feature = "hooks")]
            hooks: None,
            #[cfg(feature = "hooks")]
            kinds: None,
            #[cfg(feature = "hooks")]
            progress_interval: Duration::from_secs(1),
            gates: Vec::new(),
            idle_timeout: None,
            checksum: Some(ChecksumLayer::new()),
            #[cfg(feature = "download")]
            download: Some(Download::All),
            #[cfg(feature = "download")]
            max_downloads: None,
            #[cfg(feature = "concatenation")]
            finals: Some(Finals::OfFinished),
            #[cfg(feature = "concatenation")]
            max_concat_parts: 1_000,
            lenient: false,
            shutdown: Shutdown::default(),
        }
    }

    /// Sets the path below which uploads live: `/files/` by default. `/` is every path.
    ///
    /// `Location` begins with it, unless a router has stripped another path: see
    /// [`mount`](crate::mount).
    pub fn base_path(mut self, path: &str) -> Self {
        self.base_path = BasePath::new(path);
        self
    }

    /// How many bytes an upload may have: any number unless set.
    pub fn max_size(mut self, max: u64) -> Self {
        self.size_limit = SizeLimitLayer::new(max);
        self
    }

    /// How many bytes an upload may have that a request is about; `None` is any
    /// number. It takes the place of [`max_size`](Self::max_size).
    ///
    /// ```
    /// use tower_tus::layers::store::MemoryStore;
    /// use tower_tus::Stack;
    ///
    /// let service = Stack::new(MemoryStore::default())
    ///     .max_size_by(|request| match request.headers.contains_key("Authorization") {
    ///         true => None,
    ///         false => Some(10 << 20),
    ///     })
    ///     .into_service();
    /// ```
    pub fn max_size_by<F>(mut self, max: F) -> Self
    where
        F: Fn(&Parts) -> Option<u64> + Send + Sync + 'static,
    {
        self.size_limit = SizeLimitLayer::by(max);
        self
    }

    /// Sets the maximum size of `Upload-Metadata` in bytes: 64 KiB by default. A
    /// creation with more is refused with 431.
    pub fn max_metadata_size(mut self, bytes: usize) -> Self {
        self.core = self.core.max_metadata_size(bytes);
        self
    }

    /// Sets the maximum number of pairs in `Upload-Metadata`: 1,000 by default. A
    /// creation with more is refused with 431.
    pub fn max_metadata_pairs(mut self, pairs: usize) -> Self {
        self.core = self.core.max_metadata_pairs(pairs);
        self
    }

    /// Lets pages of other origins upload, as the layer has it. Unless set, none can.
    #[cfg(feature = "cors")]
    pub fn cors(mut self, cors: CorsLayer) -> Self {
        self.cors = Some(cors);
        self
    }

    /// From which URL `Location` is made, which has to lead to the base path.
    /// Unless set, `Location` is a path.
    pub fn base_url(mut self, base_url: BaseUrlLayer) -> Self {
        self.base_url = Some(base_url);
        self
    }

    /// Sets how errors are written: as plain text, `CODE: message`, by default.
    ///
    /// ```
    /// use http::HeaderValue;
    /// use http::header::CONTENT_TYPE;
    /// use tower_tus::Stack;
    /// use tower_tus::layers::render::RenderLayer;
    /// use tower_tus::layers::store::MemoryStore;
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

    /// Who may change an upload: a [`MemoryLocker`] unless set, which is right
    /// for one process. [`lock`](crate::lock) has those for several.
    pub fn locker(mut self, locker: impl Locker) -> Self {
        self.locker = Arc::new(locker);
        self
    }

    /// How long a request waits for an upload that another one holds: 20
    /// seconds unless set.
    pub const fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Who is asked before something happens to an upload, and told after. Unless
    /// set, nobody is.
    ///
    /// ```
    /// use tower_tus::layers::hooks::Callbacks;
    /// use tower_tus::layers::store::MemoryStore;
    /// use tower_tus::Stack;
    ///
    /// let hooks = Callbacks::new().post_finish(|event| async move {
    ///     println!("{} is there", event.upload.id);
    /// });
    /// let service = Stack::new(MemoryStore::default()).hooks(hooks).into_service();
    /// ```
    #[cfg(feature = "hooks")]
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Some(Arc::new(hooks));
        self
    }

    /// At which moments hooks are asked and told: at those that they want unless set.
    #[cfg(feature = "hooks")]
    pub const fn kinds(mut self, kinds: HookKinds) -> Self {
        self.kinds = Some(kinds);
        self
    }

    /// How often hooks are told how far an upload has come: every second unless set.
    #[cfg(feature = "hooks")]
    pub const fn progress_interval(mut self, interval: Duration) -> Self {
        self.progress_interval = interval;
        self
    }

    /// Adds a gate, which every upload passes after those that are there.
    pub fn gate(mut self, gate: impl Gate) -> Self {
        self.gates.push(Arc::new(gate));
        self
    }

    /// How long a client may send nothing while it is waited for: for ever
    /// unless set. Zero is no time at all.
    ///
    /// The service then has to run inside tokio's time.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(IdleTimeoutLayer::new(timeout));
        self
    }

    /// By which algorithms clients may have their bytes verified: by all of
    /// [`Algorithms::default`] unless set.
    #[cfg(feature = "checksum")]
    pub fn checksums(mut self, algorithms: Algorithms) -> Self {
        let checksum = self.checksum.unwrap_or_default();
        self.checksum = Some(checksum.algorithms(algorithms));
        self
    }

    /// Sets which of the [`checksums`](Self::checksums) a trailer may name: by
    /// default `sha1`, `sha256`, `crc32` and `crc32c`. All of them run over the
    /// bytes of a request that announces one. Without effect where checksums are
    /// switched off.
    #[cfg(feature = "checksum")]
    pub fn checksum_trailers(mut self, algorithms: Algorithms) -> Self {
        let checksum = self.checksum;
        self.checksum = checksum.map(|checksum| checksum.trailer_algorithms(algorithms));
        self
    }

    /// Sets how many requests with a checksum in a trailer may run at once: 100 by
    /// default. Others are refused with 503. Without effect where checksums are
    /// switched off.
    #[cfg(feature = "checksum")]
    pub fn max_checksum_trailers_at_once(mut self, max: usize) -> Self {
        let checksum = self.checksum;
        self.checksum = checksum.map(|checksum| checksum.max_trailers_at_once(max));
        self
    }

    /// Verifies no bytes: `Upload-Checksum` is not looked at.
    #[cfg(feature = "checksum")]
    pub fn without_checksums(mut self) -> Self {
        self.checksum = None;
        self
    }

    /// Counts and measures by the facade [`metrics`], under names that begin
    /// with `prefix` and `_`: the usual one is `tus`. Off unless set.
    ///
    /// All metrics are registered when the stack is made into a layer or a
    /// service, with the recorder that is installed then. See
    /// [the module](crate::layers::metrics) for their names.
    ///
    /// [`metrics`]: https://docs.rs/metrics
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self, prefix: &str) -> Self {
        self.metrics = Some(prefix.to_owned());
        self
    }

    /// Logs each request and what it did, by [`tracing`]. Off unless set.
    ///
    /// See [`logging`](crate::layers::log) for the events.
    pub fn log(mut self) -> Self {
        self.log = Some(LogLayer::new());
        self
    }

    /// Limits how often a hook or a gate may refuse to finish a complete upload
    /// before the upload is rejected for good: 10 by default, 0 means unlimited.
    /// Failures (a timeout, no connection, a full disk) do not count.
    pub fn finish_attempts(mut self, attempts: u32) -> Self {
        self.core = self.core.finish_attempts(attempts);
        self
    }

    /// Accepts what tusd accepts and the protocol does not:
    ///
    /// * HEAD without `Tus-Resumable`;
    /// * malformed `Upload-Metadata`, of which what can be read is kept, also keys
    ///   beyond ASCII;
    /// * a POST with a body of another type than
    ///   `application/offset+octet-stream`: it is as none;
    /// * a final of finished uploads that are not partial.
    ///
    /// Unless set, the log says of such a refusal that this would accept it.
    pub fn lenient(mut self) -> Self {
        self.version = self.version.lenient();
        self.core = self.core.lenient();
        self.lenient = true;
        self
    }

    /// Ends no upload at a client's word: DELETE is 405.
    pub fn without_termination(mut self) -> Self {
        self.core = self.core.without_termination();
        self
    }

    /// Creates no upload without a length.
    pub fn without_deferred_length(mut self) -> Self {
        self.core = self.core.without_deferred_length();
        self
    }

    /// Gives out no upload: GET is 405. With `Tus-Resumable` it is answered like
    /// HEAD, which caches turn into GET.
    #[cfg(feature = "download")]
    pub const fn without_download(mut self) -> Self {
        self.download = None;
        self
    }

    /// Gives out finished uploads alone. Unless set, an unfinished one is given
    /// out as far as it is stored.
    #[cfg(feature = "download")]
    pub const fn download_only_finished(mut self) -> Self {
        self.download = Some(Download::Finished);
        self
    }

    /// Limits how many downloads may be in progress at once, since each may hold
    /// an open file; the default is 4096. Beyond the limit GET answers
    /// `503 ERR_TOO_MANY_DOWNLOADS` with `Retry-After`.
    #[cfg(feature = "download")]
    pub const fn max_downloads(mut self, downloads: usize) -> Self {
        self.max_downloads = Some(downloads);
        self
    }

    /// Limits how many uploads may be written at once, since each may hold an open
    /// data file and an open lock file; unlimited by default. Beyond the limit PATCH,
    /// and the bytes of a creation, answer `503 ERR_SERVER_BUSY` with `Retry-After`.
    pub const fn max_open_uploads(mut self, uploads: usize) -> Self {
        self.max_open_uploads = Some(uploads);
        self
    }

    /// Makes no upload of other uploads, also where the store could. Partials that
    /// exist go on, and finals that are pending stay so.
    #[cfg(feature = "concatenation")]
    pub const fn without_concatenation(mut self) -> Self {
        self.finals = None;
        self
    }

    /// Takes final uploads of which some parts are unfinished, and makes them as
    /// soon as these are not: `concatenation-unfinished`. Unless set, such a
    /// final is refused.
    #[cfg(feature = "concatenation")]
    pub const fn unfinished_concatenation(mut self) -> Self {
        self.finals = Some(Finals::OfAny);
        self
    }

    /// Sets how many parts a final upload may name, each as often as it is
    /// repeated: 1,000 by default.
    #[cfg(feature = "concatenation")]
    pub const fn max_concat_parts(mut self, max: usize) -> Self {
        self.max_concat_parts = max;
        self
    }

    /// What ends the requests that run, and waits for them, when the server stops.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// A layer that takes the requests below the base path, and leaves all
    /// others to the service it is put in front of.
    #[must_use]
    pub fn into_layer(self) -> TusLayer {
        TusLayer::mount(self.into_service())
    }

    /// A service that takes every request.
    #[must_use]
    pub fn into_service(mut self) -> TusService {
        let urls = self.base_url.as_ref().map_or(Urls::Found, |_| Urls::Set);
        let mounting = Mounting::new(self.base_path.clone(), urls);
        let metrics = self.measure();
        let download = self.download();
        let mut upload_methods = self.core.upload_methods();
        if download.is_some() {
            upload_methods.insert(0, Method::GET);
        }
        let concatenation = self.concatenation();
        let hooks = self.hooks_layer();
        let mut locks = LockLayer::new(Arc::clone(&self.locker)).timeout(self.lock_timeout);
        if let Some(uploads) = self.max_open_uploads {
            locks = locks.max_writers(uploads);
        }
        let log = self.log.map(|log| log.base_path(self.base_path.as_str()));
        let stack = ServiceBuilder::new()
            // Outermost: pages can read each answer; it marks, and Version refuses.
            .layer(option_layer(self.cors))
            // What happened is stored and released, and no refusal is lost.
            .layer(DetachLayer::new().shutdown(self.shutdown.clone()))
            // Before anyone reads the method.
            .layer(MethodOverrideLayer::new())
            // Sees every refusal, and outcomes whose client has gone.
            .layer(option_layer(metrics))
            .layer(option_layer(log))
            // Outside all dialects: each tells the client where things are.
            .layer(option_layer(self.base_url))
            // Outside all that tells HEAD from GET.
            .layer(CachedHeadLayer::new())
            // Outside Version, whose 412 it writes too; inside all that look at what the
            // client gets, and at the method that Version sees: HEAD has no body.
            .layer(self.render)
            // The edge of the dialect. Nothing outside it refuses.
            .layer(self.version)
            // All that is inside can rely on a target.
            .layer(RouteLayer::new(self.base_path.as_str(), upload_methods))
            .layer(DiscoveryLayer::new())
            // Outside the lock, so that who waits for one can be ended too.
            .layer(InterruptLayer::new().shutdown(self.shutdown))
            // Before anything is made.
            .layer(self.size_limit)
            // Outside the lock, which sees a POST and then a PATCH.
            .layer(CreationWithUploadLayer::new())
            .layer(locks)
            // Sealed: the types outside do not grow with the options inside.
            .layer_fn(Sealed::new)
            // Under the lock, each request a single step.
            .layer(option_layer(hooks))
            // Inside the hooks: what they have changed is seen.
            .layer(GateLayer::all(self.gates))
            // Inside all who let a client wait: the time that these take is not its own.
            .layer(option_layer(self.idle_timeout))
            // Next to the core, which keeps what it verifies whole or not at all.
            .layer(option_layer(self.checksum))
            // It asks those inside for other uploads in a request's name.
            .layer(option_layer(concatenation))
            // A neighbour of the core, for what that does not know.
            .layer(option_layer(download))
            .service(self.core);
        TusService::from_stack(Sealed::new(stack), mounting)
    }

    /// The layer that gives uploads out, where that is wanted and the store can.
    #[cfg(feature = "download")]
    fn download(&self) -> Option<DownloadLayer> {
        let store = self.core.store();
        store.reader()?;
        let mut layer = DownloadLayer::new(Arc::clone(store));
        if let Some(downloads) = self.max_downloads {
            layer = layer.max_open(downloads);
        }
        Some(match self.download? {
            Download::All => layer,
            Download::Finished => layer.only_finished(),
        })
    }

    /// The layer that makes uploads of others, with the store and the locker of
    /// all others.
    #[cfg(feature = "concatenation")]
    fn concatenation(&self) -> Option<ConcatenationLayer> {
        let layer =
            ConcatenationLayer::new(Arc::clone(self.core.store()), Arc::clone(&self.locker));
        let layer = layer.max_parts(self.max_concat_parts);
        let mut layer = layer.lock_timeout(self.lock_timeout);
        if self.lenient {
            layer = layer.lenient();
        }
        self.finals.map(|finals| match finals {
            Finals::OfFinished => layer,
            Finals::OfAny => layer.unfinished(),
        })
    }

    /// Measures the store and the locker where metrics are wanted, and gives the
    /// layer for all else.
    #[cfg(feature = "metrics")]
    fn measure(&mut self) -> Option<MetricsLayer> {
        let prefix = self.metrics.as_deref()?;
        self.core = self
            .core
            .clone()
            .map_store(|store| Arc::new(TimedStore::new(store, prefix)));
        self.locker = Arc::new(TimedLocker::new(Arc::clone(&self.locker), prefix));
        #[cfg(feature = "hooks")]
        {
            let hooks = self.hooks.take();
            self.hooks = hooks.map(|hooks| Arc::new(TimedHooks::new(hooks, prefix)) as _);
        }
        Some(MetricsLayer::with_prefix(prefix))
    }

    /// The layer that calls hooks, if there are any.
    #[cfg(feature = "hooks")]
    fn hooks_layer(&mut self) -> Option<HooksLayer> {
        let hooks = self.hooks.take()?;
        let kinds = self.kinds.unwrap_or_else(|| hooks.kinds());
        let layer = HooksLayer::new(hooks)
            .kinds(kinds)
            .progress_interval(self.progress_interval)
            .base_path(self.base_path.as_str())
            .locker(Arc::clone(&self.locker), self.lock_timeout)
            .shutdown(self.shutdown.clone());
        Some(layer)
    }
}

/// What stands in for the features that are disabled.
#[allow(clippy::unused_self, reason = "the functions they stand in for use it")]
impl Stack {
    #[cfg(not(feature = "concatenation"))]
    const fn concatenation(&self) -> Option<ConcatenationLayer> {
        None
    }

    #[cfg(not(feature = "download"))]
    const fn download(&self) -> Option<DownloadLayer> {
        None
    }

    #[cfg(not(feature = "hooks"))]
    const fn hooks_layer(&mut self) -> Option<HooksLayer> {
        None
    }

    #[cfg(not(feature = "metrics"))]
    const fn measure(&mut self) -> Option<MetricsLayer> {
        None
    }
}

/// A stack without its type.
pub(crate) type Sealed = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;
