//! Finals of unfinished parts.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

use super::super::ConcatenationLayer;
use super::{Uploads, created, is_refused, list, on, outcome, patch, post};
use crate::context::{Context, Derived, Rollback};
use crate::gate::Gate;
use crate::lock::Locker;
use crate::protocol::{Body, Concat, Error, FinishState, Interrupt, Length, NewUpload};
use crate::protocol::{Metadata, Outcome, Role, Target, Upload, UploadId};
use crate::service::Core;
use crate::store::{Concatenator, Store};

/// A gate that counts finished uploads, after the given number of failures.
#[derive(Debug, Default)]
struct Deciding {
    failures: AtomicU32,
    finished: AtomicU32,
}

#[async_trait]
impl Gate for Deciding {
    async fn complete(&self, _: &Parts, _: &Upload) -> Result<(), Error> {
        let fails = |left: u32| left.checked_sub(1);
        let failures = &self.failures;
        if failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails)
            .is_ok()
        {
            return Err(Error::internal("the gate's own reason"));
        }
        self.finished.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn decides_completion(&self) -> bool {
        true
    }
}

/// A gate that decides only about finals.
#[derive(Debug)]
struct OfFinals(Arc<Deciding>);

#[async_trait]
impl Gate for OfFinals {
    async fn complete(&self, request: &Parts, upload: &Upload) -> Result<(), Error> {
        match upload.is_final() {
            true => self.0.complete(request, upload).await,
            false => Ok(()),
        }
    }

