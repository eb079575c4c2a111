//! Hooks, as the flags say.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use http::HeaderName;
use tower_tus::Stack;
use tower_tus::hooks::{HttpHooks, HttpHooksError, ProcessHooks};
use tower_tus::layers::hooks::{HookKind, HookKinds, Hooks};

use crate::files::Raised;
use crate::go;
use crate::hooks_dir::look_through;
use crate::hooks_grpc::GrpcFlags;
use crate::list::{List, list};
use crate::run::StartError;

/// Flags about hooks: a directory, a URL, or a gRPC service.
#[derive(Debug, Args)]
pub(crate) struct HookFlags {
    /// Events that hooks are asked or told, separated by commas; none is all seven
    #[arg(
        long,
        default_value = "pre-create,post-create,post-receive,post-terminate,post-finish",
        value_parser = kinds
    )]
    hooks_enabled_events: HookKinds,

    /// How often hooks are told how far an upload has come
    #[arg(long, default_value = "1s", value_parser = go::duration)]
    progress_hooks_interval: Duration,

    /// How often a complete upload is tried to be finished before it is rejected; 0 is without end
    #[arg(long, default_value = "10", value_parser = go::integer::<u32>)]
    hooks_finish_attempts: u32,

    /// Directory of executables, one for each event
    #[arg(long, default_value = "", hide_default_value = true)]
    hooks_dir: OsString,

    /// How long an executable is waited for; 0 is for ever
    #[arg(long, default_value = "60s", value_parser = go::duration)]
    hooks_process_timeout: Duration,

    /// Maximum number of hooks that run at once; 0 means unlimited
    /// [default: 16 per CPU core with -hooks-dir, else 256]
    #[arg(long, value_parser = go::integer::<u32>)]
    hooks_concurrency: Option<u32>,

    /// Answers 503 when a pre-create or pre-terminate hook cannot start within this time
    #[arg(long, default_value = "10s", value_parser = go::duration)]
    hooks_queue_timeout: Duration,

    #[command(flatten)]
    http: HttpFlags,

    #[command(flatten)]
    grpc: GrpcFlags,
}

/// Flags about hooks behind a URL.
#[derive(Debug, Args)]
struct HttpFlags {
    /// URL that each event is sent to
    #[arg(long, default_value = "", hide_default_value = true)]
    hooks_http: String,

    /// Headers of a client's request that are passed on, separated by commas
    #[arg(long, default_value = "", hide_default_value = true, value_parser = list::<HeaderName>)]
    hooks_http_forward_headers: List<HeaderName>,

    /// How often an event is sent at most
    #[arg(long, default_value = "3", value_parser = go::integer::<i64>)]
    hooks_http_retry: i64,

    /// How long to wait before it is sent again
    #[arg(long, default_value = "1s", value_parser = go::duration)]
    hooks_http_backoff: Duration,

    /// How long an answer may take, with all attempts; 0 is for ever
    #[arg(long, default_value = "15s", value_parser = go::duration)]
    hooks_http_timeout: Duration,

    /// How many bytes an answer may have
    #[arg(long, default_value = "5120", value_parser = go::integer::<u64>)]
    hooks_http_size_limit: u64,

    /// Accept any certificate of the server
    #[arg(long)]
    hooks_http_skip_verify: bool,
}

impl HookFlags {
    /// Puts the hooks into the stack, if there are any, and gives what ends their
    /// processes with the server.
    pub(crate) fn install(
        &self,
        stack: Stack,
        raised: Option<Raised>,
    ) -> Result<(Stack, HookProcesses), StartError> {
        let stack = stack
            .kinds(self.hooks_enabled_events)
            .progress_interval(self.progress_hooks_interval)
            .finish_attempts(self.hooks_finish_attempts);
        self.is_one_kind()?;
        if let Some(hooks) = self.process(raised)? {
            let processes = HookProcesses(Some(hooks.clone()));
            return Ok((stack.hooks(hooks), processes));
        }
        let stack = match self.remote()? {
            Some(hooks) => stack.hooks(hooks),
            None => stack,
        };
        Ok((stack, HookProcesses(None)))
    }

