//! Uploads that expire, through the whole stack.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use tower_tus::layers::protocol::Interrupt;
use tower_tus::{
    AccessRequest, Body, Clock, Error, Expiration, Gate, Locker, MemoryLocker, MemoryStore, Stack,
    TusService, Upload, async_trait,
};

use crate::{append, channel, code, creation, location, request, send};

/// Uploads that expire after an hour, by a clock that the test advances.
fn hour() -> (Arc<AtomicU64>, Expiration) {
    let ahead = Arc::new(AtomicU64::new(0));
    let clock = Clock::from_fn({
        let ahead = Arc::clone(&ahead);
        move || SystemTime::now() + Duration::from_secs(ahead.load(Ordering::Relaxed))
    });
    let expiration = Expiration::after(Duration::from_secs(3600)).clock(clock);
    (ahead, expiration)
}

fn is_told(response: &http::Response<Body>) -> bool {
    response.headers().contains_key("upload-expires")
}

async fn create(service: &TusService) -> String {
    let created = send(service, creation(), "").await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert!(is_told(&created), "EXP-04");
    location(&created)
}

#[tokio::test]
async fn exp_03_every_response_to_a_patch_tells_it_from_which_layer_ever_it_comes() {
    let locker = Arc::new(MemoryLocker::default());
    let service = Stack::new(MemoryStore::default())
        .expiration(hour().1)
        .max_size(10)
        .max_open_uploads(1)
        .lock_timeout(Duration::from_millis(1))
        .locker(Arc::clone(&locker))
        .into_service();
    let url = create(&service).await;
    let wrong = "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (request, body, status) in [
        (append(&url).header("Upload-Length", "11"), "", 413),
        (append(&url).header("Upload-Checksum", "sha1 !"), "", 400),
        (append(&url).header("Upload-Checksum", wrong), "hello", 460),
        (append(&url).header("Upload-Length", "4"), "", 400),
        (append(&url), "hello world", 413),
        (request(Method::PATCH, &url), "hello", 415),
    ] {
        let refused = send(&service, request, body).await;
        assert_eq!(refused.status(), status, "{}", code(&refused));
        assert!(is_told(&refused), "{status}");
    }

    let held = id(&url);
    let guard = locker.acquire(&held, Interrupt::default(), Duration::ZERO);
    let guard = guard.await.unwrap();
    let locked = send(&service, append(&url), "hello").await;
    assert_eq!(locked.status(), StatusCode::LOCKED);
    assert!(is_told(&locked));
    guard.release().await;

    let other = create(&service).await;
    let (sender, body) = channel();
    let running = tokio::spawn({
        let (service, url) = (service.clone(), url.clone());
        async move { send(&service, append(&url), body).await }
    });
    let busy = loop {
        let answer = send(&service, append(&other), "").await;
        match answer.status() {
            StatusCode::NO_CONTENT => tokio::task::yield_now().await,
            _ => break answer,
        }
    };
    assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(is_told(&busy));
    sender.send("hel").unwrap();
    drop(sender);
    let appended = running.await.unwrap();
    assert_eq!(appended.status(), StatusCode::NO_CONTENT);
    assert!(is_told(&appended));

    let conflict = send(&service, append(&url), "lo").await;
    assert_eq!(conflict.status(), StatusCode::CONFLICT);
    assert!(is_told(&conflict));
    let rest = request(Method::PATCH, &url)
        .header("Upload-Offset", "3")
        .header("Content-Type", "application/offset+octet-stream");
    let completed = send(&service, rest, "lo").await;
    assert_eq!(completed.status(), StatusCode::NO_CONTENT);
    assert!(!is_told(&completed), "EXP-09");
}

