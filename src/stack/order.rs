//! The order of the layers.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tower::ServiceBuilder;
use tower::util::option_layer;
use tower_tus_layers::access::AccessLayer;
use tower_tus_layers::cached_head::CachedHeadLayer;
use tower_tus_layers::creation_with_upload::CreationWithUploadLayer;
use tower_tus_layers::discovery::DiscoveryLayer;
use tower_tus_layers::events::{Events, EventsLayer};
use tower_tus_layers::gate::GateLayer;
use tower_tus_layers::interrupt::InterruptLayer;
use tower_tus_layers::lock::{LockLayer, Locker};
use tower_tus_layers::method_override::MethodOverrideLayer;
use tower_tus_layers::protocol::Shutdown;
use tower_tus_layers::route::{BasePath, RouteLayer};
use tower_tus_layers::size_limit::SizeLimitLayer;
use tower_tus_layers::store::Store;
use tower_tus_layers::uploads::Uploads;

use super::{Next, Stack};
use crate::mount::host::{Mounting, Urls};
use crate::{TusLayer, TusService};

/// What several layers use.
#[allow(dead_code, reason = "some of it is for features that may be disabled")]
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) locker: Arc<dyn Locker>,
    pub(super) lock_timeout: Duration,
    pub(super) base_path: BasePath,
    pub(super) metrics_prefix: Option<String>,
    pub(super) lenient: bool,
    pub(super) finish_attempts: u32,
    pub(super) shutdown: Shutdown,
}

impl Stack {
    /// Makes a layer that takes the requests below the base path, and leaves all others
    /// to the service it is put in front of.
    #[must_use]
    pub fn into_layer(self) -> TusLayer {
        let base_path = self.base_path.clone();
        TusLayer::mount(self.into_service(), base_path)
    }

    /// Makes a service that takes every request.
    #[must_use]
    pub fn into_service(self) -> TusService {
        self.assemble(None).0
    }

    /// Makes the service and the handle. Events are told only if there is a place for
    /// them.
    pub(super) fn assemble(self, events: Option<Events>) -> (TusService, Uploads) {
        let urls = self.base_url.as_ref().map_or(Urls::Found, |_| Urls::Set);
        let mounting = Mounting::new(self.base_path.clone(), urls);
        let shared = self.shared();
        let core = self.core.map_store(|_| Arc::clone(&shared.store));
        let core = self.allowed.core(core);

        let download = self.download.layer(&shared);
        let mut upload_methods = core.upload_methods();
        if download.is_some() {
            upload_methods.insert(0, Method::GET);
        }
        let log = self.log.map(|log| log.base_path(shared.base_path.as_str()));
        let mut before_lock = self.before_lock;
        if let Some(policy) = self.access {
            before_lock.add(AccessLayer::new(Arc::clone(&shared.store), policy.0));
        }
        let size_limit = self.size_limit;
        let size_limit = size_limit.unwrap_or_else(|| SizeLimitLayer::by(|_| None));
        let mut locks = LockLayer::new(Arc::clone(&shared.locker)).timeout(shared.lock_timeout);
        if let Some(uploads) = self.max_open_uploads {
            locks = locks.max_writers(uploads);
        }

        let metrics = self.metrics.layer(&shared);
        let progress_interval = self.hooks.progress_interval();
        let events_layer = events
            .clone()
            .map(|events| EventsLayer::new(events).progress_interval(progress_interval));
        let inside = ServiceBuilder::new()
            // Under the lock, where each request is a single step.
            .layer(option_layer(self.hooks.layer(&shared)))
            // Inside the hooks, which may remove an upload later on.
            .layer(option_layer(events_layer))
            // Inside the hooks, so that gates see what hooks have changed.
            .layer(GateLayer::all(self.gates))
            // Inside all layers that make a client wait, so that their time does not count.
            .layer(option_layer(self.idle_timeout))
            // Close to the core, which stores a verified chunk as a whole or not at all.
            .layer(option_layer(self.checksums.layer(&shared)))
            // Sends requests about other uploads to the layers inside.
            .layer(option_layer(self.concatenation.layer(&shared)))
            // Answers GET, which the core does not know.
            .layer(option_layer(download))
            .layer(option_layer(self.around_core.layer()))
            .service(core);
        // Erases the type, so that the options inside do not multiply the types outside.
        let inside = Next::new(inside);
        let itself = ServiceBuilder::new()
            .layer(option_layer(metrics.clone()))
            .layer(option_layer(log.clone()))
            .service(inside.clone());
        let uploads = shared.uploads(itself, events);
        let uploads = self.expiration.applied_by(uploads, &shared);

        let stack = ServiceBuilder::new()
            .layer(option_layer(self.outside.layer()))
            // Outermost, so that pages can read every response. It marks a request, and
            // Version refuses it.
            .layer(option_layer(self.cors.layer(&shared)))
            // Outside everything that stores or locks, so that a request runs to its end
            // and no refusal is lost.
            .layer(self.detach.shutdown(shared.shutdown.clone()))
            // Before any layer reads the method.
            .layer(MethodOverrideLayer::new())
            // Outside every layer that refuses, and inside Detach, so that requests count
            // whose client has gone.
            .layer(option_layer(metrics))
            .layer(option_layer(log))
            // Outside all layers that make URLs.
            .layer(option_layer(self.base_url))
            // Outside all layers that treat HEAD and GET differently.
            .layer(CachedHeadLayer::new())
            // Outside Version, whose 412 it writes too. Inside the layers that look at the
            // final response, and inside CachedHead, so that HEAD has no body.
            .layer(self.render)
            // The edge of the protocol: no layer outside it refuses.
            .layer(self.allowed.version())
            // All layers inside rely on the target.
            .layer(RouteLayer::new(shared.base_path.as_str(), upload_methods))
            .layer(DiscoveryLayer::new())
            // Outside the lock, so that a request that waits for it can be ended too.
            .layer(InterruptLayer::new().shutdown(shared.shutdown.clone()))
            // Before the lock, so that a stranger interrupts nobody, and outside
            // CreationWithUpload, so that a creation is one question. Access stands
            // innermost here, since it builds on what the layers of the user find out.
            .layer(option_layer(before_lock.layer()))
            // Inside Access, so that no stranger learns about an upload, and outside every
            // layer that refuses a PATCH, since refusals tell when the upload expires too.
            .layer(option_layer(self.expiration.layer(&shared)))
            // Before an upload is created.
            .layer(size_limit)
            // Outside the lock, which sees a POST and then a PATCH.
            .layer(CreationWithUploadLayer::new())
            .layer(locks)
            .service(inside);
        (TusService::over(stack).mounted(mounting), uploads)
    }

    /// What several layers use, measured if metrics are on.
    fn shared(&self) -> Shared {
        let mut shared = Shared {
            store: Arc::clone(self.core.store()),
            locker: Arc::clone(&self.locker),
            lock_timeout: self.lock_timeout,
            base_path: self.base_path.clone(),
            metrics_prefix: None,
            lenient: self.allowed.lenient,
            finish_attempts: self.core.max_finish_attempts(),
            shutdown: self.shutdown.clone(),
        };
        self.metrics.measure(&mut shared);
        shared
    }
}