    /// Of several kinds of hooks all but one would be left out.
    fn is_one_kind(&self) -> Result<(), StartError> {
        let kinds = [
            ("-hooks-dir", !self.hooks_dir.is_empty()),
            ("-hooks-http", !self.http.hooks_http.is_empty()),
            ("-hooks-grpc", self.grpc.address().is_some()),
        ];
        let set: Vec<_> = kinds.into_iter().filter(|kind| kind.1).collect();
        match &set[..] {
            [(one, _), (other, _), ..] => Err(format!(
                "{one} and {other} cannot be used together: hooks are of one kind"
            )
            .into()),
            _ => Ok(()),
        }
    }

    /// What tusd says of its hooks at the start.
    pub(crate) fn start_lines(&self) -> Vec<String> {
        let what = if !self.hooks_dir.is_empty() {
            let dir = Path::new(&self.hooks_dir);
            let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
            format!("Using '{}' for hooks", dir.display())
        } else if !self.http.hooks_http.is_empty() {
            format!("Using '{}' as the endpoint for hooks", self.http.hooks_http)
        } else if let Some(address) = self.grpc.address() {
            format!("Using '{address}' as the endpoint for gRPC hooks")
        } else {
            return Vec::new();
        };
        let kinds = HookKind::ALL.iter().copied();
        let kinds = kinds.filter(|&kind| self.hooks_enabled_events.contains(kind));
        let kinds: Vec<_> = kinds.map(HookKind::as_str).collect();
        vec![what, format!("Enabled hook events: {}", kinds.join(", "))]
    }

    fn process(&self, raised: Option<Raised>) -> Result<Option<ProcessHooks>, StartError> {
        if self.hooks_dir.is_empty() {
            return Ok(None);
        }
        let dir = Path::new(&self.hooks_dir);
        look_through(dir, self.hooks_enabled_events)?;
        let mut hooks = ProcessHooks::new(dir)
            .timeout(or_for_ever(self.hooks_process_timeout))
            .queue_timeout(self.hooks_queue_timeout);
        if let Some(concurrency) = self.concurrency() {
            hooks = hooks.concurrency(concurrency);
        }
        if let Some((program, args)) = raised.and_then(Raised::launcher) {
            hooks = hooks.launcher(program, args);
        }
        Ok(Some(hooks))
    }

    fn remote(&self) -> Result<Option<Arc<dyn Hooks>>, StartError> {
        if let Some(hooks) = self.http.hooks()? {
            let hooks = match self.concurrency() {
                Some(concurrency) => hooks.concurrency(concurrency),
                None => hooks,
            };
            return Ok(Some(Arc::new(
                hooks.queue_timeout(self.hooks_queue_timeout),
            )));
        }
        let Some(hooks) = self.grpc.hooks()? else {
            return Ok(None);
        };
        let hooks = match self.concurrency() {
            Some(concurrency) => hooks.concurrency(concurrency),
            None => hooks,
        };
        Ok(Some(Arc::new(
            hooks.queue_timeout(self.hooks_queue_timeout),
        )))
    }

    fn concurrency(&self) -> Option<usize> {
        let concurrency = self.hooks_concurrency?;
        Some(usize::try_from(concurrency).unwrap_or(usize::MAX))
    }
}

/// The processes of hooks, which end when this is dropped.
pub(crate) struct HookProcesses(Option<ProcessHooks>);

impl Drop for HookProcesses {
    fn drop(&mut self) {
        if let Some(hooks) = &self.0 {
            hooks.kill_all();
        }
    }
}

impl HttpFlags {
    fn hooks(&self) -> Result<Option<HttpHooks>, StartError> {
        let url = &self.hooks_http;
        if url.is_empty() {
            return Ok(None);
        }
        let hooks = self.hooks_at(url);
        let hooks = hooks.map_err(|error| format!("cannot use -hooks-http {url}: {error}"))?;
        Ok(Some(hooks))
    }

    fn hooks_at(&self, url: &str) -> Result<HttpHooks, HttpHooksError> {
        let hooks = HttpHooks::new(url)?
            .forward_headers(self.hooks_http_forward_headers.0.iter().cloned())
            .attempts(u32::try_from(self.hooks_http_retry.max(1)).unwrap_or(u32::MAX))
            .backoff(self.hooks_http_backoff)
            .timeout(or_for_ever(self.hooks_http_timeout))
            .size_limit(self.hooks_http_size_limit);
        match self.hooks_http_skip_verify {
            true => hooks.skip_verify(),
            false => Ok(hooks),
        }
    }
}

pub(crate) fn or_for_ever(limit: Duration) -> Duration {
    match limit {
        Duration::ZERO => Duration::MAX,
        limit => limit,
    }
}

/// The events of a list, all for an empty one.
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
