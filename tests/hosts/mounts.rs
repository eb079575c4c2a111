//! The ways to mount a stack in a host: `Location` leads back to it, or the first
//! request fails and the log names the fix.

use axum::Router;
use axum::extract::{OriginalUri, Path, Request};
use axum::middleware::{Next, from_fn, map_request};
use axum::response::Response;
use axum::routing::get;
use http::{Method, StatusCode, Uri};
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_tus::layers::base_url::BaseUrlLayer;
use tower_tus::layers::context::{Context, Scope};
use tower_tus::layers::into_body::IntoBodyLayer;
use tower_tus::layers::render::RenderLayer;
use tower_tus::layers::route::RouteLayer;
use tower_tus::layers::service::Core;
use tower_tus::layers::store::MemoryStore;
use tower_tus::layers::version::VersionLayer;
use tower_tus::{Stack, TusLayer, TusService};

use crate::host::{self, Peer, hosted, routed};
use crate::logged;
use crate::tus::{Answer, Version, content, number, patch, request};

pub(crate) const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

fn stack() -> Stack {
    Stack::new(MemoryStore::default())
}

fn service() -> TusService {
    stack().into_service()
}

fn layer() -> TusLayer {
    stack().into_layer()
}

/// An application with a fallback for paths without a route.
fn application() -> Router {
    let application = Router::new().route("/hello", get(|| async { "hello" }));
    application.fallback(|| async { StatusCode::IM_A_TEAPOT })
}

/// Limits requests to the tenant in the path.
pub(crate) async fn own_uploads(
    Path(tenant): Path<String>,
    mut request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let scope = Scope::new(&tenant).map_err(|_| StatusCode::NOT_FOUND)?;
    Context::of_mut(request.extensions_mut()).set_scope(scope);
    Ok(next.run(request).await)
}

/// Returns routers with a stack built by hand, which handles axum's paths itself.
fn taken_apart() -> [Router; 2] {
    let core = Core::new(MemoryStore::default());
    let methods = core.upload_methods();
    let uploads = ServiceBuilder::new()
        .layer(IntoBodyLayer::new())
        .layer(RenderLayer::new())
        .layer(VersionLayer::new())
        .layer(RouteLayer::new("/files/", methods))
        .service(core);
    let told = ServiceBuilder::new()
        .layer(map_request(tell_prefix))
        .service(uploads.clone());
    [
        Router::new().nest_service("/uploads", told),
        Router::new().nest_service("/uploads", TusService::over(uploads)),
    ]
}

async fn tell_prefix(OriginalUri(original): OriginalUri, mut request: Request) -> Request {
    let path = request.uri().path().trim_end_matches('/');
    let original = original.path().trim_end_matches('/');
    if let Some(prefix) = original.strip_suffix(path) {
        let prefix = prefix.to_owned();
        Context::of_mut(request.extensions_mut()).set_stripped_prefix(&prefix);
    }
    request
}

