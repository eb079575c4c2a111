//! The life of the server, from its flags to its exit code.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use http::Response;
use tokio::time::timeout;
use tower::ServiceBuilder;
use tower::util::{MapRequestLayer, option_layer};
use tower_tus::layers::detach::DetachLayer;
use tower_tus::layers::protocol::{Body, Shutdown};

use crate::early;
use crate::files::{self, Raised};
use crate::flags::Flags;
use crate::forwarded::warning;
use crate::greeting::Elsewhere;
use crate::listener::Listener;
use crate::log::Log;
use crate::metrics::Page;
use crate::own::OwnLayer;
use crate::serve::Server;
use crate::signal::Signals;
use crate::uploads::{extensions, observed, uploads};

/// Why a server did not start: one line.
pub(crate) type StartError = Box<dyn Error + Send + Sync>;

/// Serves until a signal comes, then until what runs has ended, or a second one comes.
pub(crate) async fn run(
    flags: &Flags,
    log: &Log,
    raised: Option<Raised>,
) -> Result<ExitCode, StartError> {
    // Before anyone is told that the server runs.
    let mut signals = Signals::catch()?;
    let http2 = speaks_http2(flags)?;
    let tls = flags.tls.acceptor()?;
    // Before all that is measured.
    let page = match flags.expose_metrics {
        true => Some(Page::install(&flags.metrics_path)?),
        false => None,
    };
    let shutdown = Shutdown::default();
    // However this ends, they end with it.
    let (stack, _hook_processes) = uploads(flags, &shutdown, raised)?;
    // A server that cannot start does not take the place of one that runs.
    let listener = Listener::open(flags, tls).await?;
    let extensions = extensions(stack.clone(), flags).await;
    let service = ServiceBuilder::new()
        .layer(option_layer(warning(flags).map(MapRequestLayer::new)))
        // Outside the uploads, which may take every path.
        .layer(OwnLayer::new(page, shutdown.clone()))
        // Pages can read what is answered elsewhere too.
        .layer(option_layer(flags.cors.layer()))
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(observed(stack, flags).into_layer())
        // A refusal has to reach a client that is still sending.
        .layer(DetachLayer::new().shutdown(shutdown.clone()))
        .service(Elsewhere::new(flags));
    let mut server = Server::new(service, flags.network_timeout)
        .max_connections(files::max_connections(flags.max_connections));
    if !http2 {
        server = server.http1_only();
    }

    log.settings(flags, listener.port(), &extensions);
    // As in tusd, nothing tells of a unix socket.
    if let Some(port) = listener.port() {
        let scheme = if flags.tls.are_set() { "https" } else { "http" };
        let (host, path) = (&flags.host, flags.base_path.as_str());
        log.start_line(format_args!(
            "You can now upload files to: {scheme}://{host}:{port}{path}"
        ));
    }
    early::look_for_uploads(&flags.files.upload_dir);
    let signal = tokio::select! {
        never = server.accept(&listener) => match never {},
        signal = signals.next() => signal,
    };
    drop(listener);
    tracing::info!("{signal}, shutting down");
    tokio::select! {
        code = end(server, &shutdown, flags.shutdown_timeout) => Ok(code),
        _ = signals.next() => Ok(ExitCode::FAILURE),
    }
}

/// Ends what runs, and waits for it no longer than `limit`: it is a failure when
/// something was cut off.
async fn end<S>(server: Server<S>, shutdown: &Shutdown, limit: Duration) -> ExitCode {
    shutdown.begin();
    let ended = async {
        server.close().await;
        // Last, because only a connection starts what is waited for here.
        shutdown.drained().await;
    };
    if timeout(limit, ended).await.is_ok() {
        return ExitCode::SUCCESS;
    }
    tracing::warn!("shutdown timeout reached, what still runs is cut off");
    ExitCode::FAILURE
}

/// Whether there is HTTP/2: with TLS always.
fn speaks_http2(flags: &Flags) -> Result<bool, &'static str> {
    match (flags.enable_h2c, flags.tls.are_set()) {
        (Some(true), true) => {
            Err("-enable-h2c is HTTP/2 without TLS, which -tls-certificate asks for")
        }
        (h2c, tls) => Ok(tls || h2c.unwrap_or(true)),
    }
}
