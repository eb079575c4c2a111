//! Refused requests, which leave nothing behind.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, Request, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;

use super::{Private, Uploads, created, is_refused, list, on, outcome, patch, post};
use crate::context::context;
use crate::lock::Locker;
use crate::protocol::{Body, Error, Interrupt, UploadId};

/// A body without a size hint that yields these frames.
fn frames(frames: Vec<Option<&'static str>>) -> Body {
    let frames = stream::iter(frames).then(async |frame| match frame {
        Some(text) => Ok::<_, Error>(Frame::data(Bytes::from(text))),
        None => pending().await,
    });
    Body::new(StreamBody::new(Box::pin(frames)))
}

#[tokio::test]
async fn a_final_whose_body_ends_without_bytes_is_made() {
    for uploads in [Uploads::default(), Uploads::unfinished()] {
        let text = if uploads.unfinished { "hel" } else { "hello" };
        let part = uploads.partial(text).await;
        for empty in [vec![], vec![Some("")], vec![Some(""), Some("")]] {
            let request = post(&list(&[&part])).body(frames(empty)).unwrap();
            created(&uploads.send(request).await);
        }
    }
}

#[tokio::test]
async fn a_final_with_bytes_is_refused_before_anybody_is_asked() {
    let mut uploads = Uploads::default();
    let part = uploads.partial("hello").await;
    // A gate that would answer 404 for the part.
    let first = part.as_str().chars().next().unwrap();
    uploads.gate = Some(Arc::new(Private(first)));
    for body in [frames(vec![Some(""), Some("x")]), Body::from("x")] {
        let request = post(&list(&[&part])).body(body).unwrap();
        let response = uploads.send(request).await;
        is_refused(&response, 415, "ERR_INVALID_CONTENT_TYPE");
    }
}

