//! Layers that end what takes long.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use http::{Method, StatusCode};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::timeout::{RequestBodyDeadlineLayer, TimeoutLayer};
use tower_tus::Stack;

use super::{ask, get, head, held, hello};
use crate::host::served;
use crate::patient;
use crate::table::uploads;
use crate::tus::{Version, code, content, number, patch, request};

/// Over soon: what is shown is what happens then.
const SHORT: Duration = Duration::from_millis(50);

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, SHORT)
}

#[tokio::test]
async fn a_timeout_around_uploads_ends_them_in_the_middle() {
    let service = ServiceBuilder::new()
        .layer(timeout())
        .layer(Stack::new(uploads().await).into_layer())
        .service(service_fn(hello));
    let (client, body) = held();
    let answer = ask(&service, patch("/files/part", 5), body).await;
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(!answer.headers().contains_key("tus-resumable"));
    // The request goes on: what still comes is stored.
    client.send("wor".into()).await.unwrap();
    // HEAD would interrupt it before it has read them.
    client.reserve().await.unwrap();
    drop(client);
    let answer = head(&service, "/files/part").await;
    assert_eq!(answer.headers()["upload-offset"], "8");
}

#[tokio::test]
async fn a_timeout_behind_ends_other_requests_and_no_upload() {
    let service = ServiceBuilder::new()
        .layer(Stack::new(uploads().await).into_layer())
        .layer(timeout())
        .service(service_fn(|_| pending::<Result<_, Infallible>>()));
    let (client, body) = held();
    let upload = patch("/files/part", 5).body(body).unwrap();
    let upload = tokio::spawn(service.clone().oneshot(upload));
    client.send("wor".into()).await.unwrap();
    client.send("ld".into()).await.unwrap();
    let answer = ask::<_, tower_tus::mount::ResponseBody<crate::tus::Content>>(
        &service,
        get("/"),
        content(""),
    )
    .await;
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    drop(client);
    let answer = patient(upload).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_idle_timeout_ends_an_upload_that_stalls_and_no_slow_one() {
    let stack = Stack::new(uploads().await).idle_timeout(SHORT);
    let service = stack.into_service();
    let (client, body) = held();
    let upload = patch("/files/part", 5).body(body).unwrap();
    let upload = tokio::spawn(service.clone().oneshot(upload));
    client.send("wor".into()).await.unwrap();
    client.send("l".into()).await.unwrap();
    let answer = patient(upload).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let answer = head(&service, "/files/part").await;
    assert_eq!(answer.headers()["upload-offset"], "9");
}

#[tokio::test]
async fn a_deadline_for_the_body_keeps_what_came_before_it() {
    let service = ServiceBuilder::new()
        .layer(RequestBodyDeadlineLayer::new(SHORT))
        .service(Stack::new(uploads().await).into_service());
    let (client, body) = held();
    client.send("wor".into()).await.unwrap();
    let answer = ask(&service, patch("/files/part", 5), body).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(code(&answer), "ERR_BODY_READ");
    let answer = head(&service, "/files/part").await;
    assert_eq!(number(answer.headers(), "upload-offset"), 8);
}

fn routes() -> Routes {
    let never = || pending::<StatusCode>();
    Routes::from(Router::new().route("/never", any(never)))
}

#[tokio::test]
async fn tonics_timeout_ends_uploads_with_a_200() {
    for version in [Version::Http1, Version::Http2] {
        let layer = Stack::new(uploads().await).into_layer();
        let peer = served(
            |listener| async {
                let served = Server::builder()
                    .accept_http1(true)
                    .timeout(SHORT)
                    .layer(layer)
                    .add_routes(routes())
                    .serve_with_incoming(TcpIncoming::from(listener));
                served.await.unwrap();
            },
            version,
        );
        let (_client, body) = held();
        let answer = peer.send(patch("/files/part", 5).body(body).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::OK, "{version:?}");
        assert!(answer.headers().contains_key("grpc-status"));
        assert!(!answer.headers().contains_key("tus-resumable"));
    }
}

#[tokio::test]
async fn a_timeout_behind_in_tonic_ends_other_requests_and_no_upload() {
    for version in [Version::Http1, Version::Http2] {
        let layer = Stack::new(uploads().await).into_layer();
        let peer = served(
            |listener| async {
                let served = Server::builder()
                    .accept_http1(true)
                    .layer(layer)
                    .layer(timeout())
                    .add_routes(routes())
                    .serve_with_incoming(TcpIncoming::from(listener));
                served.await.unwrap();
            },
            version,
        );
        let (client, body) = held();
        let upload = peer.send(patch("/files/part", 5).body(body).unwrap());
        let other = async {
            client.send("wor".into()).await.unwrap();
            client.send("ld".into()).await.unwrap();
            let never = request(Method::GET, "/never").body(content(""));
            let answer = peer.send(never.unwrap()).await;
            assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT, "{version:?}");
            drop(client);
        };
        let (upload, ()) = tokio::join!(upload, other);
        assert_eq!(upload.status(), StatusCode::NO_CONTENT, "{version:?}");
    }
}
