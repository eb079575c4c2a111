use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::metrics::with_local_recorder;
use async_trait::async_trait;
use futures_util::future::poll_immediate;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::StreamBody;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::time::timeout;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{MetricsLayer, TimedHooks, TimedLocker, TimedStore};
use crate::context::{Derived, Rollback};
use crate::hooks::{Callbacks, Event, HookKind, Hooks, Reply};
use crate::lock::{Locker, MemoryLocker};
use crate::protocol::{
    Body, BoxError, Chunk, Error, FinishState, Interrupt, Length, Metadata, NewUpload, Outcome,
    Rejection, Upload, UploadId,
};
use crate::store::{
    AppendOptions, Cleaner, Handle, Leftover, LeftoverKind, LeftoverPage, LeftoverRequest,
    MemoryStore, Store,
};

/// Returns what `make` makes under a recorder, and what that recorder has seen.
fn recorded<T>(make: impl FnOnce() -> T) -> (T, Seen) {
    let recorder = DebuggingRecorder::new();
    let made = with_local_recorder(&recorder, make);
    (made, Seen(recorder.snapshotter()))
}

struct Seen(Snapshotter);

impl Seen {
    /// Returns the sums and counts that were recorded since the last call.
    fn changes(&self) -> BTreeMap<String, f64> {
        let metrics = self.0.snapshot().into_vec().into_iter();
        let metrics = metrics.map(|(key, _, description, value)| {
            let key = key.key();
            assert!(description.is_some(), "{key} is described");
            let labels = key.labels().map(|label| format!(" {}", label.value()));
            let name = key.name().to_owned() + &labels.collect::<String>();
            #[allow(clippy::cast_precision_loss, reason = "tests count a few")]
            let value = match value {
                DebugValue::Counter(value) => value as f64,
                DebugValue::Gauge(value) => value.into_inner(),
                DebugValue::Histogram(values) => values.len() as f64,
            };
            (name, value)
        });
        metrics.collect()
    }

    /// Like [`changes`](Self::changes), without those that did not change.
    fn news(&self) -> Vec<(String, f64)> {
        let changes = self.changes().into_iter();
        changes.filter(|(_, value)| *value != 0.0).collect()
    }
}

fn news<const N: usize>(expected: [(&str, f64); N]) -> Vec<(String, f64)> {
    let expected = expected.into_iter();
    expected
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

async fn send(layer: &MetricsLayer, method: Method, response: Response<()>) {
    let request = Request::builder().method(method).body(()).unwrap();
    let inner = service_fn(move |_| {
        let response = response.clone();
        async { Ok::<_, Infallible>(response) }
    });
    layer.layer(inner).oneshot(request).await.unwrap();
}

#[test]
fn every_value_of_every_label_is_there_from_the_start() {
    let (_layer, seen) = recorded(MetricsLayer::new);
    let changes = seen.changes();
    assert!(changes.values().all(|value| *value == 0.0), "{changes:?}");

    for method in ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"] {
        assert!(changes.contains_key(&format!("tus_requests_total {method}")));
        for outcome in [
            "success",
            "client_error",
            "server_error",
            "interrupted",
            "unanswered",
        ] {
            let name = format!("tus_request_duration_seconds {method} {outcome}");
            assert!(changes.contains_key(&name), "{name}");
        }
    }
    for (status, code) in Error::all_codes().filter(|(status, _)| *status != 405) {
        let name = format!("tus_errors_total {} {code}", status.as_str());
        assert!(changes.contains_key(&name), "{name}");
    }
    let count = |part: &str| changes.keys().filter(|name| name.contains(part)).count();
    assert_eq!(count("requests_total"), 6);
    assert_eq!(count("request_duration_seconds"), 30);
    assert_eq!(count("errors_total"), Error::all_codes().count() - 1);
    assert_eq!(count("tus_bytes_received"), 1);
    assert_eq!(count("tus_uploads_"), 4);
}