#[tokio::test]
async fn a_final_whose_body_does_not_end_holds_none_of_its_parts() {
    let uploads = Uploads::unfinished();
    let part = uploads.partial("hel").await;
    let request = post(&list(&[&part])).body(frames(vec![None])).unwrap();
    let mut waits = pin!(uploads.send(request));
    poll_fn(|cx| {
        assert!(waits.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    // Needs the lock that the final would wait for.
    uploads.append(&part, 3, "lo").await;
}

#[tokio::test]
async fn malformed_lists_are_refused() {
    let uploads = Uploads::default();
    let part = uploads.partial("hello").await;
    for text in [
        "",
        "Partial",
        "partial ",
        "partial;",
        "partials",
        "final",
        "final;",
        "final;  ",
        "Final;/a",
        " final;/a",
        "final /a",
        "none",
    ] {
        let response = uploads.ask(post(text).header("Upload-Length", "5")).await;
        let code = match text {
            "final;" | "final;  " => "ERR_INVALID_UPLOAD_LENGTH",
            _ => "ERR_INVALID_CONCAT",
        };
        is_refused(&response, 400, code);
    }
    for text in ["final;", "final;  "] {
        is_refused(&uploads.ask(post(text)).await, 400, "ERR_INVALID_CONCAT");
    }
    let mut request = Request::post("/").body(Body::default()).unwrap();
    let bytes = http::HeaderValue::from_bytes(b"final;/\xe4").unwrap();
    request.headers_mut().insert("Upload-Concat", bytes);
    is_refused(&uploads.send(request).await, 400, "ERR_INVALID_CONCAT");

    let twice = post("partial").header("Upload-Concat", "partial");
    let response = uploads.ask(twice.header("Upload-Length", "5")).await;
    is_refused(&response, 400, "ERR_INVALID_CONCAT");
    let twice = post(&list(&[&part])).header("Upload-Concat", list(&[&part]));
    is_refused(&uploads.ask(twice).await, 400, "ERR_INVALID_CONCAT");
    assert_eq!(format!("{:?}", uploads.store), "MemoryStore { uploads: 1 }");
}

#[tokio::test]
async fn cat_06_a_final_has_no_length_of_its_own() {
    let uploads = Uploads::default();
    let part = uploads.partial("hello").await;
    for (name, value) in [("Upload-Length", "5"), ("Upload-Defer-Length", "1")] {
        let request = post(&list(&[&part])).header(name, value);
        is_refused(
            &uploads.ask(request).await,
            400,
            "ERR_INVALID_UPLOAD_LENGTH",
        );
    }
    // A partial is created like any other upload.
    is_refused(
        &uploads.ask(post("partial")).await,
        400,
        "ERR_INVALID_UPLOAD_LENGTH",
    );
    let deferred = post("partial").header("Upload-Defer-Length", "1");
    created(&uploads.ask(deferred).await);
}

#[tokio::test]
async fn amb_14_what_is_no_upload_here_is_no_part() {
    let uploads = Uploads::default();
    let part = uploads.partial("hello").await;
    for url in [
        &format!("/{}", UploadId::random()),
        "/",
        "http://example.com",
        "/../secret",
        "/%2e%2e/secret",
        "/a.info",
        "/a//b",
    ] {
        let response = uploads.ask(post(&format!("final;/{part} {url}"))).await;
        is_refused(&response, 404, "ERR_UPLOAD_NOT_FOUND");
    }
    let base = crate::protocol::BaseUrl::new("https://example.com/files");
    for (url, status) in [
        (format!("http://example.com:8080/files/{part}"), 201),
        (format!("http://other.example/files/{part}"), 404),
        (format!("/files/{part}/more"), 404),
        (format!("/files/../{part}"), 404),
    ] {
        let request =
            post(&format!("final;{url}")).extension(context(|it| it.set_base_url(base.clone())));
        assert_eq!(uploads.ask(request).await.status(), status, "CAT-18: {url}");
    }
}

#[tokio::test]
async fn cat_18_only_partials_are_parts() {
    let uploads = Uploads::default();
    let part = uploads.partial("hello").await;
    let plain = Request::post("/").header("Upload-Length", "0");
    let plain = created(&uploads.ask(plain).await);
    let made = created(&uploads.join(&[&part]).await);
    for other in [plain, made] {
        let response = uploads.join(&[&part, &other]).await;
        is_refused(&response, 400, "ERR_INVALID_CONCAT");
    }
}

#[tokio::test]
async fn amb_13_unfinished_parts_are_refused() {
    let uploads = Uploads::default();
    let (part, half) = (uploads.partial("hello").await, uploads.partial("he").await);
    let response = uploads.join(&[&part, &half]).await;
    is_refused(&response, 400, "ERR_UPLOAD_NOT_FINISHED");
    uploads.append(&half, 2, "llo").await;
    created(&uploads.join(&[&part, &half]).await);
}

#[tokio::test]
async fn a_sum_over_the_maximum_is_too_large() {
    let mut uploads = Uploads::unfinished();
    let part = uploads.partial("hello").await;
    let deferred = post("partial").header("Upload-Defer-Length", "1");
    let deferred = created(&uploads.ask(deferred).await);
    uploads.append(&deferred, 0, "hello").await;
    uploads.max = Some(10);
    created(&uploads.join(&[&part, &deferred]).await);
    uploads.max = Some(9);
    for parts in [[&part, &part], [&part, &deferred]] {
        let response = uploads.join(&parts).await;
        is_refused(&response, 413, "ERR_MAX_SIZE_EXCEEDED");
    }

    uploads.max = None;
    let huge = post("partial").header("Upload-Length", i64::MAX);
    let huge = created(&uploads.ask(huge).await);
    created(&uploads.join(&[&huge]).await);
    for parts in [&[&huge, &part][..], &[&huge, &huge, &huge]] {
        let response = uploads.join(parts).await;
        is_refused(&response, 413, "ERR_MAX_SIZE_EXCEEDED");
    }
}

#[tokio::test]
async fn cat_10_a_final_is_not_modified() {
    let uploads = Uploads::unfinished();
    let (part, half) = (uploads.partial("hello").await, uploads.partial("he").await);
    for parts in [[&part, &part], [&part, &half]] {
        let id = created(&uploads.join(&parts).await);
        let before = uploads.info(&id).await;
        for offset in [0, before.offset.get()] {
            let response = uploads.send(patch(&id, offset).body("x".into()).unwrap());
            is_refused(&response.await, 403, "ERR_MODIFY_FINAL");
        }
        assert_eq!(uploads.info(&id).await, before, "CAT-11");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_somebody_holds_is_waited_for() {
    let uploads = Uploads::default();
    let (a, b) = (
        uploads.partial("hello").await,
        uploads.partial("world").await,
    );
    for held in [&a, &b] {
        let interrupt = Interrupt::default();
        let long = Duration::from_secs(9);
        let guard = uploads.locker.acquire(held, interrupt.clone(), long).await;
        let response = uploads.join(&[&b, &a, &b]).await;
        is_refused(&response, 423, "ERR_LOCK_TIMEOUT");
        interrupt.fired().await;
        guard.unwrap().release().await;
    }
    // All locks are free again, also after a success.
    for _ in 0..2 {
        created(&uploads.join(&[&b, &a, &b]).await);
    }
    assert!(format!("{:?}", uploads.locker).contains("held: 0"));
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_interrupts_nobody() {
    let mut uploads = Uploads::default();
    let (part, half) = (uploads.partial("hello").await, uploads.partial("he").await);
    let interrupt = Interrupt::default();
    let long = Duration::from_secs(9);
    let held = uploads.locker.acquire(&half, interrupt.clone(), long).await;
    let response = uploads.join(&[&part, &half]).await;
    is_refused(&response, 400, "ERR_UPLOAD_NOT_FINISHED");

    let first = half.as_str().chars().next().unwrap();
    uploads.unfinished = true;
    uploads.gate = Some(Arc::new(Private(first)));
    let response = uploads.join(&[&half]).await;
    is_refused(&response, 404, "ERR_UPLOAD_NOT_FOUND");
    let fired = tokio::time::timeout(Duration::from_secs(1), interrupt.fired()).await;
    assert!(fired.is_err(), "it was interrupted");
    held.unwrap().release().await;
}

#[tokio::test]
async fn who_may_not_open_a_part_makes_no_final_of_it() {
    let mut uploads = Uploads::default();
    let part = uploads.partial("hello").await;
    uploads.gate = Some(Arc::new(Private(part.as_str().chars().next().unwrap())));
    let response = uploads.join(&[&part]).await;
    is_refused(&response, 404, "ERR_UPLOAD_NOT_FOUND");
    assert_eq!(format!("{:?}", uploads.store), "MemoryStore { uploads: 1 }");
}

#[tokio::test]
async fn a_stranger_is_not_told_that_a_part_is_there() {
    let mut uploads = Uploads::default();
    let half = uploads.partial("he").await;
    uploads.gate = Some(Arc::new(Private(half.as_str().chars().next().unwrap())));
    let response = uploads.join(&[&half]).await;
    is_refused(&response, 404, "ERR_UPLOAD_NOT_FOUND");
}

#[tokio::test]
async fn bytes_for_a_final_are_refused_and_leave_nothing() {
    let uploads = Uploads::default();
    let part = uploads.partial("hello").await;
    let request = post(&list(&[&part])).body("hello".into()).unwrap();
    let response = uploads.send(request).await;
    is_refused(&response, 415, "ERR_INVALID_CONTENT_TYPE");
    assert_eq!(format!("{:?}", uploads.store), "MemoryStore { uploads: 1 }");
}

#[tokio::test]
async fn uploads_without_a_role_are_served_as_ever() {
    let uploads = Uploads::default();
    let id = created(
        &uploads
            .ask(Request::post("/").header("Upload-Length", "5"))
            .await,
    );
    assert!(outcome(&uploads.append(&id, 0, "hello").await).finished);
    let head = uploads.head(&id).await;
    assert_eq!(head.headers()["upload-offset"], "5");
    assert!(!head.headers().contains_key("upload-concat"));
    let response = uploads.ask(on(Method::GET, &id)).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(uploads.delete(&id).await.status(), StatusCode::NO_CONTENT);
    assert!(!uploads.exists(&id));
}

#[tokio::test]
async fn a_final_names_at_most_a_thousand_parts_and_repeats_count() {
    let uploads = Uploads::unfinished();
    let part = uploads.partial("hello").await;
    created(&uploads.join(&vec![&part; 1000]).await);
    let response = uploads.join(&vec![&part; 1001]).await;
    is_refused(&response, 400, "ERR_TOO_MANY_PARTS");
    // Refused before any lookup.
    let unknown = UploadId::random();
    let response = uploads.join(&vec![&unknown; 1001]).await;
    is_refused(&response, 400, "ERR_TOO_MANY_PARTS");
}
