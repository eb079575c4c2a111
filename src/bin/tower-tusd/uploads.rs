//! The stack, as the flags say.

use tower_tus::layers::base_url::BaseUrlLayer;
use tower_tus::layers::protocol::Shutdown;
use tower_tus::lock::FileLocker;
use tower_tus::store::FileStore;
use tower_tus::{Stack, TusLayer};

use crate::flags::Flags;
use crate::metrics::PREFIX;
use crate::run::StartError;

/// The layer that serves uploads.
pub(crate) fn uploads(flags: &Flags, shutdown: &Shutdown) -> Result<TusLayer, StartError> {
    let store = FileStore::new(&flags.upload_dir).durability(flags.durability);
    let locker = FileLocker::new(&flags.upload_dir)
        .holder_poll_interval(flags.filelock_holder_poll_interval)
        .acquirer_poll_interval(flags.filelock_acquirer_poll_interval);
    let mut stack = Stack::new(store)
        .locker(locker)
        .base_path(flags.base_path.as_str())
        .base_url(base_url(flags))
        .lock_timeout(flags.acquire_lock_timeout)
        .shutdown(shutdown.clone());
    if let Some(cors) = flags.cors.layer() {
        stack = stack.cors(cors);
    }
    if flags.max_size > 0 {
        stack = stack.max_size(flags.max_size);
    }
    if !flags.network_timeout.is_zero() {
        stack = stack.idle_timeout(flags.network_timeout);
    }
    if flags.disable_termination {
        stack = stack.without_termination();
    }
    if let Some(hooks) = flags.hooks_grpc.hooks()? {
        stack = stack.hooks(hooks);
    }
    if flags.expose_metrics {
        stack = stack.metrics(PREFIX);
    }
    Ok(stack.into_layer())
}

/// Whole URLs in `Location`, as tusd has them.
fn base_url(flags: &Flags) -> BaseUrlLayer {
    let url = BaseUrlLayer::from_request(flags.base_path.as_str());
    match flags.behind_proxy {
        true => url.trust_forwarded(),
        false => url,
    }
}
