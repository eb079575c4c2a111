//! GET with `Tus-Resumable`, through the layers that distinguish HEAD from GET.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use tower_tus_layers::cached_head::CachedHeadLayer;
use tower_tus_layers::concatenation::ConcatenationLayer;
use tower_tus_layers::context::Context;
use tower_tus_layers::download::DownloadLayer;
use tower_tus_layers::lock::LockLayer;
use tower_tus_layers::lock::{Locker, MemoryLocker};
use tower_tus_layers::protocol::{
    Body, Chunk, Concat, Error, FinishState, Interrupt, Length, Metadata, NewUpload, Outcome, Role,
    Upload, UploadId,
};
use tower_tus_layers::render::RenderLayer;
use tower_tus_layers::route::RouteLayer;
use tower_tus_layers::service::Core;
use tower_tus_layers::store::{AppendOptions, MemoryStore, Store};
use tower_tus_layers::version::VersionLayer;

/// Uploads, some of which another request may hold.
#[derive(Clone, Debug, Default)]
struct Scene {
    store: MemoryStore,
    locker: MemoryLocker,
}

/// Whether uploads can be downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Downloads {
    On,
    Off,
}

const EITHER: [Downloads; 2] = [Downloads::On, Downloads::Off];

impl Scene {
    async fn upload(&self, new: NewUpload, text: &'static str) -> UploadId {
        let mut handle = self.store.create(new).await.unwrap();
        let mut body = Body::from(text);
        let chunk = Chunk::new(&mut body);
        let appended = handle.append(chunk, AppendOptions::default()).await;
        assert!(appended.error.is_none());
        handle.info().id.clone()
    }

    async fn ask(&self, downloads: Downloads, request: Request<Body>) -> Response<Body> {
        let mut methods = vec![Method::HEAD];
        methods.extend((downloads == Downloads::On).then_some(Method::GET));
        let store: Arc<dyn Store> = Arc::new(self.store.clone());
        let locker = Arc::new(self.locker.clone());
        let core = Core::new(self.store.clone());
        let lock = LockLayer::new(locker.clone()).timeout(Duration::from_millis(1));
        ServiceBuilder::new()
            .layer(CachedHeadLayer::new())
            .layer(RenderLayer::new())
            .layer(VersionLayer::new())
            .layer(RouteLayer::new("/", methods))
            .layer(lock)
            .layer(ConcatenationLayer::new(Arc::clone(&store), locker))
            .layer(DownloadLayer::new(store))
            .service(core)
            .oneshot(request)
            .await
            .unwrap()
    }
}

fn request(method: Method, id: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(format!("/{id}"));
    let request = request.header("Tus-Resumable", "1.0.0");
    request.body(Body::default()).unwrap()
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn of_length(length: Option<u32>) -> NewUpload {
    let metadata = Metadata::from_pairs([("filename", "a.txt")]).unwrap();
    NewUpload::new(length.map(Length::from), metadata)
}

#[tokio::test]
async fn get_with_a_version_of_what_is_not_finished_is_answered_like_head() {
    let scene = Scene::default();
    let part = scene.upload(of_length(Some(11)), "hello").await;
    let deferred = scene.upload(of_length(None), "hello").await;
    let mut pending = of_length(None);
    let role = Role::Final {
        parts: vec![part.clone()],
        pending: true,
    };
    pending.concat = Some(Concat::new(role, None));
    let pending = scene.upload(pending, "").await;
    let mut rejected = of_length(Some(5));
    rejected.finishing = Some(FinishState::Pending { attempts: 10 });
    let rejected = scene.upload(rejected, "hello").await;
    let mut failed = of_length(Some(5));
    failed.finishing = Some(FinishState::Failed);
    let failed = scene.upload(failed, "hello").await;
    let busy = scene.upload(of_length(Some(11)), "hello").await;
    let holder = Interrupt::default();
    let guard = scene.locker.acquire(&busy, holder.clone(), Duration::MAX);
    let guard = guard.await.unwrap();

    for (id, status, names) in [
        (part.as_str(), 200, ["upload-offset", "upload-length"]),
        (
            deferred.as_str(),
            200,
            ["upload-offset", "upload-defer-length"],
        ),
        (pending.as_str(), 200, ["upload-concat", "upload-length"]),
        (rejected.as_str(), 400, ["cache-control"; 2]),
        (failed.as_str(), 410, ["cache-control"; 2]),
        (busy.as_str(), 423, ["retry-after", "cache-control"]),
        ("missing", 404, ["cache-control"; 2]),
        ("no%20id", 404, ["cache-control"; 2]),
    ] {
        for downloads in EITHER {
            let head = scene.ask(downloads, request(Method::HEAD, id)).await;
            let get = scene.ask(downloads, request(Method::GET, id)).await;
            assert_eq!(
                (get.status(), get.status().as_u16()),
                (head.status(), status),
                "{id}"
            );
            let mut expected = head.headers().clone();
            expected.insert("cache-control", "no-store".parse().unwrap());
            assert_eq!(get.headers(), &expected, "{id} {downloads:?}");
            assert!(
                names.iter().all(|it| get.headers().contains_key(*it)),
                "{get:?}"
            );
            assert_eq!(text(get).await, "", "{id} {downloads:?}");
        }
    }
    let asked = holder.fired().await;
    assert!(matches!(asked, Error::Interrupted), "{asked}");
    guard.release().await;
}

#[tokio::test]
async fn get_with_a_version_of_a_finished_upload_gives_it_out_where_it_may() {
    let scene = Scene::default();
    let id = scene.upload(of_length(Some(5)), "hello").await;
    for (downloads, expected) in [(Downloads::On, "hello"), (Downloads::Off, "")] {
        let get = scene
            .ask(downloads, request(Method::GET, id.as_str()))
            .await;
        assert_eq!(get.status(), StatusCode::OK);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("upload-offset", "5"),
            ("upload-length", "5"),
            ("upload-metadata", "filename YS50eHQ="),
        ] {
            assert_eq!(get.headers()[name], value, "{name} {downloads:?}");
        }
        assert_eq!(text(get).await, expected);
    }
}

