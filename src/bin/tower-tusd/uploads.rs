//! The stack, as the flags say.

use http::Request;
use tower::ServiceExt;
use tower_tus::Stack;
use tower_tus::layers::base_url::BaseUrlLayer;
use tower_tus::layers::protocol::{Body, Shutdown};

use crate::files::{self, Raised};
use crate::flags::Flags;
use crate::hooks::HookProcesses;
use crate::metrics::{PREFIX, Unhidden};
use crate::run::StartError;

/// What serves uploads, and the processes that are to end with it.
pub(crate) fn uploads(
    flags: &Flags,
    shutdown: &Shutdown,
    raised: Option<Raised>,
) -> Result<(Stack, HookProcesses), StartError> {
    let store = flags.files.store();
    store.prepare().map_err(|error| {
        let dir = &flags.files.upload_dir;
        let what = if dir.is_dir() { "write to" } else { "make" };
        let (dir, error) = (dir.display().to_string(), error.to_string());
        let reason = error.strip_prefix(&format!("{dir}: ")).unwrap_or(&error);
        format!("cannot {what} {dir}: {reason}")
    })?;
    let locker = flags.files.locker(&store);
    let mut stack = Stack::new(store)
        .locker(locker)
        .base_path(flags.base_path.as_str())
        .base_url(base_url(flags))
        .lock_timeout(flags.acquire_lock_timeout)
        .max_metadata_size(unlimited_if_zero(flags.max_metadata_size))
        .max_metadata_pairs(unlimited_if_zero(flags.max_metadata_pairs))
        .max_downloads(files::max_downloads())
        .max_open_uploads(files::max_open_uploads())
        .shutdown(shutdown.clone());
    if flags.max_size > 0 {
        stack = stack.max_size(flags.max_size);
    }
    if !flags.network_timeout.is_zero() {
        stack = stack.idle_timeout(flags.network_timeout);
    }
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
    stack = stack.max_concat_parts(match flags.max_concat_parts {
        0 => usize::MAX,
        max => max,
    });
    if flags.concatenation_unfinished {
        stack = stack.unfinished_concatenation();
    }
    if flags.disable_concatenation {
        stack = stack.without_concatenation();
    }
    if flags.lenient {
        stack = stack.lenient();
    }
    if flags.expose_metrics && flags.base_path.as_str() == "/" {
        stack = stack.gate(Unhidden::new(&flags.metrics_path));
    }
    flags.hooks.install(stack, raised)
}

fn unlimited_if_zero(limit: u64) -> usize {
    match limit {
        0 => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    }
}

/// The same, seen by metrics and logs.
pub(crate) fn observed(stack: Stack, flags: &Flags) -> Stack {
    let stack = stack.log();
    match flags.expose_metrics {
        true => stack.metrics(PREFIX),
        false => stack,
    }
}

/// What the stack says that it can do.
pub(crate) async fn extensions(stack: Stack, flags: &Flags) -> String {
    let ask = Request::options(flags.base_path.as_str());
    let ask = ask.body(Body::default()).expect("the base path is one");
    let Ok(answer) = stack.into_service().oneshot(ask).await;
    let extensions = answer.headers().get("tus-extension");
    extensions
        .and_then(|list| list.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// Whole URLs in `Location` unless set, as tusd has them.
fn base_url(flags: &Flags) -> BaseUrlLayer {
    let mut url = BaseUrlLayer::from_request(flags.base_path.as_str());
    if flags.tls.are_set() {
        url = url.scheme_https();
    }
    if flags.behind_proxy {
        url = url.trust_forwarded();
    }
    flags.location.layer(url)
}
