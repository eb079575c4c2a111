//! Stacks of your own.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_tus::layers::detach::DetachLayer;
use tower_tus::layers::route::RouteLayer;
use tower_tus::layers::service::Core;
use tower_tus::layers::version::VersionLayer;
use tower_tus::stack::Next;
use tower_tus::{MemoryStore, TusLayer, TusService};

/// Builds a service for `over`.
macro_rules! own_stack {
    () => {{
        let core = Core::new(MemoryStore::default());
        ServiceBuilder::new()
            .layer(DetachLayer::new())
            .layer(VersionLayer::new())
            .layer(RouteLayer::new("/mine/", core.upload_methods()))
            .service(core)
    }};
}

fn creation() -> Request<Full<Bytes>> {
    Request::post("/mine/")
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Length", "5")
        .body(Full::default())
        .unwrap()
}

#[tokio::test]
async fn a_service_over_a_stack_of_ones_own_takes_any_body() {
    let service = TusService::over(own_stack!());
    let created = service.oneshot(creation()).await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    let location = created.headers()["location"].to_str().unwrap();
    assert!(location.starts_with("/mine/"), "{location}");
}

#[tokio::test]
async fn a_layer_over_a_stack_of_ones_own_takes_what_is_below_its_base_path() {
    let app = service_fn(|_: Request<Full<Bytes>>| async {
        let response = Response::builder().status(StatusCode::IM_A_TEAPOT);
        Ok::<_, Infallible>(response.body(Full::<Bytes>::default()).unwrap())
    });
    let service = TusLayer::over("/mine", own_stack!()).layer(app);
    let created = service.clone().oneshot(creation()).await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    let mut elsewhere = creation();
    *elsewhere.method_mut() = Method::GET;
    *elsewhere.uri_mut() = "/files/".parse().unwrap();
    let answer = service.oneshot(elsewhere).await.unwrap();
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
}

/// A server can share the result between its tasks.
const _: fn() = || {
    fn is_shared<T: Clone + std::fmt::Debug + Send + Sync + 'static>() {}
    is_shared::<Next>();
};
