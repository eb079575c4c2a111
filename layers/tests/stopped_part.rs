//! Hooks around Concatenation: stopping a part terminates its pending final too.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use tower::{ServiceBuilder, ServiceExt};
use tower_tus_layers::concatenation::ConcatenationLayer;
use tower_tus_layers::hooks::HooksLayer;
use tower_tus_layers::hooks::{Callbacks, HookKind, Reply};
use tower_tus_layers::interrupt::InterruptLayer;
use tower_tus_layers::lock::{Guard, Locker, MemoryLocker};
use tower_tus_layers::protocol::{Body, Error, Interrupt, Shutdown, UploadId};
use tower_tus_layers::service::Core;
use tower_tus_layers::store::MemoryStore;

/// A locker that is never ready at once, like one on files.
#[derive(Debug, Default)]
struct Unhurried(MemoryLocker);

#[async_trait]
impl Locker for Unhurried {
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        tokio::task::yield_now().await;
        self.0.acquire(id, interrupt, timeout).await
    }

    async fn try_acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
    ) -> Result<Option<Box<dyn Guard>>, Error> {
        self.0.try_acquire(id, interrupt).await
    }
}

/// The uploads whose termination was reported to hooks.
type Terminated = Arc<Mutex<Vec<String>>>;

/// Hooks that stop every upload that receives bytes.
fn stopping(terminated: &Terminated) -> Callbacks {
    let terminated = Arc::clone(terminated);
    Callbacks::new()
        .on(HookKind::PostReceive, |_| async { Reply::stop() })
        .post_terminate(move |event| {
            let terminated = Arc::clone(&terminated);
            async move {
                terminated.lock().unwrap().push(event.upload.id.to_string());
            }
        })
}

/// A body whose client stalls after its first bytes, and stays connected.
fn unending() -> Body {
    let first = stream::iter([Ok::<_, Error>(Frame::data(Bytes::from("hello")))]);
    Body::new(StreamBody::new(first.chain(stream::pending())))
}

fn id(created: &Response<Body>) -> String {
    assert_eq!(created.status(), StatusCode::CREATED);
    let location = created.headers()["location"].to_str().unwrap();
    location.trim_start_matches('/').to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_pending_final_goes_with_its_stopped_part() {
    let (store, terminated) = (MemoryStore::default(), Terminated::default());
    let shutdown = Shutdown::default();
    let concatenation =
        ConcatenationLayer::new(Arc::new(store.clone()), Arc::new(Unhurried::default()));
    let service = ServiceBuilder::new()
        .layer(InterruptLayer::new())
        .layer(HooksLayer::new(stopping(&terminated)).shutdown(shutdown.clone()))
        .layer(concatenation.unfinished())
        .service(Core::new(store.clone()));

    let partial = Request::post("/").header("Upload-Concat", "partial");
    let partial = partial.header("Upload-Length", "11");
    let partial = partial.body(Body::default()).unwrap();
    let part = id(&service.clone().oneshot(partial).await.unwrap());
    let whole = Request::post("/").header("Upload-Concat", format!("final;/{part}"));
    let whole = whole.body(Body::default()).unwrap();
    let whole = id(&service.clone().oneshot(whole).await.unwrap());

    let patch = Request::patch(format!("/{part}"))
        .header("Upload-Offset", "0")
        .header("Content-Type", "application/offset+octet-stream");
    let response = service.oneshot(patch.body(unending()).unwrap()).await;
    let response = response.unwrap();
    let error = response.extensions().get::<Error>().unwrap();
    assert_eq!(error.code(), "ERR_UPLOAD_STOPPED");
    shutdown.drained().await;
    for id in [&part, &whole] {
        assert!(store.bytes(&id.parse().unwrap()).is_none());
    }
    let mut told = terminated.lock().unwrap().clone();
    told.sort_unstable();
    let mut expected = [part, whole];
    expected.sort_unstable();
    assert_eq!(told, expected);
}
