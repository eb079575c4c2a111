//! The life of the server, from its flags to its exit code.

mod commands;

use std::convert::Infallible;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;
use std::{env, io};

use http::{Request, Response};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tower::util::{MapRequestLayer, option_layer};
use tower::{Service, ServiceBuilder};
use tower_tus::TusLayer;
use tower_tus::layers::detach::DetachLayer;
use tower_tus::layers::lock::Locker;
use tower_tus::layers::protocol::{Body, Shutdown};

use crate::error::StartError;
use crate::flags::{Flags, ParseError};
use crate::log::Log;
use crate::net::{
    Listener, MalformedLayer, RequestIdLayer, Server, hide_credentials, tls, warn_of_proxy_once,
};
use crate::pages::{GreetingPage, MetricsPage, NotFound, PageLayer};
use crate::process::{self, Raised, Signals, complain, say};
use crate::uploads::{self, Limits, Storage, Uploads};

/// The most bytes that one read brings where bodies wait for memory in turns.
const SMALL_READ: u64 = 32 << 10;

/// Runs the program and returns its exit code.
pub(crate) fn main() -> ExitCode {
    if let Some(code) = process::launched() {
        return code;
    }
    let flags = match Flags::parse(env::args_os().skip(1), env::vars_os()) {
        Ok(flags) => flags,
        Err(ParseError::Help(help)) => {
            say(format_args!("{help}"));
            return ExitCode::SUCCESS;
        }
        Err(ParseError::Invalid(line)) => {
            complain(format_args!("{line}"));
            return ExitCode::from(2);
        }
    };
    if flags.version {
        say(format_args!("tower-tusd {}", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    if let Some(command) = &flags.command {
        return commands::main(&flags, command);
    }
    let log = Log::begin(&flags.log);
    for warning in &flags.warnings {
        tracing::warn!("{warning}");
    }
    let code = start(&flags, &log);
    log.end();
    code.unwrap_or_else(|error| {
        complain(format_args!("{error}"));
        ExitCode::FAILURE
    })
}

fn start(flags: &Flags, log: &Log) -> Result<ExitCode, StartError> {
    process::keep_freed_memory();
    let raised = process::raise_open_files();
    let runtime = runtime().map_err(|error| StartError::unusable("cannot start threads", error))?;
    let code = runtime.block_on(serve(flags, log, raised));
    // A disk that hangs must not delay the exit.
    runtime.shutdown_background();
    code
}

/// Maximum number of threads for what blocks: the file store uses at most 48, and
/// the rest is for checksums and the look-up of hosts.
const BLOCKING_THREADS: usize = 128;

/// How long such a thread waits for more. Many come in a burst, and one step now and
/// then, which they take in turns, would keep all of them.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Starts two workers more than there are cores, and at least four.
///
/// File operations run on the workers, on all but one of them. So while some wait
/// for a moment, each core still has a worker; and while all of them hang, one
/// worker serves the requests that need no disk.
fn runtime() -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    // Like any program on tokio, it leaves the number to this variable.
    if env::var_os("TOKIO_WORKER_THREADS").is_none() {
        let cores = available_parallelism().map_or(1, NonZero::get);
        builder.worker_threads((cores + 2).max(4));
    }
    builder
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(KEEP_ALIVE)
        .enable_all()
        .build()
}

/// Serves until a signal arrives, then until the running requests have ended or
/// a second signal arrives.
async fn serve(flags: &Flags, log: &Log, raised: Option<Raised>) -> Result<ExitCode, StartError> {
    // First, because whoever sees the ready line may send a signal.
    let mut signals =
        Signals::catch().map_err(|error| StartError::unusable("cannot catch signals", error))?;
    let http2 = speaks_http2(flags)?;
    let tls = tls::acceptor(&flags.listen.tls)?;
    // Before everything that is measured.
    let metrics = match flags.metrics.expose_metrics {
        true => Some(MetricsPage::install(&flags.metrics.metrics_path)?),
        false => None,
    };
    let shutdown = Shutdown::default();
    let limits = Limits {
        downloads: process::max_downloads(),
        open_uploads: process::max_open_uploads(),
        launcher: raised.and_then(Raised::launcher),
    };
    // The processes of hooks end when this is dropped, whatever the reason.
    let Uploads {
        stack,
        storage,
        locker,
        quota,
        hook_processes: _hook_processes,
    } = uploads::stack(flags, limits, &shutdown).await?;
    // Last, so that a server that cannot start does not take the place of one that runs.
    let listener = Listener::open(&flags.listen, tls).await?;
    let extensions = uploads::extensions(stack.clone(), flags).await;

    let (layer, handle) = uploads::observed(stack, flags).into_layer_and_uploads();
    let handle = Arc::new(handle);
    if let Some(quota) = quota {
        quota.evict_through(&handle);
    }
    let service = service(flags, layer, metrics, &shutdown);
    let mut server = Server::new(service, flags.listen.network_timeout())
        .max_connections(process::max_connections(flags.listen.max_connections));
    if !http2 {
        server = server.http1_only();
    }
    if let Storage::Objects(_) = storage {
        server = server.max_read(SMALL_READ);
    }

    log.settings(flags, listener.port(), &extensions);
    if let Storage::Files(_) = storage {
        uploads::look_for_early(&flags.files.upload_dir);
    }
    uploads::tend(handle.as_ref().clone(), flags, &shutdown);
    uploads::sweep(&storage, Arc::clone(&locker), flags, &shutdown);
    let signal = tokio::select! {
        never = server.accept(&listener) => match never {},
        signal = signals.next() => signal,
    };
    drop(listener);
    tracing::info!("{signal}, shutting down");
    let code = tokio::select! {
        code = end(server, &shutdown, flags.listen.shutdown_timeout) => code,
        _ = signals.next() => ExitCode::FAILURE,
    };
    // Until now, the last requests could make room through it. It has the locker.
    drop(handle);
    tidy_up(locker).await;
    Ok(code)
}

/// Removes the file whose links are the locks. If requests that were cut off still
/// need it, or the disk hangs, it stays for the next start to remove.
async fn tidy_up(locker: Arc<dyn Locker>) {
    /// A disk that hangs must not delay the exit.
    const LIMIT: Duration = Duration::from_secs(1);
    let removed = tokio::task::spawn_blocking(move || drop(locker));
    let _ = timeout(LIMIT, removed).await;
}

/// Everything between a connection and the answer, outermost first.
fn service(
    flags: &Flags,
    uploads_layer: TusLayer,
    metrics: Option<MetricsPage>,
    shutdown: &Shutdown,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let greeting = flags.log.show_greeting;
    let greeting = greeting.then(|| GreetingPage::new(flags.location.base_path.as_str()));
    let proxy_ignored = !flags.location.behind_proxy && flags.location.public_url().is_none();
    let page = |page| PageLayer::new(page, shutdown.clone());
    let greet = |page| PageLayer::new(page, shutdown.clone());
    ServiceBuilder::new()
        // Outermost, so that nothing inside can log them by accident.
        .layer(MapRequestLayer::new(hide_credentials))
        .layer(RequestIdLayer)
        .layer(option_layer(
            proxy_ignored.then(|| MapRequestLayer::new(warn_of_proxy_once)),
        ))
        .layer(MalformedLayer::new(shutdown.clone()))
        // Outside the uploads, which may take every path.
        .layer(option_layer(metrics.map(page)))
        // Pages of other origins can read the answers from here on inwards.
        .layer(option_layer(uploads::cors(&flags.cors)))
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(uploads_layer)
        .layer(option_layer(greeting.map(greet)))
        // A refusal must reach a client that is still sending.
        .layer(DetachLayer::new().shutdown(shutdown.clone()))
        .service(NotFound)
}

/// Ends what runs, and waits for it for up to `limit`: cutting something off is a failure.
async fn end<S>(server: Server<S>, shutdown: &Shutdown, limit: Duration) -> ExitCode {
    shutdown.begin();
    let ended = async {
        server.close().await;
        // After the connections, because only they start tasks.
        shutdown.drained().await;
    };
    if timeout(limit, ended).await.is_ok() {
        return ExitCode::SUCCESS;
    }
    tracing::warn!("shutdown timeout reached, running requests are cut off");
    ExitCode::FAILURE
}

/// Whether HTTP/2 is on, which it always is over TLS.
fn speaks_http2(flags: &Flags) -> Result<bool, StartError> {
    let listen = &flags.listen;
    match (listen.enable_h2c, listen.tls.are_set()) {
        (Some(true), true) => Err(StartError::Flags(
            "-enable-h2c is HTTP/2 without TLS, but -tls-certificate enables TLS".to_owned(),
        )),
        (h2c, tls) => Ok(tls || h2c.unwrap_or(true)),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::Barrier;
    use std::time::Instant;

    use super::*;

    fn threads() -> usize {
        std::fs::read_dir("/proc/self/task").unwrap().count()
    }

    #[test]
    fn a_burst_leaves_no_threads_although_some_step_runs_now_and_then() {
        const BURST: usize = 60;
        let runtime = runtime().unwrap();
        let all = Arc::new(Barrier::new(BURST + 1));
        for _ in 0..BURST {
            let all = Arc::clone(&all);
            runtime.spawn_blocking(move || all.wait());
        }
        all.wait();
        let most = threads();
        assert!(most > BURST);
        let begin = Instant::now();
        // Ten steps in each second, as a server with open uploads has.
        while threads() > most - BURST / 2 {
            assert!(begin.elapsed() < Duration::from_secs(60), "{}", threads());
            std::thread::sleep(Duration::from_millis(100));
            runtime.spawn_blocking(|| {});
        }
    }
}
