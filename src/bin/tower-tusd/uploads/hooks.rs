//! Hooks of one of three kinds: executables, an HTTP server, or a gRPC service.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tower_tus::Stack;
use tower_tus::hooks::{HttpHooks, HttpHooksError, ProcessHooks};
use tower_tus::layers::hooks::Hooks;

use super::hooks_dir::check;
#[cfg(feature = "hooks-grpc")]
use super::hooks_grpc;
use crate::error::StartError;
use crate::flags::{HookFlags, HttpFlags};

/// A program that starts hooks, and its arguments.
pub(crate) type Launcher = (PathBuf, [String; 2]);

/// Adds the hooks to the stack, if the flags name any. Their processes end when
/// the second value is dropped.
pub(super) fn install(
    flags: &HookFlags,
    stack: Stack,
    launcher: Option<Launcher>,
) -> Result<(Stack, HookProcesses), StartError> {
    let stack = stack
        .hook_kinds(flags.hooks_enabled_events)
        .progress_interval(flags.progress_hooks_interval)
        .finish_attempts(flags.hooks_finish_attempts);
    check_one_kind(flags)?;
    if let Some(hooks) = process(flags, launcher)? {
        let processes = HookProcesses(Some(hooks.clone()));
        return Ok((stack.hooks(hooks), processes));
    }
    let stack = match remote(flags)? {
        Some(hooks) => stack.hooks(hooks),
        None => stack,
    };
    Ok((stack, HookProcesses(None)))
}

/// Refuses several kinds of hooks, of which only one would be used.
fn check_one_kind(flags: &HookFlags) -> Result<(), StartError> {
    let kinds = [
        ("-hooks-dir", !flags.hooks_dir.is_empty()),
        ("-hooks-http", !flags.http.hooks_http.is_empty()),
        ("-hooks-grpc", flags.grpc.address().is_some()),
    ];
    let set: Vec<_> = kinds.into_iter().filter(|kind| kind.1).collect();
    match &set[..] {
        [(one, _), (other, _), ..] => Err(StartError::Flags(format!(
            "{one} and {other} cannot be used together: hooks are of one kind"
        ))),
        _ => Ok(()),
    }
}

fn process(
    flags: &HookFlags,
    launcher: Option<Launcher>,
) -> Result<Option<ProcessHooks>, StartError> {
    if flags.hooks_dir.is_empty() {
        return Ok(None);
    }
    let dir = Path::new(&flags.hooks_dir);
    check(dir, flags.hooks_enabled_events)?;
    let mut hooks = ProcessHooks::new(dir)
        .timeout(or_unlimited(flags.hooks_process_timeout))
        .queue_timeout(flags.hooks_queue_timeout);
    if let Some(concurrency) = concurrency(flags) {
        hooks = hooks.concurrency(concurrency);
    }
    if let Some((program, args)) = launcher {
        hooks = hooks.launcher(program, args);
    }
    Ok(Some(hooks))
}

fn remote(flags: &HookFlags) -> Result<Option<Arc<dyn Hooks>>, StartError> {
    if let Some(mut hooks) = http(&flags.http)? {
        if let Some(concurrency) = concurrency(flags) {
            hooks = hooks.concurrency(concurrency);
        }
        let hooks = hooks.queue_timeout(flags.hooks_queue_timeout);
        return Ok(Some(Arc::new(hooks)));
    }
    grpc(flags)
}

#[cfg(feature = "hooks-grpc")]
fn grpc(flags: &HookFlags) -> Result<Option<Arc<dyn Hooks>>, StartError> {
    let Some(mut hooks) = hooks_grpc::hooks(&flags.grpc)? else {
        return Ok(None);
    };
    if let Some(concurrency) = concurrency(flags) {
        hooks = hooks.concurrency(concurrency);
    }
    let hooks = hooks.queue_timeout(flags.hooks_queue_timeout);
    Ok(Some(Arc::new(hooks)))
}

/// Refuses the flag in a server that was built without gRPC.
#[cfg(not(feature = "hooks-grpc"))]
fn grpc(flags: &HookFlags) -> Result<Option<Arc<dyn Hooks>>, StartError> {
    match flags.grpc.address() {
        Some(_) => Err(StartError::Flags(
            "-hooks-grpc is not built in: build the server with the feature `server`".to_owned(),
        )),
        None => Ok(None),
    }
}

fn http(flags: &HttpFlags) -> Result<Option<HttpHooks>, StartError> {
    let url = &flags.hooks_http;
    if url.is_empty() {
        return Ok(None);
    }
    let unusable = |error| StartError::unusable(format!("cannot use -hooks-http {url}"), error);
    http_at(url, flags).map(Some).map_err(unusable)
}

fn http_at(url: &str, flags: &HttpFlags) -> Result<HttpHooks, HttpHooksError> {
    let hooks = HttpHooks::new(url)?
        .forward_headers(flags.hooks_http_forward_headers.0.iter().cloned())
        .attempts(u32::try_from(flags.hooks_http_retry.max(1)).unwrap_or(u32::MAX))
        .backoff(flags.hooks_http_backoff)
        .timeout(or_unlimited(flags.hooks_http_timeout))
        .size_limit(flags.hooks_http_size_limit);
    match flags.hooks_http_skip_verify {
        true => hooks.skip_verify(),
        false => Ok(hooks),
    }
}

fn concurrency(flags: &HookFlags) -> Option<usize> {
    let concurrency = flags.hooks_concurrency?;
    Some(usize::try_from(concurrency).unwrap_or(usize::MAX))
}

pub(super) fn or_unlimited(limit: Duration) -> Duration {
    match limit {
        Duration::ZERO => Duration::MAX,
        limit => limit,
    }
}

/// The processes of hooks, which end when this is dropped.
#[derive(Default)]
pub(crate) struct HookProcesses(Option<ProcessHooks>);

impl Drop for HookProcesses {
    fn drop(&mut self) {
        if let Some(hooks) = &self.0 {
            hooks.kill_all();
        }
    }
}

#[cfg(all(test, not(feature = "hooks-grpc")))]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        hooks: HookFlags,
    }

    #[test]
    fn a_server_without_grpc_refuses_its_flag() {
        let refused = |args: &[&str]| grpc(&Flags::parse_from(args).hooks).err();
        assert!(refused(&["tower-tusd"]).is_none());
        let error = refused(&["tower-tusd", "--hooks-grpc=localhost:1"]).unwrap();
        assert!(error.to_string().contains("not built in"), "{error}");
    }
}
