//! The life of the server, from its flags to its exit code.

use std::convert::Infallible;
use std::error::Error;
use std::fs::DirBuilder;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use tokio::time::timeout;
use tower::{Layer, service_fn};
use tower_tus::layers::protocol::Shutdown;
use tower_tus::lock::FileLocker;
use tower_tus::store::FileStore;
use tower_tus::{Stack, TusLayer};

use crate::flags::Flags;
use crate::say;
use crate::serve::Server;
use crate::signal::Signals;

/// Why a server did not start: one line.
pub(crate) type StartError = Box<dyn Error + Send + Sync>;

/// Serves until a signal comes, then until what runs has ended, or a second one comes.
pub(crate) async fn run(flags: &Flags) -> Result<ExitCode, StartError> {
    // Before anyone is told that the server runs.
    let mut signals = Signals::catch()?;
    make_directory(&flags.upload_dir)
        .map_err(|error| format!("cannot make {}: {error}", flags.upload_dir.display()))?;
    let (host, port) = (&flags.host, flags.port);
    let listener = host
        .listen(port)
        .await
        .map_err(|error| format!("cannot listen on {host}:{port}: {error}"))?;
    let port = listener.local_addr()?.port();
    let shutdown = Shutdown::default();
    let server = Server::new(tus(flags, &shutdown).layer(service_fn(not_found)));

    let path = flags.base_path.as_str();
    say(format_args!(
        "You can now upload files to: http://{host}:{port}{path}"
    ));
    let signal = tokio::select! {
        never = server.accept(&listener) => match never {},
        signal = signals.next() => signal,
    };
    drop(listener);
    tracing::info!("{signal}, shutting down");
    tokio::select! {
        () = end(server, &shutdown, flags.shutdown_timeout) => Ok(ExitCode::SUCCESS),
        _ = signals.next() => Ok(ExitCode::FAILURE),
    }
}

/// Ends what runs, and waits for it no longer than `limit`.
async fn end<S>(server: Server<S>, shutdown: &Shutdown, limit: Duration) {
    shutdown.begin();
    let ended = async {
        server.close().await;
        // Last, because only a connection starts what is waited for here.
        shutdown.drained().await;
    };
    if timeout(limit, ended).await.is_err() {
        tracing::warn!("shutdown timeout reached, what still runs is cut off");
    }
}

fn tus(flags: &Flags, shutdown: &Shutdown) -> TusLayer {
    let store = FileStore::new(&flags.upload_dir).durability(flags.durability);
    let locker = FileLocker::new(&flags.upload_dir)
        .holder_poll_interval(flags.filelock_holder_poll_interval)
        .acquirer_poll_interval(flags.filelock_acquirer_poll_interval);
    Stack::new(store)
        .locker(locker)
        .base_path(flags.base_path.as_str())
        .lock_timeout(flags.acquire_lock_timeout)
        .shutdown(shutdown.clone())
        .into_layer()
}

async fn not_found<B>(_: Request<B>) -> Result<Response<String>, Infallible> {
    let mut response = Response::new("not found\n".to_owned());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    Ok(response)
}

fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    // tusd's mode, less the umask.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o775);
    builder.recursive(true).create(path)
}