#[tokio::test]
async fn a_prefix_is_that_of_every_name() {
    let ((), seen) = recorded(|| {
        drop(MetricsLayer::with_prefix("tusd"));
        drop(TimedStore::new(Arc::new(MemoryStore::default()), "tusd"));
        drop(TimedLocker::new(Arc::new(MemoryLocker::default()), "tusd"));
    });
    let changes = seen.changes();
    assert!(!changes.is_empty());
    for name in changes.keys() {
        assert!(name.starts_with("tusd_"), "{name}");
    }
}

#[tokio::test]
async fn what_a_request_did_is_counted_also_when_it_failed() {
    let (layer, seen) = recorded(MetricsLayer::new);
    let mut outcome = Outcome::new(Upload::new(UploadId::random()));
    outcome.created = true;
    outcome.received = 5;
    let mut response: Response<()> = Error::UnexpectedEof(None).into_response();
    response.extensions_mut().insert(outcome.clone());
    send(&layer, Method::POST, response).await;
    assert_eq!(
        seen.news(),
        news([
            ("tus_bytes_received", 5.0),
            ("tus_errors_total 400 ERR_UNEXPECTED_EOF", 1.0),
            ("tus_request_duration_seconds POST interrupted", 1.0),
            ("tus_requests_total POST", 1.0),
            ("tus_uploads_created", 1.0),
        ])
    );

    outcome.created = false;
    (outcome.finished, outcome.terminated) = (true, true);
    let mut other = Outcome::new(outcome.upload.clone());
    other.finished = true;
    outcome.others = vec![other.clone(), other];
    let mut response = Response::new(());
    response.extensions_mut().insert(outcome);
    send(&layer, Method::PATCH, response).await;
    assert_eq!(
        seen.news(),
        news([
            ("tus_bytes_received", 5.0),
            ("tus_request_duration_seconds PATCH success", 1.0),
            ("tus_requests_total PATCH", 1.0),
            ("tus_uploads_finished", 3.0),
            ("tus_uploads_terminated", 1.0),
        ])
    );

    let mut expired = Outcome::new(Upload::new(UploadId::random()));
    expired.expired = true;
    let mut response = Response::new(());
    response.extensions_mut().insert(expired);
    send(&layer, Method::DELETE, response).await;
    assert_eq!(
        seen.news(),
        news([
            ("tus_request_duration_seconds DELETE success", 1.0),
            ("tus_requests_total DELETE", 1.0),
            ("tus_uploads_expired", 1.0),
        ])
    );
}

#[tokio::test]
async fn of_a_request_of_the_server_itself_only_what_it_did_is_counted() {
    let (layer, seen) = recorded(MetricsLayer::new);
    let mut outcome = Outcome::new(Upload::new(UploadId::random()));
    outcome.expired = true;
    let mut response: Response<()> = Error::NotFound.into_response();
    response.extensions_mut().insert(outcome);
    let removal = Derived::Rollback(UploadId::random(), Rollback::Expired);
    let removal = removal.internal(Uri::default(), Interrupt::default());
    let inner = service_fn(move |_| {
        let response = response.clone();
        async { Ok::<_, Infallible>(response) }
    });
    let request = Request::from_parts(removal, ());
    layer.layer(inner).oneshot(request).await.unwrap();
    assert_eq!(seen.news(), news([("tus_uploads_expired", 1.0)]));
}

#[tokio::test]
async fn a_method_that_is_not_allowed_is_no_error() {
    let (layer, seen) = recorded(MetricsLayer::new);
    let refusal = || Error::method_not_allowed(&[Method::POST]).into_response();
    send(&layer, Method::GET, refusal()).await;
    assert_eq!(
        seen.news(),
        news([
            ("tus_request_duration_seconds GET client_error", 1.0),
            ("tus_requests_total GET", 1.0),
        ])
    );
}

#[tokio::test]
async fn of_an_unknown_method_the_error_alone_is_counted() {
    let (layer, seen) = recorded(MetricsLayer::new);
    let method = Method::from_bytes(b"BREW").unwrap();
    send(&layer, method, Error::UnsupportedVersion.into_response()).await;
    assert_eq!(
        seen.news(),
        news([("tus_errors_total 412 ERR_UNSUPPORTED_VERSION", 1.0)])
    );
}