fn id(url: &str) -> tower_tus::UploadId {
    url.strip_prefix("/files/").unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_stranger_learns_no_date_and_not_that_an_upload_has_expired() {
    let (ahead, expiration) = hour();
    let service = Stack::new(MemoryStore::default())
        .expiration(expiration.clone())
        .access(async |request: AccessRequest| {
            let is_owner = request.parts().headers.contains_key("x-owner");
            is_owner.then_some(()).ok_or(Error::AccessDenied)
        })
        .into_service();
    let created = send(&service, creation().header("x-owner", "1"), "").await;
    let url = location(&created);
    let stranger = async || {
        for request in [append(&url), request(Method::HEAD, &url)] {
            let refused = send(&service, request, "").await;
            assert_eq!(refused.status(), StatusCode::FORBIDDEN);
            assert!(!is_told(&refused));
        }
    };
    stranger().await;
    ahead.store(3601, Ordering::Relaxed);
    stranger().await;
    expiration.bury(&id(&url));
    stranger().await;
    let gone = send(&service, append(&url).header("x-owner", "1"), "").await;
    assert_eq!(gone.status(), StatusCode::GONE, "EXP-07");
}

#[tokio::test]
async fn a_get_that_a_cache_has_made_of_head_tells_it_like_head() {
    let (ahead, expiration) = hour();
    let store = MemoryStore::default();
    let service = Stack::new(store).expiration(expiration).into_service();
    let url = create(&service).await;
    for method in [Method::HEAD, Method::GET] {
        let found = send(&service, request(method.clone(), &url), "").await;
        assert_eq!(found.status(), StatusCode::OK);
        assert!(is_told(&found), "{method}");
    }
    ahead.store(3601, Ordering::Relaxed);
    for method in [Method::HEAD, Method::GET] {
        let gone = send(&service, request(method.clone(), &url), "").await;
        assert_eq!(code(&gone), "ERR_UPLOAD_EXPIRED", "{method}");
        assert_eq!(gone.headers()["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn exp_04_a_creation_with_bytes_tells_it_unless_they_are_all() {
    let service = Stack::new(MemoryStore::default())
        .expiration(hour().1)
        .into_service();
    for (bytes, expires) in [("", true), ("hel", true), ("hello", false)] {
        let request = creation().header("Content-Type", "application/offset+octet-stream");
        let created = send(&service, request, bytes).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        assert_eq!(is_told(&created), expires, "{bytes:?}");
    }
}

#[tokio::test]
async fn an_expired_upload_is_gone_for_downloads_and_for_finals_but_not_for_delete() {
    let (ahead, expiration) = hour();
    let service = Stack::new(MemoryStore::default())
        .expiration(expiration)
        .unfinished_concatenation()
        .into_service();
    let partial = creation().header("Upload-Concat", "partial");
    let part = location(&send(&service, partial, "").await);
    let final_of = || {
        let list = format!("final;{part}");
        request(Method::POST, "/files/").header("Upload-Concat", list)
    };
    ahead.store(3601, Ordering::Relaxed);
    for request in [final_of(), http::Request::get(&part)] {
        let gone = send(&service, request, "").await;
        assert_eq!(code(&gone), "ERR_UPLOAD_EXPIRED");
    }
    ahead.store(0, Ordering::Relaxed);
    let made = send(&service, final_of(), "").await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert!(is_told(&made), "a pending final is unfinished");
    let refused = send(&service, append(&location(&made)), "").await;
    assert_eq!(code(&refused), "ERR_MODIFY_FINAL");
    assert!(is_told(&refused), "EXP-03");
    ahead.store(3601, Ordering::Relaxed);
    let kept = send(&service, request(Method::HEAD, &part), "").await;
    assert_eq!(kept.status(), StatusCode::OK, "the final needs it");
    let ended = send(&service, request(Method::DELETE, &location(&made)), "").await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    let gone = send(&service, request(Method::HEAD, &part), "").await;
    assert_eq!(gone.status(), StatusCode::GONE);
    let ended = send(&service, request(Method::DELETE, &part), "").await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
}

#[derive(Debug)]
struct Refusing;

#[async_trait]
impl Gate for Refusing {
    async fn complete(&self, _: &http::request::Parts, _: &Upload) -> Result<(), Error> {
        Err(Error::Rejected)
    }

    fn decides_completion(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_complete_upload_expires_once_its_last_attempt_was_refused() {
    let (ahead, expiration) = hour();
    let service = Stack::new(MemoryStore::default())
        .expiration(expiration)
        .finish_attempts(2)
        .add_gate(Refusing)
        .into_service();
    let url = create(&service).await;
    let refused = send(&service, append(&url), "hello").await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(!is_told(&refused), "the server still tries");
    ahead.store(3601, Ordering::Relaxed);
    let refused = send(&service, request(Method::HEAD, &url), "").await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(is_told(&refused), "this was the last attempt");
    let gone = send(&service, request(Method::HEAD, &url), "").await;
    assert_eq!(gone.status(), StatusCode::GONE);
}
