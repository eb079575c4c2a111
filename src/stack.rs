//! The stack: the order of the layers, in one place.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

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
use tower_tus_layers::interrupt::InterruptLayer;
use tower_tus_layers::lock::{Locker, MemoryLocker};
use tower_tus_layers::locking::LockLayer;
use tower_tus_layers::measuring::{MetricsLayer, TimedLocker, TimedStore};
use tower_tus_layers::protocol::{Body, Shutdown};
use tower_tus_layers::route::{BasePath, RouteLayer};
use tower_tus_layers::service::Core;
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
///   Metrics             counts and measures; off unless set
///   Cors                which pages of other origins may upload, if set
///   BaseUrl             the URL that clients see, if set
///   Version             Tus-Resumable; writes the text of errors
///   Route               path -> upload; 404, 405
///   Discovery           OPTIONS: what all the layers inside announce
///   Interrupt           ends its body at shutdown, or when somebody else waits
///   CreationWithUpload  a POST with bytes becomes a POST and a PATCH
///   Lock                one request at a time for each upload
///   Gates               yours
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
    store: Arc<dyn Store>,
    base_path: BasePath,
    cors: Option<CorsLayer>,
    base_url: Option<BaseUrlLayer>,
    locker: Arc<dyn Locker>,
    lock_timeout: Duration,
    gates: Vec<Arc<dyn Gate>>,
    metrics: Option<String>,
    finish_attempts: u32,
    shutdown: Shutdown,
}

impl Stack {
    /// A stack over `store`: uploads below `/files/`, locks in memory, no gates.
    pub fn new(store: impl Store) -> Self {
        Self {
            store: Arc::new(store),
            base_path: BasePath::default(),
            cors: None,
            base_url: None,
            locker: Arc::new(MemoryLocker::default()),
            lock_timeout: Duration::from_secs(20),
            gates: Vec::new(),
            metrics: None,
            finish_attempts: 10,
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
    /// for one process.
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

    /// Adds a gate, which every upload passes after those that are there.
    pub fn gate(mut self, gate: impl Gate) -> Self {
        self.gates.push(Arc::new(gate));
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
    pub const fn finish_attempts(mut self, attempts: u32) -> Self {
        self.finish_attempts = attempts;
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
        let core = Core::shared(self.store).finish_attempts(self.finish_attempts);
        let stack = ServiceBuilder::new()
            // Outermost: what happened is stored and released, and no refusal is lost.
            .layer(DetachLayer::new().shutdown(self.shutdown.clone()))
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
                core.upload_methods(),
            ))
            .layer(DiscoveryLayer::new())
            // Outside the lock, so that who waits for one can be ended too.
            .layer(InterruptLayer::new().shutdown(self.shutdown))
            // Outside the lock, which sees a POST and then a PATCH.
            .layer(CreationWithUploadLayer::new())
            .layer(LockLayer::new(self.locker).timeout(self.lock_timeout))
            // Under the lock, each request a single step.
            .layer(GateLayer::all(self.gates))
            .service(core);
        TusService::from_stack(Erased::new(stack))
    }

    /// Measures the store and the locker where metrics are wanted, and gives the
    /// layer for all else.
    fn measure(&mut self) -> Option<MetricsLayer> {
        let prefix = self.metrics.as_deref()?;
        self.store = Arc::new(TimedStore::new(Arc::clone(&self.store), prefix));
        self.locker = Arc::new(TimedLocker::new(Arc::clone(&self.locker), prefix));
        Some(MetricsLayer::with_prefix(prefix))
    }
}

/// The stack without its type.
pub(crate) type Erased = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;
