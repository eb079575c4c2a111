//! The stack: the order of the layers, in one place.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Request, Response};
use tower::ServiceBuilder;
use tower::util::{BoxCloneSyncService, option_layer};
use tower_tus_layers::base_url::BaseUrlLayer;
use tower_tus_layers::cors::CorsLayer;
use tower_tus_layers::creation_with_upload::CreationWithUploadLayer;
use tower_tus_layers::detach::DetachLayer;
use tower_tus_layers::discovery::DiscoveryLayer;
use tower_tus_layers::gate::Gate;
use tower_tus_layers::gating::GateLayer;
use tower_tus_layers::hook::{Hooks, Moments};
use tower_tus_layers::hooking::HooksLayer;
use tower_tus_layers::idle_timeout::IdleTimeoutLayer;
use tower_tus_layers::interrupt::InterruptLayer;
use tower_tus_layers::lock::{Locker, MemoryLocker};
use tower_tus_layers::locking::LockLayer;
use tower_tus_layers::measuring::{MetricsLayer, TimedHooks, TimedLocker, TimedStore};
use tower_tus_layers::method_override::MethodOverrideLayer;
use tower_tus_layers::protocol::{Body, Shutdown};
use tower_tus_layers::route::{BasePath, RouteLayer};
use tower_tus_layers::service::Core;
use tower_tus_layers::size_limit::SizeLimitLayer;
use tower_tus_layers::store::Store;
use tower_tus_layers::version::VersionLayer;

use crate::{TusLayer, TusService};

/// All layers in their order, and the few things that can be set.
///
/// From a stack comes a [`TusLayer`], which mounts in front of another service,
/// or a [`TusService`], which stands alone. Each request passes these, from
/// the top down, and its response the other way:
///
/// ```text
///   Detach              runs it to its end, also when the client has gone
///   MethodOverride      a header says what the method is
///   Metrics             counts and measures; off unless set
///   Cors                which pages of other origins may upload, if set
///   BaseUrl             the URL that clients see, if set
///   Version             Tus-Resumable; writes the text of errors
///   Route               path -> upload; 404, 405
///   Discovery           OPTIONS: what all the layers inside announce
///   Interrupt           ends its body at shutdown, or when somebody else waits
///   SizeLimit           nothing passes the maximum, where there is one
///   CreationWithUpload  a POST with bytes becomes a POST and a PATCH
///   Lock                one request at a time for each upload
///   Hooks               asks before, and tells after, if set
///   Gates               yours
///   IdleTimeout         a client that stalls is waited for only so long
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
    metrics: Option<String>,
    cors: Option<CorsLayer>,
    base_url: Option<BaseUrlLayer>,
    size_limit: Option<SizeLimitLayer>,
    locker: Arc<dyn Locker>,
    lock_timeout: Duration,
    hooks: Option<Arc<dyn Hooks>>,
    moments: Option<Moments>,
    progress_interval: Duration,
    gates: Vec<Arc<dyn Gate>>,
    idle_timeout: Option<IdleTimeoutLayer>,
    shutdown: Shutdown,
}

impl Stack {
    /// A stack over `store`: uploads below `/files/`, locks in memory, no gates
    /// and no limits.
    pub fn new(store: impl Store) -> Self {
        Self {
            core: Core::new(store),
            base_path: BasePath::default(),
            metrics: None,
            cors: None,
            base_url: None,
            size_limit: None,
            locker: Arc::new(MemoryLocker::default()),
            lock_timeout: Duration::from_secs(20),
            hooks: None,
            moments: None,
            progress_interval: Duration::from_secs(1),
            gates: Vec::new(),
            idle_timeout: None,
            shutdown: Shutdown::default(),
        }
    }

    /// The path below which uploads live: `/files/` unless set. `/` is every path.
    ///
    /// `Location` begins with it, so below a host that strips a prefix (axum's
    /// `nest_service`) this is the prefix.
    pub fn base_path(mut self, path: &str) -> Self {
        self.base_path = BasePath::new(path);
        self
    }

    /// How many bytes an upload may have: any number unless set.
    pub fn max_size(mut self, max: u64) -> Self {
        self.size_limit = Some(SizeLimitLayer::new(max));
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
        self.size_limit = Some(SizeLimitLayer::by(max));
        self
    }

