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
use tower::util::option_layer;
use tower::{ServiceBuilder, service_fn};
use tower_tus::layers::protocol::{Body, Shutdown};

use crate::flags::Flags;
use crate::metrics::Page;
use crate::say;
use crate::serve::Server;
use crate::signal::Signals;
use crate::uploads::uploads;

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
    // Before all that is measured.
    let page = match flags.expose_metrics {
        true => Some(Page::install(&flags.metrics_path)?),
        false => None,
    };
    let shutdown = Shutdown::default();
    let service = ServiceBuilder::new()
        // Outside the uploads, which may take every path.
        .layer(option_layer(page))
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(uploads(flags, &shutdown)?)
        .service(service_fn(not_found));
    let server = Server::new(service, flags.network_timeout);

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
