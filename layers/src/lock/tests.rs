use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use tower::{Layer, ServiceExt, service_fn};

use super::LockLayer;
use crate::context::{Context, context};
use crate::lock::{Guard, Locker, MemoryLocker};
use crate::protocol::{Body, Error, Interrupt, Target, UploadId};

const LONG: Duration = Duration::from_secs(20);

/// Answers with the cause of the interrupt, or with 200 for an empty body.
async fn answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    if request.body().is_end_stream() {
        return Ok(Response::default());
    }
    let interrupt = Context::of(request.extensions()).interrupt();
    Ok(interrupt.fired().await.into_response())
}

fn request(method: Method, target: Target, waits: bool) -> Request<Body> {
    let told = context(|it| {
        it.set_target(target);
        it.set_interrupt(Interrupt::default());
    });
    let body = if waits { "wait" } else { "" };
    let request = Request::builder().method(method).extension(told);
    request.body(Body::from(body)).unwrap()
}

async fn send(locker: &MemoryLocker, timeout: Duration, request: Request<Body>) -> StatusCode {
    let layer = LockLayer::new(Arc::new(locker.clone())).timeout(timeout);
    let response = layer.layer(service_fn(answer)).oneshot(request).await;
    response.unwrap().status()
}

async fn hold(locker: &MemoryLocker, id: &UploadId) -> Box<dyn Guard> {
    locker
        .acquire(id, Interrupt::default(), LONG)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_changes_or_asks_for_an_upload_waits_for_it() {
    let (locker, id) = (MemoryLocker::default(), UploadId::random());
    let guard = hold(&locker, &id).await;
    for (method, status) in [
        (Method::HEAD, StatusCode::LOCKED),
        (Method::PATCH, StatusCode::LOCKED),
        (Method::DELETE, StatusCode::LOCKED),
        (Method::GET, StatusCode::OK),
        (Method::POST, StatusCode::OK),
        (Method::OPTIONS, StatusCode::OK),
    ] {
        let request = request(method, Target::Upload(id.clone()), false);
        assert_eq!(send(&locker, LONG, request).await, status);
    }
    guard.release().await;
}

#[tokio::test(start_paused = true)]
async fn no_cache_stores_the_answer_to_a_head_that_gets_no_lock() {
    let (locker, id) = (MemoryLocker::default(), UploadId::random());
    let guard = hold(&locker, &id).await;
    let layer = LockLayer::new(Arc::new(locker)).timeout(LONG);
    let request = request(Method::HEAD, Target::Upload(id), false);
    let response = layer.layer(service_fn(answer)).oneshot(request).await;
    let response = response.unwrap();
    assert_eq!(response.status(), StatusCode::LOCKED);
    assert_eq!(response.headers()["cache-control"], "no-store", "CORE-22");
    guard.release().await;
}

#[tokio::test(start_paused = true)]
async fn the_lock_is_free_when_the_answer_is_there() {
    let (locker, id) = (MemoryLocker::default(), UploadId::random());
    for _ in 0..2 {
        let request = request(Method::PATCH, Target::Upload(id.clone()), false);
        assert_eq!(send(&locker, Duration::ZERO, request).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_newcomer_ends_the_request_that_holds_the_upload() {
    let (locker, id) = (MemoryLocker::default(), UploadId::random());
    let older = tokio::spawn({
        let (locker, id) = (locker.clone(), id.clone());
        async move {
            send(
                &locker,
                LONG,
                request(Method::PATCH, Target::Upload(id), true),
            )
            .await
        }
    });
    while !format!("{locker:?}").contains("held: 1") {
        tokio::task::yield_now().await;
    }
    let newer = request(Method::HEAD, Target::Upload(id), false);
    assert_eq!(send(&locker, LONG, newer).await, StatusCode::OK);
    assert_eq!(older.await.unwrap(), Error::Interrupted.status());
}

#[tokio::test]
async fn beyond_the_limit_of_writers_a_patch_is_busy_and_other_requests_go_on() {
    let locker = MemoryLocker::default();
    let layer = LockLayer::new(Arc::new(locker.clone())).max_writers(1);
    let service = layer.layer(service_fn(answer));
    let patch = request(Method::PATCH, Target::Upload(UploadId::random()), true);
    let interrupt = Context::of(patch.extensions()).interrupt();
    let writer = tokio::spawn(service.clone().oneshot(patch));
    while !format!("{locker:?}").contains("held: 1") {
        tokio::task::yield_now().await;
    }
    let send = async |method| {
        let request = request(method, Target::Upload(UploadId::random()), false);
        service.clone().oneshot(request).await.unwrap()
    };
    let busy = send(Method::PATCH).await;
    assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(busy.headers()["retry-after"], "5");
    let error: &Error = busy.extensions().get().unwrap();
    assert_eq!(error.code(), "ERR_SERVER_BUSY");
    for method in [Method::HEAD, Method::DELETE, Method::POST, Method::GET] {
        assert_eq!(send(method).await.status(), StatusCode::OK);
    }
    interrupt.fire(Error::Interrupted);
    writer.await.unwrap().unwrap();
    assert_eq!(send(Method::PATCH).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_waits_while_the_server_shuts_down_is_told_so() {
    let (locker, id) = (MemoryLocker::default(), UploadId::random());
    let guard = hold(&locker, &id).await;
    let request = request(Method::HEAD, Target::Upload(id), false);
    let interrupt = Context::of(request.extensions()).interrupt();
    interrupt.fire(Error::Shutdown);
    let status = send(&locker, LONG, request).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    guard.release().await;
}