    /// Lets pages of other origins upload, as the layer has it. Unless set, none can.
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
    /// use tower_tus::layers::hook::{Callbacks, Reply};
    /// use tower_tus::layers::store::MemoryStore;
    /// use tower_tus::Stack;
    ///
    /// let hooks = Callbacks::new().post_finish(|event| async move {
    ///     println!("{} is there", event.upload.id);
    ///     Ok(Reply::accept())
    /// });
    /// let service = Stack::new(MemoryStore::default()).hooks(hooks).into_service();
    /// ```
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Some(Arc::new(hooks));
        self
    }

    /// At which moments hooks are asked and told: at those that they want unless set.
    pub const fn moments(mut self, moments: Moments) -> Self {
        self.moments = Some(moments);
        self
    }

    /// How often hooks are told how far an upload has come: every second unless set.
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

    /// Counts and measures by the facade [`metrics`], under names that begin
    /// with `prefix` and `_`: the usual one is `tus`. Off unless set.
    ///
    /// All metrics are registered when the stack is made into a layer or a
    /// service, with the recorder that is installed then. See
    /// [`measuring`](crate::layers::measuring) for their names.
    ///
    /// [`metrics`]: https://docs.rs/metrics
    pub fn metrics(mut self, prefix: &str) -> Self {
        self.metrics = Some(prefix.to_owned());
        self
    }

    /// How often a complete upload is tried to be finished before it is
    /// rejected: 10 unless set, 0 for no bound.
    pub fn finish_attempts(mut self, attempts: u32) -> Self {
        self.core = self.core.finish_attempts(attempts);
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

    /// What ends the requests that run, and waits for them, when the server stops.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// A layer that takes the requests below the base path, and leaves all
    /// others to the service it is put in front of.
    #[must_use]
    pub fn into_layer(self) -> TusLayer {
        let base_path = self.base_path.clone();
        TusLayer::mount(self.into_service(), base_path)
    }

    /// A service that takes every request.
    #[must_use]
    pub fn into_service(mut self) -> TusService {
        let metrics = self.measure();
        let hooks = self.hooks.map(|hooks| {
            let moments = self.moments.unwrap_or_else(|| hooks.moments());
            HooksLayer::new(hooks)
                .moments(moments)
                .progress_interval(self.progress_interval)
                .base_path(self.base_path.as_str())
                .shutdown(self.shutdown.clone())
        });
        let stack = ServiceBuilder::new()
            // Outermost: what happened is stored and released, and no refusal is lost.
            .layer(DetachLayer::new().shutdown(self.shutdown.clone()))
            // Before anyone reads the method.
            .layer(MethodOverrideLayer::new())
            // Sees every refusal, and outcomes whose client has gone.
            .layer(option_layer(metrics))
            // Refusals too are readable for pages; it marks, and Version refuses.
            .layer(option_layer(self.cors))
            // Outside all dialects: each tells the client where things are.
            .layer(option_layer(self.base_url))
            // The edge of the dialect. Nothing outside it refuses.
            .layer(VersionLayer::new())
            // All that is inside can rely on a target.
            .layer(RouteLayer::new(
                self.base_path.as_str(),
                self.core.upload_methods(),
            ))
            .layer(DiscoveryLayer::new())
            // Outside the lock, so that who waits for one can be ended too.
            .layer(InterruptLayer::new().shutdown(self.shutdown))
            // Before anything is made.
            .layer(option_layer(self.size_limit))
            // Outside the lock, which sees a POST and then a PATCH.
            .layer(CreationWithUploadLayer::new())
            .layer(LockLayer::new(self.locker).timeout(self.lock_timeout))
            // Under the lock, each request a single step.
            .layer(option_layer(hooks))
            // Inside the hooks: what they have changed is seen.
            .layer(GateLayer::all(self.gates))
            // Innermost: the time that others take is not the client's.
            .layer(option_layer(self.idle_timeout))
            .service(self.core);
        TusService::from_stack(Erased::new(stack))
    }

    /// Measures the store and the locker where metrics are wanted, and gives the
    /// layer for all else.
    fn measure(&mut self) -> Option<MetricsLayer> {
        let prefix = self.metrics.as_deref()?;
        self.core = self
            .core
            .clone()
            .map_store(|store| Arc::new(TimedStore::new(store, prefix)));
        self.locker = Arc::new(TimedLocker::new(Arc::clone(&self.locker), prefix));
        let hooks = self.hooks.take();
        self.hooks = hooks.map(|hooks| Arc::new(TimedHooks::new(hooks, prefix)) as _);
        Some(MetricsLayer::with_prefix(prefix))
    }
}

/// The stack without its type.
pub(crate) type Erased = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;
