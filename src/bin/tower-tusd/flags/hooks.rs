//! Flags about hooks.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use tower_tus::layers::hooks::{HookKind, HookKinds};

use super::{GrpcFlags, HttpFlags, go};

/// Flags about hooks: executables, an HTTP server, or a gRPC service.
#[derive(Debug, Args)]
#[command(next_help_heading = "Hooks")]
pub(crate) struct HookFlags {
    /// Events to call hooks for, separated by commas; an empty list means all eight
    #[arg(
        long,
        default_value = "pre-create,post-create,post-receive,post-terminate,post-finish",
        value_parser = kinds
    )]
    pub(crate) hooks_enabled_events: HookKinds,

    /// Interval between post-receive hooks while an upload makes progress
    #[arg(long, default_value = "1s", value_parser = go::duration)]
    pub(crate) progress_hooks_interval: Duration,

    /// Number of times that hooks may refuse a complete upload before it is rejected for good; 0 means unlimited
    #[arg(long, default_value = "10", value_parser = go::integer::<u32>)]
    pub(crate) hooks_finish_attempts: u32,

    /// Directory with executables, named after their events
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) hooks_dir: OsString,

    /// Maximum time that an executable may run; 0 means unlimited
    #[arg(long, default_value = "60s", value_parser = go::duration)]
    pub(crate) hooks_process_timeout: Duration,

    /// Maximum number of hooks that run at once; 0 means unlimited
    /// [default: 16 per CPU core with -hooks-dir, else 256]
    #[arg(long, value_parser = go::integer::<u32>)]
    pub(crate) hooks_concurrency: Option<u32>,

    /// Answers 503 when a pre-create or pre-terminate hook cannot start within this time
    #[arg(long, default_value = "10s", value_parser = go::duration)]
    pub(crate) hooks_queue_timeout: Duration,

    #[command(flatten)]
    pub(crate) http: HttpFlags,

    #[command(flatten)]
    pub(crate) grpc: GrpcFlags,
}

/// The events of a list; an empty list means all of them.
fn kinds(list: &str) -> Result<HookKinds, String> {
    if list.is_empty() {
        return Ok(HookKinds::ALL);
    }
    let kinds = list.split(',').map(|name| {
        let kind = name.trim().parse::<HookKind>();
        kind.map_err(|_| format!("{name:?} is not the name of an event"))
    });
    kinds.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_listed_as_tusd_lists_them() {
        assert_eq!(kinds(""), Ok(HookKinds::ALL));
        let two = [HookKind::PreCreate, HookKind::PreFinish]
            .into_iter()
            .collect();
        assert_eq!(kinds("pre-create,pre-finish"), Ok(two));
        assert_eq!(kinds(" pre-finish , pre-create"), Ok(two));
        for list in ["pre-access", "pre-create,", ",", " ", "PRE-CREATE"] {
            assert!(kinds(list).is_err(), "{list:?}");
        }
    }
}
