//! Closures as hooks, and the spans of their requests. A separate program,
//! because it sets the global subscriber.

use std::sync::{Arc, Mutex};

use http::Request;
use tower::ServiceExt;
use tower_tus::Stack;
use tower_tus::layers::hooks::{Callbacks, HookKind, Reply};
use tower_tus::layers::protocol::{Body, Shutdown};
use tower_tus::layers::store::MemoryStore;
use tracing::{Span, subscriber};

#[tokio::test]
async fn each_closure_runs_in_the_span_of_its_request() {
    subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mut hooks = Callbacks::new();
    for &kind in HookKind::ALL {
        let heard = Arc::clone(&heard);
        hooks = hooks.on(kind, move |event| {
            let heard = Arc::clone(&heard);
            async move {
                // The span is still current after a yield.
                tokio::task::yield_now().await;
                let span = Span::current().metadata().map(tracing::Metadata::name);
                heard.lock().unwrap().push((event.kind, span));
                Reply::accept()
            }
        });
    }
    let shutdown = Shutdown::default();
    let stack = Stack::new(MemoryStore::default()).hooks(hooks);
    let service = stack.log().shutdown(shutdown.clone()).into_service();
    let send = |request: http::request::Builder, body: &'static str| {
        let request = request.header("Tus-Resumable", "1.0.0");
        service
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
    };

    let create = Request::post("/files/").header("Upload-Length", "5");
    let created = send(create, "").await.unwrap();
    let url = created.headers()["location"].to_str().unwrap();
    let append = Request::patch(url).header("Upload-Offset", "0");
    let append = append.header("Content-Type", "application/offset+octet-stream");
    send(append, "hello").await.unwrap();
    send(Request::delete(url), "").await.unwrap();
    shutdown.drained().await;

    let mut heard = heard.lock().unwrap().clone();
    heard.sort_unstable();
    // Nothing expires by a request.
    let kinds = HookKind::ALL.iter().copied();
    let kinds = kinds.filter(|kind| *kind != HookKind::PostExpire);
    let expected: Vec<_> = kinds.map(|kind| (kind, Some("request"))).collect();
    assert_eq!(heard, expected);
}