#[tokio::test]
async fn each_error_has_a_counter_of_its_own() {
    for error in [
        Error::NotFound,
        Error::LockTimeout,
        Error::internal("a secret"),
    ] {
        let (layer, seen) = recorded(MetricsLayer::new);
        let name = format!(
            "tus_errors_total {} {}",
            error.status().as_str(),
            error.code()
        );
        send(&layer, Method::PATCH, error.into_response()).await;
        let changes = seen.changes();
        let errors = changes.iter().filter(|(name, _)| name.contains("errors"));
        let counted: Vec<_> = errors.filter(|(_, value)| **value != 0.0).collect();
        assert_eq!(counted, [(&name, &1.0)]);
    }
}

#[tokio::test]
async fn a_rejection_is_counted_by_its_own_status_and_code() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (layer, seen) = (MetricsLayer::new(), Seen(recorder.snapshotter()));
    let quota = Rejection::new(StatusCode::TOO_MANY_REQUESTS).with_code("ERR_QUOTA");
    let paid = Rejection::new(StatusCode::PAYMENT_REQUIRED);
    for rejection in [quota.clone(), quota, paid] {
        let response = Error::from(rejection).into_response();
        send(&layer, Method::POST, response).await;
    }
    let changes = seen.changes();
    assert_eq!(changes["tus_errors_total 429 ERR_QUOTA"], 2.0);
    assert_eq!(changes["tus_errors_total 402 ERR_UPLOAD_REJECTED"], 1.0);
    assert_eq!(changes["tus_errors_total 400 ERR_UPLOAD_REJECTED"], 0.0);
}

#[tokio::test]
async fn rejections_beyond_64_statuses_and_codes_are_counted_as_one() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (layer, seen) = (MetricsLayer::new(), Seen(recorder.snapshotter()));
    for status in (400..470).chain(400..470) {
        let status = StatusCode::from_u16(status).unwrap();
        let rejection = Rejection::new(status).with_code("ERR_QUOTA");
        send(&layer, Method::POST, Error::from(rejection).into_response()).await;
    }
    let changes = seen.changes();
    let mut custom = changes.iter().filter(|(name, _)| name.contains("QUOTA"));
    assert_eq!(custom.clone().count(), 64);
    assert!(custom.all(|(_, count)| *count == 2.0));
    assert_eq!(changes["tus_errors_total other other"], 12.0);
}

