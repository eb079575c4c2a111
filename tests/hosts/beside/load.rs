//! Layers that let requests wait, or turn them away.

use std::convert::Infallible;
use std::future::{Ready, pending, poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::routing::any;
use http::{Method, Request, Response, StatusCode};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tus::{Stack, TusLayer};

use super::{ask, get, head, held, hello};
use crate::patient;
use crate::table::uploads;
use crate::tus::{Content, code, content, number, patch, request};

async fn uploads_layer() -> TusLayer {
    Stack::new(uploads().await).into_layer()
}

/// Whether a future that has been polled is not ready.
async fn waits<F: Future>(mut future: Pin<&mut F>) -> bool {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

/// A service that is never ready.
#[derive(Clone)]
struct Never;

impl Service<Request<Content>> for Never {
    type Response = Response<Content>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Content>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<Content>) -> Self::Future {
        unreachable!("it is not ready")
    }
}

#[tokio::test]
async fn an_upload_does_not_wait_for_the_service_behind() {
    let service = uploads_layer().await.layer(Never);
    let answer = ask(&service, patch("/files/part", 5), content("world")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let other = service.clone().oneshot(get("/").body(content("")).unwrap());
    assert!(waits(pin!(other)).await);
}

/// A service that is broken before it is called.
#[derive(Clone)]
struct Broken;

impl Service<Request<Content>> for Broken {
    type Response = Response<Content>;
    type Error = &'static str;
    type Future = Ready<Result<Response<Content>, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Err("broken"))
    }

    fn call(&mut self, _: Request<Content>) -> Self::Future {
        ready(Ok(Response::new(content("called anyway"))))
    }
}

