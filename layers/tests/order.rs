//! Layers in the wrong order: every request is refused, or the order makes no
//! difference.

use std::convert::Infallible;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tus_layers::access::{AccessLayer, AccessRequest};
use tower_tus_layers::base_url::BaseUrlLayer;
use tower_tus_layers::cached_head::CachedHeadLayer;
use tower_tus_layers::checksum::ChecksumLayer;
use tower_tus_layers::concatenation::ConcatenationLayer;
use tower_tus_layers::cors::CorsLayer;
use tower_tus_layers::creation_with_upload::CreationWithUploadLayer;
use tower_tus_layers::detach::DetachLayer;
use tower_tus_layers::expiration::{Expiration, ExpirationLayer};
use tower_tus_layers::hooks::{Callbacks, HooksLayer};
use tower_tus_layers::interrupt::InterruptLayer;
use tower_tus_layers::lock::{LockLayer, Locker, MemoryLocker};
use tower_tus_layers::method_override::MethodOverrideLayer;
use tower_tus_layers::protocol::{Body, Error, Interrupt};
use tower_tus_layers::route::RouteLayer;
use tower_tus_layers::service::Core;
use tower_tus_layers::size_limit::SizeLimitLayer;
use tower_tus_layers::store::{MemoryStore, Store};
use tower_tus_layers::version::VersionLayer;

type Stack = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Applies a layer, in any order, and erases the type.
fn around<L>(layer: L, inner: Stack) -> Stack
where
    L: Layer<Stack>,
    L::Service:
        Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync,
    L::Service: 'static,
    <L::Service as Service<Request<Body>>>::Future: Send,
{
    Stack::new(layer.layer(inner))
}

fn named(name: &str, inner: Stack, store: &MemoryStore) -> Stack {
    let locker = || Arc::new(MemoryLocker::default()) as Arc<dyn Locker>;
    match name {
        "Detach" => around(DetachLayer::new(), inner),
        "MethodOverride" => around(MethodOverrideLayer::new(), inner),
        "CachedHead" => around(CachedHeadLayer::new(), inner),
        "BaseUrl" => around(BaseUrlLayer::from_request("/"), inner),
        "Version" => around(VersionLayer::new(), inner),
        "Route" => around(RouteLayer::new("/", [Method::HEAD]), inner),
        "Interrupt" => around(InterruptLayer::new(), inner),
        "Access" => {
            let store = Arc::new(store.clone()) as Arc<dyn Store>;
            around(
                AccessLayer::new(store, async |_: AccessRequest| Ok(())),
                inner,
            )
        }
        "Expiration" => {
            let store = Arc::new(store.clone()) as Arc<dyn Store>;
            let expiration = Expiration::after(Duration::from_secs(60));
            around(ExpirationLayer::new(store, expiration), inner)
        }
        "SizeLimit" => around(SizeLimitLayer::new(10), inner),
        "CreationWithUpload" => around(CreationWithUploadLayer::new(), inner),
        "Lock" => around(LockLayer::new(locker()), inner),
        "Hooks" => around(HooksLayer::new(Callbacks::new()), inner),
        "Concatenation" => {
            let store = Arc::new(store.clone()) as Arc<dyn Store>;
            around(ConcatenationLayer::new(store, locker()), inner)
        }
        _ => panic!("no layer is named {name}"),
    }
}

fn create() -> http::request::Builder {
    Request::post("/")
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Length", "5")
}

fn with_bytes() -> http::request::Builder {
    create().header("Content-Type", "application/offset+octet-stream")
}

fn is_empty(store: &MemoryStore) -> bool {
    format!("{store:?}") == "MemoryStore { uploads: 0 }"
}

