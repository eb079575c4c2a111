//! Hooks that hang, and hooks that panic.

use super::*;
use crate::hooks::Callbacks;
use crate::store::faulty::{Fault, Faulty};

async fn hangs<T>() -> T {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn a_pre_finish_that_hangs_locks_its_upload_for_a_minute_only() {
    let scene = Scene::new(Callbacks::new().pre_finish(|_| hangs::<Reply>()));
    let url = location(&scene.create(5).await);
    let begun = tokio::time::Instant::now();
    let response = scene.append(&url, 0, "hello".into()).await;
    assert_eq!(error(&response), "ERR_INTERNAL_SERVER_ERROR");
    assert_eq!(begun.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_post_create_that_hangs_or_panics_does_not_silence_post_finish() {
    async fn panics(_: Event) {
        panic!("in a closure")
    }
    for hooks in [
        Callbacks::new().post_create(|_| hangs::<()>()),
        Callbacks::new().post_create(panics),
        Callbacks::new().post_create(|_| -> std::future::Ready<()> { panic!("before it") }),
    ] {
        let heard = Arc::new(Mutex::new(0));
        let hooks = hooks.timeout(Duration::from_secs(5)).post_finish({
            let heard = Arc::clone(&heard);
            move |_| {
                *heard.lock().unwrap() += 1;
                async {}
            }
        });
        // Returns once `Shutdown::drained` does.
        Scene::new(hooks).create(0).await;
        assert_eq!(*heard.lock().unwrap(), 1);
    }
}

#[tokio::test]
async fn a_question_that_panics_is_a_failure() {
    async fn panics(_: Event) -> Reply {
        panic!("a secret")
    }
    let hooks = Callbacks::new().pre_create(panics);
    let response = Scene::new(hooks).create(5).await;
    assert_eq!(error(&response), "ERR_INTERNAL_SERVER_ERROR");
    let error: &Error = response.extensions().get().unwrap();
    let why = std::error::Error::source(error).unwrap().to_string();
    assert!(why.contains("panicked: a secret"), "{why}");
}

/// Hooks other than closures that panic.
#[derive(Debug)]
struct Panicking;

#[async_trait]
impl Hooks for Panicking {
    async fn call(&self, _: &Event) -> Result<Reply, BoxError> {
        panic!("in a hook");
    }

    fn kinds(&self) -> HookKinds {
        [HookKind::PostCreate, HookKind::PreFinish]
            .into_iter()
            .collect()
    }
}

#[tokio::test]
async fn hooks_of_any_kind_may_panic() {
    let scene = Scene::new(Panicking);
    let response = scene.create(0).await;
    assert_eq!(error(&response), "ERR_INTERNAL_SERVER_ERROR");
}

#[tokio::test]
async fn no_finish_is_reported_of_an_upload_whose_store_has_failed() {
    for fault in [Fault::Append, Fault::Finish] {
        let (hooks, store) = (Recorder::default(), Faulty::new(fault));
        let shutdown = Shutdown::default();
        let layer = HooksLayer::new(hooks.clone()).shutdown(shutdown.clone());
        let send = |request: Request<Body>| layer.layer(Core::new(store.clone())).oneshot(request);
        let create = Request::post("/").header("Upload-Length", "5");
        let created = send(create.body(Body::default()).unwrap()).await.unwrap();
        let last = append(&location(&created), 0).body("hello".into()).unwrap();
        let response = send(last).await.unwrap();
        assert!(response.status().is_server_error(), "{fault:?}");
        shutdown.drained().await;
        let expected = ["pre-create 0", "post-create 0", "post-receive 5"];
        assert_eq!(hooks.heard(), expected, "{fault:?}");
    }
}
