//! One rule for all settings: a method sets, and `without_…` resets.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use tokio::time::{Instant, timeout};
use tower_tus::layers::base_url::BaseUrlLayer;
use tower_tus::layers::cors::CorsLayer;
use tower_tus::{
    Access, AccessRequest, Algorithms, Callbacks, Clock, Error, Expiration, FileLocker, Gate,
    HookKinds, Hooks, IntoBodyLayer, Locker, MemoryLocker, MemoryStore, Stack, Store, async_trait,
};

use crate::{append, channel, code, creation, location, send};

fn stack() -> Stack {
    Stack::new(MemoryStore::default())
}

#[derive(Debug)]
struct Open;

#[async_trait]
impl Gate for Open {}

async fn allow(_: AccessRequest) -> Result<(), Error> {
    Ok(())
}

fn expiration() -> Expiration {
    let stopped = Clock::from_fn(|| SystemTime::UNIX_EPOCH);
    Expiration::after(Duration::from_secs(60)).clock(stopped)
}

type Change = fn(Stack) -> Stack;

/// The call that changes a setting, and the call that resets it.
const SETTINGS: &[(&str, Change, Change)] = &[
    ("access", |it| it.access(allow), Stack::without_access),
    (
        "base_url",
        |it| it.base_url(BaseUrlLayer::from_request("/")),
        Stack::without_base_url,
    ),
    ("checksums", Stack::without_checksums, |it| {
        it.checksums(Algorithms::default())
    }),
    (
        "concatenation",
        Stack::without_concatenation,
        Stack::concatenation,
    ),
    (
        "unfinished_concatenation",
        Stack::unfinished_concatenation,
        Stack::concatenation,
    ),
    ("cors", |it| it.cors(CorsLayer::new()), Stack::without_cors),
    (
        "deferred_length",
        Stack::without_deferred_length,
        Stack::deferred_length,
    ),
    ("download", Stack::without_download, Stack::download),
    (
        "download_only_finished",
        Stack::download_only_finished,
        Stack::download,
    ),
    (
        "expiration",
        |it| it.expiration(expiration()),
        Stack::without_expiration,
    ),
    (
        "hook_kinds",
        |it| it.hook_kinds(HookKinds::ALL),
        Stack::without_hook_kinds,
    ),
    (
        "hooks",
        |it| it.hooks(Callbacks::new()),
        Stack::without_hooks,
    ),
    ("idle_timeout", Stack::without_idle_timeout, |it| {
        it.idle_timeout(Duration::from_secs(60))
    }),
    ("lenient", Stack::lenient, Stack::without_lenient),
    ("log", Stack::log, Stack::without_log),
    ("max_downloads", Stack::without_max_downloads, |it| {
        it.max_downloads(4096)
    }),
    (
        "max_open_uploads",
        |it| it.max_open_uploads(1),
        Stack::without_max_open_uploads,
    ),
    ("max_size", |it| it.max_size(1), Stack::without_max_size),
    ("metrics", |it| it.metrics("tus"), Stack::without_metrics),
    (
        "termination",
        Stack::without_termination,
        Stack::termination,
    ),
];

#[test]
fn what_was_set_can_be_taken_back_and_setting_it_twice_is_as_once() {
    let plain = format!("{:?}", stack());
    for (name, set, take_back) in SETTINGS {
        let once = format!("{:?}", set(stack()));
        assert_ne!(once, plain, "{name}");
        assert_eq!(format!("{:?}", set(set(stack()))), once, "{name}");
        assert_eq!(format!("{:?}", take_back(set(stack()))), plain, "{name}");
        assert_eq!(format!("{:?}", take_back(stack())), plain, "{name}");
    }
    for (name, add, take_back) in [
        (
            "add_gate",
            (|it| it.add_gate(Open)) as Change,
            Stack::without_gates as Change,
        ),
        (
            "layers",
            |it| it.layer_outside(IntoBodyLayer::new()),
            Stack::without_layers,
        ),
    ] {
        assert_ne!(format!("{:?}", add(stack())), plain, "{name}");
        let added = take_back(add(add(stack())));
        assert_eq!(format!("{added:?}"), plain, "{name}");
    }
}

#[test]
fn shared_parts_are_accepted_as_they_are() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let locker: Arc<dyn Locker> = Arc::new(MemoryLocker::default());
    let hooks: Arc<dyn Hooks> = Arc::new(Callbacks::new());
    let gate: Arc<dyn Gate> = Arc::new(Open);
    let policy: Arc<dyn Access> = Arc::new(allow);
    let stack = Stack::new(store)
        .locker(locker)
        .hooks(hooks)
        .add_gate(gate)
        .access(policy)
        .locker(FileLocker::new("."));
    drop(stack);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stalls_is_cut_after_60_seconds_unless_that_is_off() {
    let service = stack().into_service();
    let url = location(&send(&service, creation(), "").await);
    let (_sender, body) = channel();
    let begin = Instant::now();
    let answer = send(&service, append(&url), body).await;
    assert_eq!(code(&answer), "ERR_READ_TIMEOUT");
    assert_eq!(begin.elapsed(), Duration::from_secs(60));

    let service = stack().without_idle_timeout().into_service();
    let url = location(&send(&service, creation(), "").await);
    let (_sender, body) = channel();
    let answer = send(&service, append(&url), body);
    let answer = timeout(Duration::from_secs(86_400), answer).await;
    assert!(answer.is_err());
}

#[tokio::test]
async fn a_maximum_may_be_looked_up() {
    let service = stack()
        .max_size_by_async(|request| {
            let user = request.headers.contains_key("x-user");
            async move { Ok(Some(if user { 5 } else { 4 })) }
        })
        .into_service();
    let refused = send(&service, creation(), "").await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let created = send(&service, creation().header("x-user", "a"), "").await;
    assert_eq!(created.status(), StatusCode::CREATED);
}