/// A router, the path for creations, and the beginning of upload URLs.
type Row = (&'static str, Router, &'static str, &'static str);

fn rows() -> Vec<Row> {
    let route = |uploads: TusService| {
        Router::new()
            .route_service("/uploads", uploads.clone())
            .route_service("/uploads/", uploads.clone())
            .route_service("/uploads/{*id}", uploads)
    };
    // The outer router uses the fallback of a nested one only if it has a fallback
    // itself.
    let nested_twice = application().nest("/b", application().layer(layer()));
    let at_uploads = || stack().base_path("/uploads/").into_service();
    let [told_by_hand, built_by_hand] = taken_apart();
    vec![
        (
            "a stack built by hand",
            built_by_hand,
            "/uploads",
            "/uploads/",
        ),
        ("layer", application().layer(layer()), "/files", "/files/"),
        (
            "layer inside nest",
            Router::new().nest("/api", application().layer(layer())),
            "/api/files",
            "/api/files/",
        ),
        (
            "layer inside two nests",
            Router::new().nest("/a", nested_twice),
            "/a/b/files/",
            "/a/b/files/",
        ),
        (
            "layer inside a nest of the same name",
            Router::new().nest("/files", application().layer(layer())),
            "/files/files/",
            "/files/files/",
        ),
        (
            "layer outside nest",
            Router::new().nest("/api", application()).layer(layer()),
            "/files/",
            "/files/",
        ),
        (
            "nest_service at the base path",
            Router::new().nest_service("/files", service()),
            "/files",
            "/files/",
        ),
        (
            "nest_service at another path",
            Router::new().nest_service("/uploads", service()),
            "/uploads",
            "/uploads/",
        ),
        (
            "nest_service inside nest",
            Router::new().nest("/api/v1", Router::new().nest_service("/uploads", service())),
            "/api/v1/uploads",
            "/api/v1/uploads/",
        ),
        (
            "nest_service with a parameter",
            Router::new().nest_service(
                "/t/{tenant}/files",
                ServiceBuilder::new()
                    .layer(from_fn(own_uploads))
                    .service(service()),
            ),
            "/t/al%21ce/files",
            "/t/al%21ce/files/",
        ),
        (
            "nest with a parameter",
            Router::new().nest(
                "/t/{tenant}",
                Router::new()
                    .nest_service("/files", service())
                    .layer(from_fn(own_uploads)),
            ),
            "/t/alice/files/",
            "/t/alice/files/",
        ),
        (
            "route_service",
            route(at_uploads()),
            "/uploads",
            "/uploads/",
        ),
        (
            "route_service inside nest",
            Router::new().nest("/api", route(at_uploads())),
            "/api/uploads",
            "/api/uploads/",
        ),
        (
            "fallback_service",
            Router::new().fallback_service(service()),
            "/files",
            "/files/",
        ),
        (
            "fallback_service inside nest",
            Router::new().nest("/api", Router::new().fallback_service(service())),
            "/api",
            "/api/",
        ),
        (
            "a base URL inside nest",
            Router::new().nest(
                "/api",
                application().layer(
                    stack()
                        .base_url(BaseUrlLayer::from_request("/files/"))
                        .into_layer(),
                ),
            ),
            "/api/files",
            "http://{host}/api/files/",
        ),
        (
            "a base URL that has the prefix already",
            Router::new().nest(
                "/api",
                application().layer(
                    stack()
                        .base_url(BaseUrlLayer::from_request("/public/api/files/").relative())
                        .into_layer(),
                ),
            ),
            "/api/files",
            "/public/api/files/",
        ),
        (
            "a base URL with nest_service",
            Router::new().nest_service(
                "/api/files",
                stack()
                    .base_url(BaseUrlLayer::from_request("/files/"))
                    .into_service(),
            ),
            "/api/files",
            "http://{host}/api/files/",
        ),
        (
            "a stack built by hand and told by hand",
            told_by_hand,
            "/uploads",
            "/uploads/",
        ),
    ]
}

/// Creates uploads at a path, and uses them like a client that knows only `Location`.
async fn use_uploads(peer: &Peer, what: &str, path: &str, begins: &str) {
    let authority = peer.address().unwrap().to_string();
    let begins = begins.replace("{host}", &authority);
    let sent = async |request: http::request::Builder, bytes: &'static str| -> Answer {
        peer.send(request.body(content(bytes)).unwrap()).await
    };
    let created = sent(request(Method::POST, path).header("Upload-Length", 10), "").await;
    assert_eq!(created.status(), StatusCode::CREATED, "{what}");
    let location = created.headers()["location"].to_str().unwrap();
    let id = location.strip_prefix(&begins);
    let id = id.unwrap_or_else(|| panic!("{what}: {location} is not below {begins}"));
    assert!(!id.contains('/'), "{what}: {location}");

    let url = location.parse::<Uri>().unwrap();
    let url = url.path().trim_start_matches("/public");
    for (offset, bytes) in [(0, "hello"), (5, "world")] {
        let answer = sent(patch(url, offset), bytes).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{what}: {url}");
        let head = sent(request(Method::HEAD, url), "").await;
        assert_eq!(
            number(head.headers(), "upload-offset"),
            offset + 5,
            "{what}"
        );
    }
}

