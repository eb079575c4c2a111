//! Two stores of tower-tus in one process, each with the whole stack and all its defaults.
//!
//! The uploads below `/files/` are in `data`, and those below `/beside/` in `beside`. Any other
//! path is the metrics page. There are as many threads as in `tower-tusd`.

use std::convert::Infallible;
use std::future::ready;
use std::net::Ipv4Addr;
use std::num::NonZero;
use std::path::Path;
use std::thread::available_parallelism;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use metrics_util::debugging::{DebuggingRecorder, Snapshotter};
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower_tus::{FileLocker, FileStore, Stack, TusLayer};

use crate::Result;
use crate::options::Stores;
use crate::stall::BESIDE;

/// Serves until the process is killed.
pub(crate) fn run(stores: &Stores) -> Result<()> {
    let cores = available_parallelism().map_or(1, NonZero::get);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads((cores + 2).max(4)).enable_all();
    runtime.build()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, stores.port)).await?;
        serve(listener, Path::new(".")).await
    })
}

/// Serves all connections of a listener.
pub(crate) async fn serve(listener: TcpListener, home: &Path) -> Result<()> {
    let recorder = DebuggingRecorder::new();
    let metrics = recorder.snapshotter();
    recorder.install()?;
    let service = ServiceBuilder::new()
        .layer(uploads("/files/", &home.join("data"))?)
        .layer(uploads(BESIDE, &home.join("beside"))?)
        .service_fn(move |_: Request<Incoming>| ready(Ok::<_, Infallible>(page(&metrics))));
    let service = TowerToHyperService::new(service);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (io, service) = (TokioIo::new(socket), service.clone());
        tokio::spawn(http1::Builder::new().serve_connection(io, service));
    }
}

fn uploads(base_path: &str, dir: &Path) -> Result<TusLayer> {
    let store = FileStore::new(dir);
    store.prepare()?;
    let locker = FileLocker::beside(&store);
    let stack = Stack::new(store).locker(locker).base_path(base_path);
    Ok(stack.metrics("tus").into_layer())
}

fn page(metrics: &Snapshotter) -> Response<Full<Bytes>> {
    let lines = metrics.snapshot().into_vec().into_iter();
    let lines = lines.map(|(key, _, _, value)| format!("{} {value:?}\n", key.key()));
    Response::new(Full::from(lines.collect::<String>()))
}
