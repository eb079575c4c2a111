//! Interrupted copies of finals, which leave nothing behind.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::{Method, Response, StatusCode};

use super::{Uploads, created, is_refused, list, on, patch, post};
use crate::context::{Context, context};
use crate::lock::Locker;
use crate::protocol::{Body, Disconnect, Error, Interrupt, UploadId};

/// Enough parts for the copy to take several steps.
const TIMES: usize = 1000;

/// The bytes of a part.
const SIZE: usize = 10_000;

/// Polls until something is locked.
async fn begin(uploads: &Uploads, copy: &mut (impl Future<Output = Response<Body>> + Unpin)) {
    poll_fn(|cx| {
        let copied = std::pin::Pin::new(&mut *copy).poll(cx);
        assert!(copied.is_pending(), "{copied:?}");
        match format!("{:?}", uploads.locker).contains("held: 1") {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

/// Creates a partial and stores all but the last `missing` bytes.
async fn partial(uploads: &Uploads, missing: usize) -> UploadId {
    let request = post("partial").header("Upload-Length", SIZE);
    let id = created(&uploads.ask(request).await);
    let text = "x".repeat(SIZE - missing).leak();
    uploads.append(&id, 0, text).await;
    id
}

fn is_alone(uploads: &Uploads) {
    assert_eq!(format!("{:?}", uploads.store), "MemoryStore { uploads: 1 }");
    assert!(format!("{:?}", uploads.locker).contains("held: 0"));
}

fn interrupted_by(interrupt: Interrupt) -> Context {
    context(|it| it.set_interrupt(interrupt))
}

#[tokio::test]
async fn a_copy_ends_when_somebody_waits_for_a_part() {
    let uploads = Uploads::default();
    let part = partial(&uploads, 0).await;
    let many = vec![&part; TIMES];
    let mut copy = Box::pin(uploads.join(&many));
    begin(&uploads, &mut copy).await;
    let (interrupt, long) = (Interrupt::default(), Duration::from_secs(20));
    let waits = uploads.locker.acquire(&part, interrupt, long);
    let (response, guard) = tokio::join!(copy, waits);
    is_refused(&response, 423, "ERR_LOCK_TIMEOUT");
    assert_eq!(response.headers()["retry-after"], "1");
    guard.unwrap().release().await;
    is_alone(&uploads);
    // A retry succeeds.
    created(&uploads.join(&many).await);
}

#[tokio::test]
async fn a_copy_ends_at_a_shutdown() {
    let uploads = Uploads::default();
    let part = partial(&uploads, 0).await;
    let interrupt = Interrupt::default();
    let request = post(&list(&vec![&part; TIMES])).extension(interrupted_by(interrupt.clone()));
    let mut copy = Box::pin(uploads.ask(request));
    begin(&uploads, &mut copy).await;
    interrupt.fire(Error::Shutdown);
    is_refused(&copy.await, 503, "ERR_SERVER_SHUTDOWN");
    is_alone(&uploads);
}

#[tokio::test]
async fn a_copy_ends_when_its_client_has_gone() {
    let uploads = Uploads::default();
    let part = partial(&uploads, 0).await;
    let disconnect = Disconnect::default();
    let told = disconnect.clone();
    let request = post(&list(&vec![&part; TIMES])).extension(context(|it| it.set_disconnect(told)));
    let mut copy = Box::pin(uploads.ask(request));
    begin(&uploads, &mut copy).await;
    disconnect.report();
    is_refused(&copy.await, 400, "ERR_UNEXPECTED_EOF");
    is_alone(&uploads);
}

/// Creates a pending final whose last part is finished by a request that is
/// interrupted.
async fn cut_off(cause: Error) -> (Uploads, UploadId) {
    let uploads = Uploads::unfinished();
    let half = partial(&uploads, 2).await;
    let id = created(&uploads.join(&vec![&half; TIMES]).await);
    let interrupt = Interrupt::default();
    interrupt.fire(cause);
    let request = patch(&half, SIZE as u64 - 2)
        .extension(interrupted_by(interrupt))
        .body("xx".into());
    let response = uploads.send(request.unwrap()).await;
    assert_eq!(
        response.status(),
        StatusCode::NO_CONTENT,
        "it has its bytes"
    );
    assert!(uploads.info(&id).await.is_pending());
    (uploads, id)
}

#[tokio::test]
async fn a_pending_final_whose_copy_is_cut_off_is_completed_later() {
    for cause in [Error::Interrupted, Error::Shutdown] {
        let (uploads, id) = cut_off(cause).await;
        let head = uploads.head(&id).await;
        assert_eq!(head.headers()["upload-offset"], "10000000", "CAT-13");
        assert!(uploads.bytes(&id) == "x".repeat(SIZE * TIMES), "CAT-05");
    }
}

#[tokio::test]
async fn those_who_ask_for_a_pending_final_do_not_end_its_copy() {
    let (uploads, id) = cut_off(Error::Interrupted).await;
    let interrupt = Interrupt::default();
    // Like another HEAD that waits for the final.
    interrupt.fire(Error::Interrupted);
    let head = uploads
        .ask(on(Method::HEAD, &id).extension(interrupted_by(interrupt)))
        .await;
    assert_eq!(head.headers()["upload-offset"], "10000000");

    let (uploads, id) = cut_off(Error::Interrupted).await;
    let interrupt = Interrupt::default();
    interrupt.fire(Error::Shutdown);
    let head = pin!(uploads.ask(on(Method::HEAD, &id).extension(interrupted_by(interrupt)))).await;
    is_refused(&head, 503, "ERR_SERVER_SHUTDOWN");
    assert!(uploads.info(&id).await.is_pending());
}