#[tokio::test]
async fn an_outcome_tells_who_is_to_blame() {
    let status = |status| {
        let mut response = Response::new(());
        *response.status_mut() = status;
        response
    };
    for (response, outcome) in [
        (status(StatusCode::NO_CONTENT), "success"),
        (status(StatusCode::UNAUTHORIZED), "client_error"),
        (status(StatusCode::BAD_GATEWAY), "server_error"),
        (Error::NotFound.into_response(), "client_error"),
        (Error::internal("a secret").into_response(), "server_error"),
        (Error::ReadTimeout.into_response(), "interrupted"),
        (Error::Interrupted.into_response(), "interrupted"),
        (Error::Shutdown.into_response(), "interrupted"),
    ] {
        let (layer, seen) = recorded(MetricsLayer::new);
        send(&layer, Method::PATCH, response).await;
        let name = format!("tus_request_duration_seconds PATCH {outcome}");
        assert_eq!(seen.changes()[&name], 1.0, "{outcome}");
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_counts_as_unanswered() {
    let (layer, seen) = recorded(MetricsLayer::new);
    let inner = service_fn(|_: Request<()>| pending::<Result<Response<()>, Infallible>>());
    drop(layer.layer(inner).call(Request::new(())));
    let expected = [
        ("tus_request_duration_seconds GET unanswered", 1.0),
        ("tus_requests_total GET", 1.0),
    ];
    assert_eq!(seen.news(), news(expected));

    let inner = service_fn(|_: Request<()>| async { Err::<Response<()>, _>("broken") });
    let answer = layer.layer(inner).oneshot(Request::new(())).await;
    assert_eq!(answer.unwrap_err(), "broken");
    assert_eq!(seen.news(), news(expected));
}

#[tokio::test]
async fn a_timed_store_is_the_store_itself() {
    let (store, _seen) = recorded(|| TimedStore::new(Arc::new(MemoryStore::default()), "tus"));
    crate::store::conformance::run(|| Arc::new(store.clone())).await;
}

#[tokio::test]
async fn each_operation_of_a_store_is_timed() {
    let (store, seen) = recorded(|| TimedStore::new(Arc::new(MemoryStore::default()), "tus"));
    let registered = 14 + 2 * LeftoverKind::ALL.len();
    assert!(seen.changes().len() == registered && seen.news().is_empty());

    let new = NewUpload::new(None, Metadata::default());
    let id = store.create(new).await.unwrap().info().id.clone();
    let mut handle = store.open(&id).await.unwrap();
    handle.declare_length(Length::from(5)).await.unwrap();
    let mut body = Body::from("hello");
    let _ = handle
        .append(Chunk::new(&mut body), AppendOptions::default())
        .await;
    handle.declare_complete().await.unwrap();
    handle.record(FinishState::Done).await.unwrap();
    handle.finish().await.unwrap();
    store.terminator().unwrap().terminate(&id).await.unwrap();
    let operations = [
        "append",
        "create",
        "declare_complete",
        "declare_length",
        "finish",
        "open",
        "record",
        "terminate",
    ];
    let expected =
        operations.map(|operation| (format!("tus_store_operation_seconds {operation}"), 1.0));
    assert_eq!(seen.news(), expected);
}

/// A store in which every leftover can be removed again and again.
#[derive(Debug)]
struct Cluttered;

#[async_trait]
impl Store for Cluttered {
    async fn create(&self, _: NewUpload) -> Result<Box<dyn Handle>, Error> {
        Err(Error::NotImplemented)
    }

    async fn open(&self, _: &UploadId) -> Result<Box<dyn Handle>, Error> {
        Err(Error::NotFound)
    }

    fn cleaner(&self) -> Option<&dyn Cleaner> {
        Some(self)
    }
}

#[async_trait]
impl Cleaner for Cluttered {
    async fn leftovers(&self, _: &LeftoverRequest) -> Result<LeftoverPage, Error> {
        Ok(LeftoverPage::default())
    }

    async fn clean(&self, leftover: &Leftover) -> Result<Option<u64>, Error> {
        match leftover.kind {
            LeftoverKind::Lock => Ok(None),
            LeftoverKind::Orphan => Err(Error::NotFound),
            _ => Ok(Some(leftover.bytes)),
        }
    }
}

#[tokio::test]
async fn each_leftover_that_is_removed_is_counted_by_its_kind() {
    let (store, seen) = recorded(|| TimedStore::new(Arc::new(Cluttered), "tus"));
    seen.changes();
    let cleaner = store.cleaner().unwrap();
    for kind in [
        LeftoverKind::Draft,
        LeftoverKind::Draft,
        LeftoverKind::Lock,
        LeftoverKind::Orphan,
    ] {
        let mut leftover = Leftover::new("a", kind);
        leftover.bytes = 5;
        let _ = cleaner.clean(&leftover).await;
    }
    let expected = [
        ("tus_sweep_removed draft", 2.0),
        ("tus_sweep_removed_bytes draft", 10.0),
    ];
    assert_eq!(seen.news(), news(expected));
    let plain = TimedStore::new(Arc::new(MemoryStore::default()), "tus");
    assert!(plain.cleaner().is_none());
}

#[tokio::test]
async fn each_hook_is_counted_and_timed() {
    let hooks = Callbacks::new().post_finish(|_| async { Err("no".into()) });
    let (hooks, seen) = recorded(|| TimedHooks::new(Arc::new(hooks), "tus"));
    assert!(seen.changes().len() == 3 * HookKind::ALL.len() && seen.news().is_empty());
    let upload = Upload::new("a".parse().unwrap());
    let (parts, ()) = Request::new(()).into_parts();
    let parts = Arc::new(parts);
    for kind in [HookKind::PreCreate, HookKind::PostFinish] {
        let event = Event::new(kind, upload.clone(), Arc::clone(&parts));
        let failed = hooks.call(&event).await.is_err();
        assert_eq!(failed, kind == HookKind::PostFinish);
    }
    let expected = [
        ("tus_hook_duration_seconds post-finish", 1.0),
        ("tus_hook_duration_seconds pre-create", 1.0),
        ("tus_hook_errors_total post-finish", 1.0),
        ("tus_hook_invocations_total post-finish", 1.0),
        ("tus_hook_invocations_total pre-create", 1.0),
    ];
    assert_eq!(seen.news(), news(expected));
}

#[tokio::test]
async fn a_hook_that_panics_is_counted_as_one_that_fails() {
    #[derive(Debug)]
    struct Panicking;

    #[async_trait]
    impl Hooks for Panicking {
        async fn call(&self, _: &Event) -> Result<Reply, BoxError> {
            panic!("in a hook");
        }
    }

    let (hooks, seen) = recorded(|| TimedHooks::new(Arc::new(Panicking), "tus"));
    let upload = Upload::new("a".parse().unwrap());
    let (parts, ()) = Request::new(()).into_parts();
    let event = Event::new(HookKind::PreCreate, upload, Arc::new(parts));
    assert!(hooks.call(&event).await.is_err());
    assert_eq!(seen.changes()["tus_hook_errors_total pre-create"], 1.0);
}

#[tokio::test]
async fn an_upload_is_in_progress_while_it_receives_bytes() {
    let (store, seen) = recorded(|| TimedStore::new(Arc::new(MemoryStore::default()), "tus"));
    let new = NewUpload::new(Some(Length::from(5)), Metadata::default());
    let mut handle = store.create(new).await.unwrap();
    seen.changes();

    let stalled = StreamBody::new(stream::pending());
    let mut stalled = pin!(stalled);
    {
        let mut append = pin!(handle.append(Chunk::new(&mut stalled), AppendOptions::default()));
        assert!(poll_immediate(append.as_mut()).await.is_none());
        assert_eq!(seen.news(), news([("tus_uploads_in_progress", 1.0)]));
    }
    // Dropping it makes the gauge one less than at the last look.
    assert_eq!(
        seen.news(),
        news([
            ("tus_store_operation_seconds append", 1.0),
            ("tus_uploads_in_progress", -1.0),
        ])
    );
}

#[tokio::test]
async fn a_timed_locker_is_the_locker_itself() {
    let (locker, _seen) = recorded(|| TimedLocker::new(Arc::new(MemoryLocker::default()), "tus"));
    crate::lock::conformance::run(Arc::new(locker)).await;
}

/// Returns how long each lock was waited for, in seconds.
fn waits(seen: &Seen) -> Vec<f64> {
    let metrics = seen.0.snapshot().into_vec();
    let [(_, _, _, DebugValue::Histogram(waits))] = &metrics[..] else {
        panic!("a locker has one histogram: {metrics:?}");
    };
    waits.iter().map(|wait| wait.into_inner()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_lock_is_timed_also_when_it_was_in_vain() {
    let (locker, seen) = recorded(|| TimedLocker::new(Arc::new(MemoryLocker::default()), "tus"));
    let id = UploadId::random();
    let acquire = |seconds| locker.acquire(&id, Interrupt::default(), Duration::from_secs(seconds));
    let guard = acquire(1).await.unwrap();
    assert_eq!(waits(&seen), [0.0]);

    assert!(acquire(20).await.is_err());
    assert_eq!(waits(&seen), [20.0]);

    assert!(timeout(Duration::from_secs(3), acquire(20)).await.is_err());
    assert_eq!(waits(&seen), [3.0], "given up");
    guard.release().await;
    assert_eq!(waits(&seen), [0.0; 0]);

    let observing = locker.observe(&id, Interrupt::default(), Duration::ZERO);
    observing.await.unwrap().release().await;
    assert_eq!(waits(&seen), [0.0]);
    let terminating = locker.acquire_to_terminate(&id, Interrupt::default(), Duration::ZERO);
    terminating.await.unwrap().release().await;
    assert_eq!(waits(&seen), [0.0]);
    let creating = locker.acquire_new(&id, Interrupt::default(), Duration::ZERO);
    creating.await.unwrap().release().await;
    assert_eq!(waits(&seen), [0.0]);
}