#[tokio::test]
async fn a_service_behind_that_is_broken_fails_its_own_requests_alone() {
    let service = uploads_layer().await.layer(Broken);
    let answer = ask(&service, patch("/files/part", 5), content("world")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let other = service.oneshot(get("/").body(content("")).unwrap()).await;
    assert_eq!(other.err(), Some("broken"));
}

/// Tells that it was called, and answers never.
fn stuck(
    called: UnboundedSender<()>,
) -> impl Service<
    Request<Content>,
    Response = Response<Content>,
    Error = Infallible,
    Future: Send + 'static,
> + Clone
+ Send {
    service_fn(move |_| {
        called.send(()).unwrap();
        pending()
    })
}

#[tokio::test]
async fn a_concurrency_limit_behind_that_is_reached_blocks_no_upload() {
    let (called, mut is_called) = unbounded_channel();
    let service = ServiceBuilder::new()
        .layer(uploads_layer().await)
        .concurrency_limit(1)
        .service(stuck(called));
    let slot = service.clone().oneshot(get("/").body(content("")).unwrap());
    let slot = tokio::spawn(slot);
    patient(is_called.recv()).await.unwrap();

    let answer = ask(&service, patch("/files/part", 5), content("world")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);

    // The slot is free again with the request that had it.
    let other = service.clone().oneshot(get("/").body(content("")).unwrap());
    let mut other = pin!(other);
    assert!(waits(other.as_mut()).await);
    assert!(is_called.try_recv().is_err());
    slot.abort();
    tokio::select! {
        _ = other => unreachable!("it never answers"),
        called = patient(is_called.recv()) => called.unwrap(),
    }
}

#[tokio::test]
async fn a_concurrency_limit_around_uploads_keeps_head_from_an_upload_that_stalls() {
    let service = ServiceBuilder::new()
        .concurrency_limit(1)
        .layer(uploads_layer().await)
        .service(service_fn(hello));
    let (client, body) = held();
    let patch = patch("/files/part", 5).body(body).unwrap();
    let mut uploading = service.clone();
    let answer = tokio::spawn(uploading.ready().await.unwrap().call(patch));
    client.send("wor".into()).await.unwrap();

    let mut waiting = service.clone();
    assert!(waits(pin!(waiting.ready())).await);

    client.send("ld".into()).await.unwrap();
    drop(client);
    let answer = patient(answer).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let head = request(Method::HEAD, "/files/part").body(content(""));
    let waiting = patient(waiting.ready()).await.unwrap();
    let answer = patient(waiting.call(head.unwrap())).await.unwrap();
    assert_eq!(answer.headers()["upload-offset"], "10");
}

#[tokio::test]
async fn a_limit_of_the_stack_turns_uploads_away_and_lets_head_pass() {
    let service = Stack::new(uploads().await)
        .max_open_uploads(1)
        .into_layer()
        .layer(service_fn(hello));
    let (client, body) = held();
    let first = patch("/files/part", 5).body(body).unwrap();
    let first = tokio::spawn(service.clone().oneshot(first));
    // The second is taken when the first has been read.
    client.send("w".into()).await.unwrap();
    client.send("o".into()).await.unwrap();

    let answer = ask(&service, patch("/files/deferred", 0), content("x")).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(code(&answer), "ERR_SERVER_BUSY");
    assert!(answer.headers().contains_key("retry-after"));

    let answer = head(&service, "/files/part").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(number(answer.headers(), "upload-offset") > 5);
    let first = patient(first).await.unwrap().unwrap();
    assert!(first.status().is_client_error());
}

#[tokio::test]
async fn a_limit_at_a_place_of_the_stack_delays_uploads_alone() {
    let service = Stack::new(uploads().await)
        .layer_outside(GlobalConcurrencyLimitLayer::new(1))
        .into_layer()
        .layer(service_fn(hello));
    let (client, body) = held();
    let first = patch("/files/part", 5).body(body).unwrap();
    let first = tokio::spawn(service.clone().oneshot(first));
    client.send("wor".into()).await.unwrap();
    client.send("l".into()).await.unwrap();

    let answer = ask(&service, get("/"), content("")).await;
    assert_eq!(answer.body(), "hello");
    let mut second = pin!(head(&service, "/files/part"));
    assert!(waits(second.as_mut()).await);
    drop(client);
    let answer = patient(first).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(second.await.headers()["upload-offset"], "9");
}

#[tokio::test]
async fn load_shed_behind_turns_other_requests_away_and_no_upload() {
    let (called, mut is_called) = unbounded_channel();
    let stuck = move || {
        called.send(()).unwrap();
        pending::<StatusCode>()
    };
    let overloaded = |_: BoxError| async { StatusCode::SERVICE_UNAVAILABLE };
    let layers = ServiceBuilder::new()
        .layer(uploads_layer().await)
        .layer(HandleErrorLayer::new(overloaded))
        .load_shed()
        // One for all routes: axum makes a layer's service for each of them.
        .layer(GlobalConcurrencyLimitLayer::new(1));
    let service = Router::new().route("/stuck", any(stuck)).layer(layers);
    let slot = get("/stuck").body(content("")).unwrap();
    let slot = tokio::spawn(service.clone().oneshot(slot));
    patient(is_called.recv()).await.unwrap();

    let answer = ask(&service, get("/stuck"), content("")).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let answer = ask(&service, patch("/files/part", 5), content("world")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    slot.abort();
}

#[tokio::test]
async fn load_shed_around_uploads_sheds_by_the_limit_that_is_inside_it() {
    let service = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(1)
        .layer(uploads_layer().await)
        .service(service_fn(hello));
    let (client, body) = held();
    let mut first = service.clone();
    let patch = patch("/files/part", 5).body(body).unwrap();
    let first = tokio::spawn(first.ready().await.unwrap().call(patch));
    let second = request(Method::HEAD, "/files/part").body(content(""));
    let second = service.clone().oneshot(second.unwrap()).await;
    // An error and no response: the host, or a layer outside, has to answer.
    assert!(
        second
            .unwrap_err()
            .is::<tower::load_shed::error::Overloaded>()
    );
    drop(client);
    patient(first).await.unwrap().unwrap();
}

#[tokio::test]
async fn uploads_pass_a_buffer() {
    let service = ServiceBuilder::new()
        .buffer(8)
        .layer(uploads_layer().await)
        .service(service_fn(hello));
    let answer = ask(&service, patch("/files/part", 5), content("world")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let answer = ask(&service, get("/"), content("")).await;
    assert_eq!(answer.body(), "hello");
}