/// Returns the source of an internal error, which is in the log.
fn reason(response: &Response<Body>) -> String {
    let error = response.extensions().get::<Error>();
    let source = error.and_then(|error| error.source());
    source.map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn a_layer_inside_one_that_belongs_inside_it_lets_nothing_through() {
    for (layer, outer) in [
        ("Detach", "Lock"),
        ("Detach", "Hooks"),
        ("Detach", "CreationWithUpload"),
        ("MethodOverride", "Version"),
        ("MethodOverride", "Route"),
        ("MethodOverride", "Lock"),
        ("CachedHead", "Version"),
        ("CachedHead", "Route"),
        ("BaseUrl", "Route"),
        ("Version", "Lock"),
        ("Version", "CreationWithUpload"),
        ("Route", "CreationWithUpload"),
        ("Route", "Lock"),
        ("Route", "Concatenation"),
        ("Interrupt", "Lock"),
        ("Interrupt", "Hooks"),
        ("MethodOverride", "Access"),
        ("Version", "Access"),
        ("Route", "Access"),
        ("MethodOverride", "Expiration"),
        ("Version", "Expiration"),
        ("Route", "Expiration"),
        ("Access", "Expiration"),
        ("Access", "CreationWithUpload"),
        ("Access", "Lock"),
        ("Expiration", "SizeLimit"),
        ("Expiration", "CreationWithUpload"),
        ("Expiration", "Lock"),
        ("Expiration", "Hooks"),
        ("Expiration", "Concatenation"),
        ("CreationWithUpload", "Lock"),
        ("CreationWithUpload", "Hooks"),
        ("Lock", "Hooks"),
        ("Lock", "Concatenation"),
        ("Hooks", "Concatenation"),
    ] {
        let ask = async |outside, inside| {
            let store = MemoryStore::default();
            let core = Stack::new(Core::new(store.clone()));
            let stack = named(outside, named(inside, core, &store), &store);
            let request = create().body(Body::default()).unwrap();
            (stack.oneshot(request).await.unwrap(), store)
        };
        let (refused, store) = ask(outer, layer).await;
        assert_eq!(
            refused.status(),
            StatusCode::INTERNAL_SERVER_ERROR,
            "{layer} inside {outer}"
        );
        assert_eq!(
            reason(&refused),
            format!(
                "wrong order of layers: {layer}Layer stands inside {outer}Layer; put it outside"
            )
        );
        assert!(is_empty(&store), "{layer} inside {outer}");

        let (created, _) = ask(layer, outer).await;
        assert_eq!(
            created.status(),
            StatusCode::CREATED,
            "{layer} outside {outer}"
        );
    }
}

#[tokio::test]
async fn chk_02_the_bytes_of_a_creation_are_verified_on_either_side_of_the_layer_that_takes_them() {
    let hello = "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=";
    for (text, status) in [("hello", 201), ("hullo", 460)] {
        let store = MemoryStore::default();
        let service = ServiceBuilder::new()
            .layer(ChecksumLayer::new())
            .layer(CreationWithUploadLayer::new())
            .service(Core::new(store.clone()));
        let request = with_bytes().header("Upload-Checksum", hello);
        let response = service.oneshot(request.body(text.into()).unwrap()).await;
        let response = response.unwrap();
        assert_eq!(response.status(), status, "{text}");
        assert_eq!(is_empty(&store), status == 460, "AMB-17");
        assert_eq!(response.headers().contains_key("location"), status == 201);
    }
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_does_nothing_wherever_cors_stands() {
    fn refused() -> Request<Body> {
        let request = create().header("Origin", "https://evil.example");
        request.body(Body::default()).unwrap()
    }
    let cors = || CorsLayer::new().allow_origins(["https://good.example"]);
    let store = MemoryStore::default();
    let core = || Core::new(store.clone());
    let inside = ServiceBuilder::new()
        .layer(VersionLayer::new())
        .layer(cors());
    let response = inside.service(core()).oneshot(refused()).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let alone = ServiceBuilder::new().layer(cors());
    let response = alone.service(core()).oneshot(refused()).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(is_empty(&store));

    let locker = MemoryLocker::default();
    let holder = Interrupt::default();
    let id = "busy".parse().unwrap();
    let guard = locker
        .acquire(&id, holder.clone(), Duration::ZERO)
        .await
        .unwrap();
    let locked = ServiceBuilder::new()
        .layer(cors())
        .layer(LockLayer::new(Arc::new(locker)))
        .service(core());
    let head = Request::head("/busy").header("Origin", "https://evil.example");
    let head = head.body(Body::default()).unwrap();
    let response = locked.oneshot(head).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(holder.cause().is_none(), "nobody is interrupted");
    guard.release().await;
}

#[tokio::test]
async fn bytes_are_not_lost_behind_the_success_of_a_service_that_tells_no_outcome() {
    let made = service_fn(|_: Request<Body>| async {
        let created = Response::builder().status(StatusCode::CREATED);
        Ok::<_, Infallible>(created.body(Body::default()).unwrap())
    });
    let service = CreationWithUploadLayer::new().layer(made);
    let response = service.oneshot(with_bytes().body("hello".into()).unwrap());
    let response = response.await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        reason(&response).contains("insert an Outcome"),
        "{response:?}"
    );
}