#[tokio::test]
async fn get_without_a_version_passes() {
    let scene = Scene::default();
    let id = scene.upload(of_length(Some(11)), "hello").await;
    for (downloads, status, expected) in [
        (Downloads::On, 200, "hello"),
        (Downloads::Off, 405, "method not allowed\n"),
    ] {
        let mut get = request(Method::GET, id.as_str());
        get.headers_mut().clear();
        let get = scene.ask(downloads, get).await;
        assert_eq!(get.status().as_u16(), status);
        assert_eq!(text(get).await, expected);
    }
}

#[tokio::test]
async fn where_head_is_not_served_either_the_refusal_is_that_of_get() {
    let get = request(Method::GET, "");
    let get = Scene::default().ask(Downloads::On, get).await;
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get.headers()["allow"], "OPTIONS, POST");
    assert_eq!(text(get).await, "method not allowed\n");
}

#[tokio::test]
async fn core_08_head_s_answer_to_another_version_is_get_s_too() {
    let scene = Scene::default();
    let id = scene.upload(of_length(Some(11)), "hello").await;
    let mut get = request(Method::GET, id.as_str());
    let other = "99.99.99".parse().unwrap();
    get.headers_mut().insert("tus-resumable", other);
    let get = scene.ask(Downloads::On, get).await;
    assert_eq!(get.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(get.headers()["tus-version"], "1.0.0", "CORE-09");
    assert_eq!(text(get).await, "");
}

/// Finishes an upload on HEAD and serves it on GET, and checks the client's own
/// method.
async fn finishing(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let (parts, _) = request.into_parts();
    assert_eq!(
        Context::original(&parts).0,
        Method::GET,
        "hooks hear of what was sent"
    );
    let mut upload = Upload::new("a".parse().unwrap());
    upload.length = Some(Length::from(0));
    let mut outcome = Outcome::new(upload);
    outcome.finished = parts.method == Method::HEAD;
    let mut response = Response::new(Body::from(Bytes::from(parts.method.to_string())));
    response.extensions_mut().insert(outcome);
    Ok(response)
}

#[tokio::test]
async fn what_head_finished_is_in_the_outcome_of_get() {
    let mut service = CachedHeadLayer::new().layer(service_fn(finishing));
    let response = service
        .ready()
        .await
        .unwrap()
        .call(request(Method::GET, "a"));
    let response = response.await.unwrap();
    assert!(response.extensions().get::<Outcome>().unwrap().finished);
    assert!(response.extensions().get::<Error>().is_none());
    assert_eq!(text(response).await, "GET");
}