/// Creates a final upload from partial ones, and downloads it.
async fn use_parts(peer: &Peer, what: &str, path: &str) {
    let mut urls = Vec::new();
    for bytes in ["hello", "world"] {
        let post = request(Method::POST, path)
            .header("Upload-Length", 5)
            .header("Upload-Concat", "partial")
            .header("Content-Type", "application/offset+octet-stream");
        let created = peer.send(post.body(content(bytes)).unwrap()).await;
        assert_eq!(created.status(), StatusCode::CREATED, "{what}");
        urls.push(created.headers()["location"].to_str().unwrap().to_owned());
    }
    let post =
        request(Method::POST, path).header("Upload-Concat", format!("final;{}", urls.join(" ")));
    let created = peer.send(post.body(content("")).unwrap()).await;
    assert_eq!(created.status(), StatusCode::CREATED, "{what}: {urls:?}");
    let location = created.headers()["location"].to_str().unwrap();
    let url = location.parse::<Uri>().unwrap();
    let url = url.path().trim_start_matches("/public");
    let answer = peer
        .send(request(Method::GET, url).body(content("")).unwrap())
        .await;
    assert_eq!(answer.body(), "helloworld", "{what}");
}

#[tokio::test]
async fn location_leads_back_from_wherever_a_stack_stands_in_axum() {
    for version in VERSIONS {
        for (what, router, path, begins) in rows() {
            for (host, peer) in routed(&router, version) {
                let what = format!("{what} of {host} in {version:?}");
                use_uploads(&peer, &what, path, begins).await;
                if !what.contains("by hand") {
                    use_parts(&peer, &what, path).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn location_leads_back_from_every_host() {
    for host in host::all() {
        let peer = host.host(stack());
        if peer.address().is_some() {
            use_uploads(&peer, &host.to_string(), "/files", "/files/").await;
            use_parts(&peer, &host.to_string(), "/files").await;
        }
    }
}

#[tokio::test]
async fn location_leads_back_from_a_layer_around_a_whole_router() {
    for version in VERSIONS {
        let peer = hosted(layer().layer(application()), version);
        use_uploads(&peer, "around", "/files", "/files/").await;
        use_parts(&peer, "around", "/files").await;
    }
}

#[tokio::test]
async fn location_leads_back_through_a_router_that_tells_what_it_strips() {
    for version in VERSIONS {
        let strip = |mut request: http::Request<hyper::body::Incoming>| {
            let path = request.uri().path().strip_prefix("/own");
            let path = path.filter(|path| !path.is_empty()).unwrap_or("/");
            *request.uri_mut() = path.parse().unwrap();
            Context::of_mut(request.extensions_mut()).set_stripped_prefix("/own/");
            request
        };
        let peer = hosted(service().map_request(strip), version);
        use_uploads(&peer, "told", "/own", "/own/").await;
        use_parts(&peer, "told", "/own").await;
    }
}

#[tokio::test]
async fn a_fallback_that_is_set_after_the_layer_gets_what_was_for_uploads() {
    let router = Router::new()
        .layer(layer())
        .fallback(|| async { StatusCode::IM_A_TEAPOT });
    for (host, peer) in routed(&router, Version::Http1) {
        let post = request(Method::POST, "/files").header("Upload-Length", 5);
        let answer = peer.send(post.body(content("")).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT, "{host}");
    }
}

/// Sends a creation, and returns its response.
async fn post(router: &Router, path: &str) -> Answer {
    let [(_, peer), _] = routed(router, Version::Http1);
    let post = request(Method::POST, path).header("Upload-Length", 5);
    peer.send(post.body(content("")).unwrap()).await
}

/// Expects that a creation fails, and that the log names the fix.
async fn fails_loudly(router: Router, path: &str, remedies: &[&str]) {
    logged::record();
    let answer = post(&router, path).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    assert_eq!(answer.headers()["tus-resumable"], "1.0.0");
    let text = std::str::from_utf8(answer.body()).unwrap();
    assert_eq!(text, "ERR_INTERNAL_SERVER_ERROR: internal server error\n");
    let lines = logged::lines();
    let found = lines
        .iter()
        .any(|line| remedies.iter().all(|remedy| line.contains(remedy)));
    assert!(found, "{remedies:?} in {lines:#?}");
}

#[tokio::test]
async fn a_route_that_the_base_path_does_not_name_fails_loudly() {
    let router = Router::new()
        .route_service("/elsewhere", service())
        .route_service("/elsewhere/{*id}", service());
    let remedies = ["/elsewhere", "nest_service", "Stack::base_path"];
    fails_loudly(router, "/elsewhere", &remedies).await;
    let router = Router::new().route_service("/t/{tenant}/files", service());
    let remedies = ["/t/alice/files", "nest_service"];
    fails_loudly(router, "/t/alice/files", &remedies).await;
}

#[tokio::test]
async fn a_parameter_without_a_scope_fails_loudly() {
    let router = Router::new().nest_service("/shared/{tenant}/files", service());
    let remedies = ["/shared/{tenant}/files", "Context::set_scope"];
    fails_loudly(router, "/shared/alice/files", &remedies).await;

    let share = |mut request: Request| async {
        Context::of_mut(request.extensions_mut()).set_scope(Scope::all());
        request
    };
    let router = Router::new()
        .nest_service("/v/{version}/files", service())
        .layer(map_request(share));
    let answer = post(&router, "/v/2/files").await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.starts_with("/v/2/files/"), "{location}");
}

#[tokio::test]
async fn a_layer_in_a_nested_router_without_a_fallback_warns_of_it() {
    logged::record();
    let nested = Router::new().route("/hello", get(|| async { "hello" }));
    let router = Router::new().nest("/silent", nested.layer(layer()));
    for (host, peer) in routed(&router, Version::Http1) {
        let post = request(Method::POST, "/silent/files").header("Upload-Length", 5);
        let answer = peer.send(post.body(content("")).unwrap()).await;
        // axum does not call the layer.
        assert!(answer.status().is_client_error() || host == "tonic");
        let get = request(Method::GET, "/silent/hello");
        let answer = peer.send(get.body(content("")).unwrap()).await;
        assert_eq!(answer.body(), "hello");
    }
    let lines = logged::lines();
    let mut warnings = lines.iter().filter(|line| line.contains("/silent"));
    let warning = warnings.next().unwrap();
    assert!(warning.contains("add the layer to the outermost router"));
    assert!(warnings.next().is_none(), "one layer warns once");
}

#[tokio::test]
async fn a_path_that_was_rewritten_fails_loudly_unless_the_url_is_set() {
    let router = |stack: Stack| {
        let rewrite = |mut request: Request| async {
            *request.uri_mut() = Uri::from_static("/files/");
            request
        };
        Router::new()
            .layer(stack.into_layer())
            .layer(map_request(rewrite))
    };
    let remedies = ["/rewritten/old", "Stack::base_url"];
    fails_loudly(router(stack()), "/rewritten/old", &remedies).await;

    let base_url = BaseUrlLayer::fixed("https://example.com/rewritten/");
    let answer = post(&router(stack().base_url(base_url)), "/rewritten/old").await;
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.starts_with("https://example.com/rewritten/"));
}

#[tokio::test]
async fn a_base_url_of_another_path_than_the_request_fails_loudly() {
    let base_url = BaseUrlLayer::from_request("/misnamed/");
    let uploads = stack().base_url(base_url).into_service();
    let router = Router::new().nest_service("/named", uploads);
    let remedies = ["/named", "/misnamed", "BaseUrlLayer::fixed"];
    fails_loudly(router, "/named", &remedies).await;
}

/// Removes axum's extensions, like an axum of another version whose types differ.
async fn forget(mut request: Request, next: Next) -> Response {
    request.extensions_mut().remove::<OriginalUri>();
    next.run(request).await
}

#[tokio::test]
async fn an_axum_that_cannot_be_read_fails_loudly_unless_the_url_is_set() {
    let remedies = ["the feature `axum`", "Stack::base_url"];
    let router = Router::new()
        .nest("/api", application().layer(layer()))
        .layer(from_fn(forget));
    fails_loudly(router, "/api/files", &remedies).await;
    let router = Router::new()
        .nest_service("/uploads", service())
        .layer(from_fn(forget));
    fails_loudly(router, "/uploads", &remedies).await;

    let base_url = BaseUrlLayer::fixed("/uploads/");
    let router = Router::new()
        .nest_service("/uploads", stack().base_url(base_url).into_service())
        .layer(from_fn(forget));
    let answer = post(&router, "/uploads").await;
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.starts_with("/uploads/"), "{location}");
}
