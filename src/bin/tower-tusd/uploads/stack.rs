//! The stack, and its description of itself.

use std::sync::Arc;

use http::Request;
use tower::ServiceExt;
use tower_tus::Stack;
use tower_tus::layers::base_url::BaseUrlLayer;
use tower_tus::layers::lock::Locker;
use tower_tus::layers::protocol::{Body, Shutdown};

use super::hooks::{self, HookProcesses, Launcher};
use super::quota::{self, Quota};
use super::storage::Storage;
use super::unhidden::Unhidden;
use crate::error::StartError;
use crate::flags::{Flags, METRICS_PREFIX, UploadFlags};

/// What the process grants the stack.
pub(crate) struct Limits {
    /// Maximum number of downloads at once.
    pub(crate) downloads: usize,
    /// Maximum number of uploads that are written at once.
    pub(crate) open_uploads: usize,
    /// Starts hooks, where they need another program for it.
    pub(crate) launcher: Option<Launcher>,
}

/// The stack, what it works on, and what the process has to end after it.
pub(crate) struct Uploads {
    pub(crate) stack: Stack,
    pub(crate) storage: Storage,
    /// If they are files, the last clone removes one.
    pub(crate) locker: Arc<dyn Locker>,
    /// If it is to make room for uploads.
    pub(crate) quota: Option<Quota>,
    /// The processes of hooks end when this is dropped.
    pub(crate) hook_processes: HookProcesses,
}

/// Builds the stack of the server.
pub(crate) async fn stack(
    flags: &Flags,
    limits: Limits,
    shutdown: &Shutdown,
) -> Result<Uploads, StartError> {
    let storage = Storage::prepare(flags).await?;
    let locker = storage.locker(flags);
    let (stack, quota) = quota::stack(flags, &storage, &locker);
    let stack = settings(flags, stack, shutdown)
        .max_downloads(limits.downloads)
        .max_open_uploads(limits.open_uploads);
    let (stack, hook_processes) = hooks::install(&flags.hooks, stack, limits.launcher)?;
    Ok(Uploads {
        stack,
        storage,
        locker,
        quota,
        hook_processes,
    })
}

/// Whether a command calls hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    Hooks,
    Nobody,
}

/// Builds the stack of a command, on storage that has to exist. Its locks are shared in
/// any case, since it works beside other processes.
pub(crate) fn stack_beside(
    flags: &Flags,
    tells: Tells,
    shutdown: &Shutdown,
) -> Result<Uploads, StartError> {
    let storage = Storage::existing(flags)?;
    let locker = storage.shared_locker(flags);
    let stack = Stack::new(storage.to_store()).locker(Arc::clone(&locker));
    let stack = settings(flags, stack, shutdown);
    let (stack, hook_processes) = match tells {
        Tells::Hooks => hooks::install(&flags.hooks, stack, None)?,
        Tells::Nobody => (stack, HookProcesses::default()),
    };
    Ok(Uploads {
        stack,
        storage,
        locker,
        quota: None,
        hook_processes,
    })
}

/// All settings but those of hooks and of the process.
fn settings(flags: &Flags, stack: Stack, shutdown: &Shutdown) -> Stack {
    let stack = stack
        .base_path(flags.location.base_path.as_str())
        .base_url(base_url(flags))
        .shutdown(shutdown.clone());
    let network_timeout = flags.listen.network_timeout();
    let mut stack = match network_timeout.is_zero() {
        true => stack.without_idle_timeout(),
        false => stack.idle_timeout(network_timeout),
    };
    if flags.metrics.expose_metrics && flags.location.base_path.as_str() == "/" {
        stack = stack.add_gate(Unhidden::new(&flags.metrics.metrics_path));
    }
    if let Some(expiration) = flags.expiration() {
        stack = stack.expiration(expiration);
    }
    let max_size = flags.max_size();
    if max_size > 0 {
        stack = stack.max_size(max_size);
    }
    extend(stack, &flags.uploads)
}

/// Applies the flags about what clients may do.
fn extend(stack: Stack, flags: &UploadFlags) -> Stack {
    let mut stack = stack
        .lock_timeout(flags.acquire_lock_timeout)
        .max_metadata_size(unlimited_if_zero(flags.max_metadata_size))
        .max_metadata_pairs(unlimited_if_zero(flags.max_metadata_pairs))
        .max_concat_parts(match flags.max_concat_parts {
            0 => usize::MAX,
            max => max,
        });
    if flags.disable_termination {
        stack = stack.without_termination();
    }
    stack = match flags.checksum_algorithms.is_empty() {
        true => stack.without_checksums(),
        false => stack.checksums(flags.checksum_algorithms.clone()),
    };
    if let Some(algorithms) = &flags.checksum_trailer_algorithms {
        stack = stack.checksum_trailers(algorithms.clone());
    }
    if flags.download_only_finished {
        stack = stack.download_only_finished();
    }
    if flags.disable_download {
        stack = stack.without_download();
    }
    if flags.concatenation_unfinished {
        stack = stack.unfinished_concatenation();
    }
    if flags.disable_concatenation {
        stack = stack.without_concatenation();
    }
    match flags.lenient {
        true => stack.lenient(),
        false => stack,
    }
}

fn unlimited_if_zero(limit: u64) -> usize {
    match limit {
        0 => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    }
}

/// The same stack with a log, and with metrics if the flags enable them.
pub(crate) fn observed(stack: Stack, flags: &Flags) -> Stack {
    let stack = stack.log();
    match flags.metrics.expose_metrics {
        true => stack.metrics(METRICS_PREFIX),
        false => stack,
    }
}

/// The extensions that the stack announces.
pub(crate) async fn extensions(stack: Stack, flags: &Flags) -> String {
    let ask = Request::options(flags.location.base_path.as_str());
    let ask = ask.body(Body::default()).expect("the base path is one");
    let Ok(answer) = stack.into_service().oneshot(ask).await;
    let extensions = answer.headers().get("tus-extension");
    extensions
        .and_then(|list| list.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// Makes `Location` a whole URL unless the flags say otherwise, like tusd.
fn base_url(flags: &Flags) -> BaseUrlLayer {
    let location = &flags.location;
    if let Some(url) = location.public_url() {
        return BaseUrlLayer::fixed(url);
    }
    let mut layer = BaseUrlLayer::from_request(location.base_path.as_str());
    if flags.listen.tls.are_set() {
        layer = layer.scheme_https();
    }
    if location.behind_proxy {
        layer = layer.trust_forwarded();
    }
    match location.relative_location {
        true => layer.relative(),
        false => layer,
    }
}
