//! Graceful shutdown, as programs write it.

use std::net::SocketAddr;
use std::pin::pin;

use async_trait::async_trait;
use axum::Router;
use http::request::Parts;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower_tus::layers::gate::Gate;
use tower_tus::layers::protocol::{Action, Error, Shutdown, Upload};
use tower_tus::{Stack, TusService};

use super::{head, held};
use crate::patient;
use crate::table::uploads;
use crate::tus::{Tus, Version, code, number, patch};

/// Tells when an upload is opened.
#[derive(Debug)]
struct Opened(UnboundedSender<()>);

#[async_trait]
impl Gate for Opened {
    async fn opened(&self, _: &Parts, _: &Upload, _: Action) -> Result<(), Error> {
        // The test may not look any more.
        let _ = self.0.send(());
        Ok(())
    }
}

async fn stack(shutdown: &Shutdown) -> (Stack, UnboundedReceiver<()>) {
    let (opened, is_opened) = unbounded_channel();
    let stack = Stack::new(uploads().await)
        .add_gate(Opened(opened))
        .shutdown(shutdown.clone());
    (stack, is_opened)
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A server that runs until it is stopped, and the service that it runs.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    service: TusService,
    is_opened: UnboundedReceiver<()>,
}

async fn by_axum() -> Running {
    let shutdown = Shutdown::default();
    let (stack, is_opened) = stack(&shutdown).await;
    let service = stack.into_service();
    let (listener, address) = listen().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let router: Router = Router::new().nest_service("/files", service.clone());
    let server = tokio::spawn(async move {
        let signal = {
            let shutdown = shutdown.clone();
            async move {
                drop(stopped.await);
                // Ends the uploads, which the server would else wait for.
                shutdown.begin();
            }
        };
        axum::serve(listener, router)
            .with_graceful_shutdown(signal)
            .await
            .unwrap();
        shutdown.drained().await;
    });
    Running {
        address,
        stop,
        server,
        service,
        is_opened,
    }
}

async fn by_hyper() -> Running {
    let shutdown = Shutdown::default();
    let (stack, is_opened) = stack(&shutdown).await;
    let service = stack.into_service();
    let (listener, address) = listen().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let hosted = TowerToHyperService::new(service.clone());
    let server = tokio::spawn(async move {
        let graceful = GracefulShutdown::new();
        let mut stopped = pin!(stopped);
        loop {
            let (socket, _) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                _ = &mut stopped => break,
            };
            let server = Builder::new(TokioExecutor::new());
            let connection = server.serve_connection(TokioIo::new(socket), hosted.clone());
            let connection = graceful.watch(connection.into_owned());
            tokio::spawn(async move { drop(connection.await) });
        }
        drop(listener);
        shutdown.begin();
        graceful.shutdown().await;
        shutdown.drained().await;
    });
    Running {
        address,
        stop,
        server,
        service,
        is_opened,
    }
}

/// Stops the server in the middle of an upload: the client learns of it, and can go
/// on from what was stored.
async fn stops(mut running: Running, version: Version) {
    let url = format!("http://{}/files/part", running.address);
    let (client, body) = held();
    let request = patch(&url, 5).body(body).unwrap();
    let tus = Tus::new(&url, version);
    let upload = tokio::spawn(async move { tus.send(request).await });
    client.send("wor".into()).await.unwrap();
    patient(running.is_opened.recv()).await.unwrap();
    running.stop.send(()).unwrap();

    let answer = patient(upload).await.unwrap();
    assert_eq!(code(&answer), "ERR_SERVER_SHUTDOWN", "{version:?}");
    patient(running.server).await.unwrap();
    let answer = head(&running.service, "/files/part").await;
    let offset = number(answer.headers(), "upload-offset");
    assert!([5, 8].contains(&offset), "{version:?}: {offset}");
}

#[tokio::test]
async fn a_graceful_shutdown_of_axum_ends_uploads_and_waits_for_them() {
    for version in [Version::Http1, Version::Http2] {
        stops(by_axum().await, version).await;
    }
}

#[tokio::test]
async fn a_graceful_shutdown_of_hyper_ends_uploads_and_waits_for_them() {
    for version in [Version::Http1, Version::Http2] {
        stops(by_hyper().await, version).await;
    }
}