    fn decides_completion(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn cuf_02_who_finishes_the_last_part_completes_the_final() {
    let mut uploads = Uploads::unfinished();
    let gate = Arc::new(Deciding::default());
    uploads.gate = Some(gate.clone());
    let (a, b) = (uploads.partial("he").await, uploads.partial("wo").await);
    let parts = [&b, &a, &b];
    let response = uploads.join(&parts).await;
    assert_eq!(response.headers()["upload-concat"], list(&parts), "CAT-17");
    assert!(!outcome(&response).finished);
    let id = created(&response);
    for part in [&a, &b] {
        let awaited = uploads.info(part).await.concat.unwrap();
        let known = awaited.awaited_by();
        assert_eq!(known, std::slice::from_ref(&id), "each part knows it once");
    }

    let response = uploads.append(&a, 2, "llo").await;
    assert!(outcome(&response).finished && outcome(&response).others.is_empty());
    let head = uploads.head(&id).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert!(!head.headers().contains_key("upload-offset"), "CAT-12");
    assert_eq!(head.headers()["upload-length"], "15", "CAT-15");
    assert_eq!(head.headers()["upload-concat"], list(&parts), "CAT-16");
    assert_eq!(gate.finished.load(Ordering::SeqCst), 1);

    let response = uploads.append(&b, 2, "rld").await;
    let [other] = &outcome(&response).others[..] else {
        panic!("{response:?}");
    };
    assert!(other.finished && other.upload.id == id && !other.created);
    assert_eq!(uploads.bytes(&id), "worldhelloworld", "CAT-05");
    assert_eq!(gate.finished.load(Ordering::SeqCst), 3);
    let head = uploads.head(&id).await;
    assert_eq!(head.headers()["upload-offset"], "15", "CAT-13");
    assert!(!outcome(&head).finished, "it was finished before");
}

#[tokio::test]
async fn one_part_may_complete_many_finals() {
    let uploads = Uploads::unfinished();
    let (a, b, c) = (
        uploads.partial("hello").await,
        uploads.partial("wo").await,
        uploads.partial("yo").await,
    );
    let first = created(&uploads.join(&[&a, &b]).await);
    let other = created(&uploads.join(&[&b, &c]).await);
    let second = created(&uploads.join(&[&b]).await);
    let response = uploads.append(&b, 2, "rld").await;
    let others = outcome(&response).others.iter();
    let others: Vec<_> = others.map(|other| other.upload.id.clone()).collect();
    assert_eq!(others, [first.clone(), second.clone()]);
    assert_eq!(uploads.bytes(&first), "helloworld");
    assert_eq!(uploads.bytes(&second), "world");
    assert!(uploads.info(&other).await.is_pending());
}

#[tokio::test]
async fn cat_15_a_length_is_told_as_soon_as_all_parts_have_one() {
    let uploads = Uploads::unfinished();
    let deferred = post("partial").header("Upload-Defer-Length", "1");
    let deferred = created(&uploads.ask(deferred).await);
    let part = uploads.partial("hello").await;
    let id = created(&uploads.join(&[&deferred, &part]).await);
    let told = |head: Response<Body>| {
        assert!(!head.headers().contains_key("upload-defer-length"));
        assert!(!head.headers().contains_key("upload-offset"), "CAT-12");
        head.headers().get("upload-length").cloned()
    };
    assert_eq!(told(uploads.head(&id).await), None);

    let declare = patch(&deferred, 0).header("Upload-Length", "3");
    let response = uploads.send(declare.body("ab".into()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let length = HeaderValue::from_static("8");
    assert_eq!(told(uploads.head(&id).await), Some(length));

    uploads.append(&deferred, 2, "c").await;
    assert_eq!(uploads.bytes(&id), "abchello");
    assert_eq!(
        uploads.info(&id).await.length,
        Some(Length::from(8)),
        "CAT-04"
    );
}

#[tokio::test]
async fn a_part_that_is_not_finished_is_none_although_it_is_complete() {
    let mut uploads = Uploads::default();
    let gate = Arc::new(Deciding::default());
    uploads.gate = Some(gate.clone());
    let part = uploads.partial("he").await;
    uploads.unfinished = true;
    let id = created(&uploads.join(&[&part]).await);
    uploads.unfinished = false;
    gate.failures.store(1, Ordering::SeqCst);
    let response = uploads
        .send(patch(&part, 2).body("llo".into()).unwrap())
        .await;
    is_refused(&response, 500, "ERR_INTERNAL_SERVER_ERROR");
    let response = uploads.join(&[&part]).await;
    is_refused(&response, 400, "ERR_UPLOAD_NOT_FINISHED");
    let head = uploads.head(&id).await;
    assert!(!head.headers().contains_key("upload-offset"), "CAT-12");

    // HEAD of the part finishes it, which completes the final.
    let head = uploads.head(&part).await;
    assert_eq!(head.headers()["upload-offset"], "5");
    assert_eq!(outcome(&head).others.len(), 1);
    assert_eq!(uploads.bytes(&id), "hello");
    created(&uploads.join(&[&part]).await);
}

#[tokio::test]
async fn a_final_that_a_gate_does_not_let_be_finished_is_tried_again_by_head() {
    let mut uploads = Uploads::unfinished();
    let part = uploads.partial("he").await;
    let id = created(&uploads.join(&[&part]).await);

    let gate = Arc::new(Deciding::default());
    gate.failures.store(2, Ordering::SeqCst);
    uploads.gate = Some(Arc::new(OfFinals(gate)));
    let response = uploads.append(&part, 2, "llo").await;
    assert!(outcome(&response).finished, "the part is");
    let [other] = &outcome(&response).others[..] else {
        panic!("{response:?}");
    };
    assert!(!other.finished);
    is_refused(&uploads.head(&id).await, 500, "ERR_INTERNAL_SERVER_ERROR");
    let head = uploads.head(&id).await;
    assert_eq!(head.headers()["upload-offset"], "5");
    assert!(outcome(&head).finished);
}

/// Creates a pending final that its parts do not know, like after a crash in between.
async fn forgotten(uploads: &Uploads, parts: &[&UploadId]) -> UploadId {
    let mut new = NewUpload::new(None, Metadata::EMPTY);
    let parts = parts.iter().map(|&part| part.clone()).collect();
    let role = Role::Final {
        parts,
        pending: true,
    };
    new.concat = Some(Concat::new(role, None));
    new.finishing = Some(FinishState::Pending { attempts: 0 });
    let id = new.id.clone();
    uploads.store.create(new).await.unwrap();
    id
}

#[tokio::test]
async fn head_completes_a_final_whose_parts_were_finished_without_it() {
    // Also if unfinished parts are no longer accepted.
    let uploads = Uploads::default();
    let part = uploads.partial("hell").await;
    let id = forgotten(&uploads, &[&part]).await;
    let head = uploads.head(&id).await;
    assert!(!head.headers().contains_key("upload-offset"), "CAT-12");
    let response = uploads.append(&part, 4, "o").await;
    assert!(outcome(&response).others.is_empty());

    let head = uploads.head(&id).await;
    assert_eq!(head.headers()["upload-offset"], "5", "CAT-13");
    assert_eq!(head.headers()["upload-concat"], list(&[&part]), "CAT-16");
    assert!(outcome(&head).finished);
    assert_eq!(uploads.bytes(&id), "hello");
}

#[tokio::test]
async fn head_finishes_a_final_that_was_assembled_and_no_more() {
    let uploads = Uploads::default();
    let part = uploads.partial("hello").await;
    let id = forgotten(&uploads, &[&part]).await;
    uploads
        .store
        .assemble(&id, &Interrupt::default())
        .await
        .unwrap();
    let head = uploads.head(&id).await;
    assert_eq!(head.headers()["upload-offset"], "5", "CAT-13");
    assert!(outcome(&head).finished);
}

#[tokio::test]
async fn get_completes_a_final_too() {
    let uploads = Uploads::default();
    let part = uploads.partial("hell").await;
    let id = forgotten(&uploads, &[&part]).await;
    let core = Core::new(uploads.store.clone());
    // A service next to the core that answers GET with an outcome.
    let store = uploads.store.clone();
    let inner = service_fn(move |request: Request<Body>| {
        let (core, store) = (core.clone(), store.clone());
        async move {
            if request.method() != Method::GET {
                return core.oneshot(request).await;
            }
            let (parts, _) = request.into_parts();
            let Ok(Target::Upload(id)) = Context::target(&parts) else {
                panic!("it is about an upload");
            };
            let upload = store.open(&id).await.unwrap().info().clone();
            let mut response = Response::new(Body::default());
            let offset = upload.offset.get();
            response
                .headers_mut()
                .insert("content-length", offset.into());
            response.extensions_mut().insert(Outcome::new(upload));
            Ok::<_, Infallible>(response)
        }
    });
    let locker = Arc::new(uploads.locker.clone());
    let layer = ConcatenationLayer::new(Arc::new(uploads.store.clone()), locker);
    let service = layer.lock_timeout(Duration::from_millis(20)).layer(inner);
    let get = || {
        let request = on(Method::GET, &id).body(Body::default()).unwrap();
        service.clone().oneshot(request)
    };
    assert_eq!(get().await.unwrap().headers()["content-length"], "0");
    uploads.append(&part, 4, "o").await;

    let (interrupt, long) = (Interrupt::default(), Duration::from_secs(9));
    let held = uploads.locker.acquire(&id, interrupt, long).await.unwrap();
    is_refused(&get().await.unwrap(), 423, "ERR_LOCK_TIMEOUT");
    held.release().await;

    let response = get().await.unwrap();
    assert_eq!(response.headers()["content-length"], "5");
    assert!(outcome(&response).finished);
    assert!(!outcome(&get().await.unwrap()).finished);

    let gone = UploadId::random();
    let id = forgotten(&uploads, &[&part, &gone]).await;
    let get = on(Method::GET, &id).body(Body::default()).unwrap();
    let response = service.oneshot(get).await.unwrap();
    is_refused(&response, 404, "ERR_UPLOAD_NOT_FOUND");
    assert!(!uploads.exists(&id));
}

#[tokio::test]
async fn a_part_that_has_expired_ends_what_is_pending_for_it() {
    let uploads = Uploads::unfinished();
    let part = uploads.partial("wo").await;
    let pending = created(&uploads.join(&[&part]).await);
    let (parts, ()) = Request::new(()).into_parts();
    let removal = Derived::Rollback(part.clone(), Rollback::Expired).of(parts);
    let response = uploads.send(Request::from_parts(removal, Body::default()));
    let response = response.await;
    let outcome = outcome(&response);
    assert!(outcome.expired && !outcome.terminated);
    let [ended] = &outcome.others[..] else {
        panic!("{response:?}");
    };
    assert!(ended.terminated && ended.upload.id == pending);
    assert!(!uploads.exists(&pending) && !uploads.exists(&part));
}

#[tokio::test]
async fn who_ends_a_part_ends_what_is_pending_for_it() {
    let uploads = Uploads::unfinished();
    let (a, b) = (uploads.partial("hello").await, uploads.partial("wo").await);
    let pending = created(&uploads.join(&[&a, &b]).await);
    let other = created(&uploads.join(&[&a, &a]).await);
    let response = uploads.delete(&b).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let [ended] = &outcome(&response).others[..] else {
        panic!("{response:?}");
    };
    assert!(ended.terminated && ended.upload.id == pending);
    assert!(!uploads.exists(&pending));

    let response = uploads.delete(&a).await;
    assert!(outcome(&response).others.is_empty());
    assert_eq!(
        uploads.bytes(&other),
        "hellohello",
        "it needs no part any more"
    );
}

#[tokio::test]
async fn who_ends_a_finished_part_ends_what_is_pending_for_others() {
    let uploads = Uploads::unfinished();
    let (a, b) = (uploads.partial("hello").await, uploads.partial("wo").await);
    let pending = created(&uploads.join(&[&b, &a, &a]).await);
    for part in [&a, &b] {
        let concat = uploads.info(part).await.concat.unwrap();
        assert_eq!(concat.awaited_by(), std::slice::from_ref(&pending));
    }
    let response = uploads.delete(&a).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(outcome(&response).others[0].terminated);
    // Another upload may get the id of the part now, and must not become a part.
    assert!(!uploads.exists(&pending));
}

#[tokio::test]
async fn a_part_that_was_awaited_ends_no_final_that_is_made() {
    let uploads = Uploads::unfinished();
    let part = uploads.partial("he").await;
    let id = created(&uploads.join(&[&part]).await);
    uploads.append(&part, 2, "llo").await;
    let response = uploads.delete(&part).await;
    assert!(outcome(&response).others.is_empty());
    assert_eq!(uploads.bytes(&id), "hello");
    let head = uploads.head(&id).await;
    assert_eq!(head.headers()["upload-offset"], "5");
}

#[tokio::test(start_paused = true)]
async fn whoever_ends_a_part_does_not_wait_for_a_final_that_no_longer_needs_it() {
    let uploads = Uploads::unfinished();
    let part = uploads.partial("he").await;
    let id = created(&uploads.join(&[&part]).await);
    uploads.append(&part, 2, "llo").await;
    let (interrupt, long) = (Interrupt::default(), Duration::from_secs(9));
    let held = uploads.locker.acquire(&id, interrupt.clone(), long).await;
    let begun = Instant::now();
    let response = uploads.delete(&part).await;
    assert!(outcome(&response).terminated);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(interrupt.cause().is_none(), "nobody is interrupted");
    held.unwrap().release().await;
}

#[tokio::test]
async fn a_final_that_is_gone_is_missed_by_nobody() {
    let uploads = Uploads::unfinished();
    let part = uploads.partial("he").await;
    let id = created(&uploads.join(&[&part]).await);
    assert_eq!(uploads.delete(&id).await.status(), StatusCode::NO_CONTENT);

    // Its id may belong to another upload by now.
    let mut new = NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
    new.id = id.clone();
    uploads.store.create(new).await.unwrap();
    let response = uploads.append(&part, 2, "llo").await;
    assert!(!outcome(&response).others.iter().any(|other| other.finished));
    let awaited = [uploads.partial("he").await, uploads.partial("he").await];
    for part in &awaited {
        uploads.store.await_part(part, &id).await.unwrap();
    }
    uploads.delete(&awaited[0]).await;
    assert!(uploads.exists(&id));

    // That may be a pending final without this part.
    uploads.delete(&id).await;
    let mut new = NewUpload::new(None, Metadata::EMPTY);
    new.id = id.clone();
    let parts = vec![UploadId::random()];
    let role = Role::Final {
        parts,
        pending: true,
    };
    new.concat = Some(Concat::new(role, None));
    uploads.store.create(new).await.unwrap();
    uploads.delete(&awaited[1]).await;
    assert!(uploads.exists(&id));
}

#[tokio::test]
async fn a_final_of_which_a_part_is_gone_is_gone_for_whoever_asks() {
    let uploads = Uploads::default();
    let part = uploads.partial("hello").await;
    let id = forgotten(&uploads, &[&part, &UploadId::random()]).await;
    let head = uploads.head(&id).await;
    is_refused(&head, 404, "ERR_UPLOAD_NOT_FOUND");
    assert!(outcome(&head).terminated);
    assert!(!uploads.exists(&id));
}

#[tokio::test]
async fn a_final_that_grows_over_the_maximum_stays_pending() {
    let mut uploads = Uploads::unfinished();
    uploads.max = Some(7);
    let deferred = post("partial").header("Upload-Defer-Length", "1");
    let deferred = created(&uploads.ask(deferred).await);
    let part = uploads.partial("hello").await;
    let id = created(&uploads.join(&[&part, &deferred]).await);

    let declare = patch(&deferred, 0).header("Upload-Length", "3");
    let response = uploads.send(declare.body("abc".into()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(
        outcome(&response).finished,
        "the part itself is not too large"
    );
    is_refused(&uploads.head(&id).await, 413, "ERR_MAX_SIZE_EXCEEDED");
    assert!(uploads.info(&id).await.is_pending());
    uploads.max = Some(8);
    let head = uploads.head(&id).await;
    assert_eq!(head.headers()["upload-offset"], "8");
}

#[tokio::test(start_paused = true)]
async fn a_final_that_cannot_be_locked_is_completed_later() {
    let uploads = Uploads::unfinished();
    let part = uploads.partial("he").await;
    let id = created(&uploads.join(&[&part]).await);
    let (interrupt, long) = (Interrupt::default(), Duration::from_secs(9));
    let held = uploads.locker.acquire(&id, interrupt, long).await.unwrap();
    let response = uploads.append(&part, 2, "llo").await;
    assert!(outcome(&response).finished && outcome(&response).others.is_empty());
    held.release().await;
    assert_eq!(uploads.head(&id).await.headers()["upload-offset"], "5");
}

#[tokio::test]
async fn a_failed_part_is_unfinished_until_it_is_terminated() {
    let uploads = Uploads::unfinished();
    let (part, whole) = (
        uploads.partial("hell").await,
        uploads.partial("hello").await,
    );
    let id = created(&uploads.join(&[&part, &whole]).await);
    let mut handle = uploads.store.open(&part).await.unwrap();
    handle.record(FinishState::Failed).await.unwrap();
    let response = uploads
        .send(patch(&part, 4).body("o".into()).unwrap())
        .await;
    is_refused(&response, 410, "ERR_UPLOAD_FAILED");

    let head = uploads.head(&id).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert!(!head.headers().contains_key("upload-offset"), "CAT-12");
    assert!(uploads.info(&id).await.is_pending());

    let strict = Uploads {
        unfinished: false,
        ..uploads.clone()
    };
    is_refused(&strict.join(&[&part]).await, 400, "ERR_UPLOAD_NOT_FINISHED");

    uploads.delete(&part).await;
    assert!(!uploads.exists(&part) && !uploads.exists(&id));
}
