//! The stack built by hand, without one layer at a time: the rest works, and OPTIONS
//! announces exactly what is installed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::LOCATION;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::time::timeout;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt};
use tower_tus_layers::access::{AccessLayer, AccessRequest};
use tower_tus_layers::base_url::BaseUrlLayer;
use tower_tus_layers::checksum::ChecksumLayer;
use tower_tus_layers::concatenation::ConcatenationLayer;
use tower_tus_layers::cors::CorsLayer;
use tower_tus_layers::creation_with_upload::CreationWithUploadLayer;
use tower_tus_layers::detach::DetachLayer;
use tower_tus_layers::discovery::DiscoveryLayer;
use tower_tus_layers::download::DownloadLayer;
use tower_tus_layers::events::{Events, EventsLayer};
use tower_tus_layers::expiration::{Expiration, ExpirationLayer};
use tower_tus_layers::gate::GateLayer;
use tower_tus_layers::hooks::HooksLayer;
use tower_tus_layers::hooks::{Callbacks, Reply};
use tower_tus_layers::idle_timeout::IdleTimeoutLayer;
use tower_tus_layers::interrupt::InterruptLayer;
use tower_tus_layers::lock::LockLayer;
use tower_tus_layers::lock::MemoryLocker;
use tower_tus_layers::log::LogLayer;
use tower_tus_layers::method_override::MethodOverrideLayer;
use tower_tus_layers::metrics::MetricsLayer;
use tower_tus_layers::protocol::{Body, Error, Rejection, ResponseOverride};
use tower_tus_layers::render::RenderLayer;
use tower_tus_layers::route::RouteLayer;
use tower_tus_layers::service::Core;
use tower_tus_layers::size_limit::SizeLimitLayer;
use tower_tus_layers::store::MemoryStore;
use tower_tus_layers::version::VersionLayer;

type Stack = BoxCloneSyncService<Request<Body>, Response<Body>, std::convert::Infallible>;

const LAYERS: [&str; 23] = [
    "Detach",
    "MethodOverride",
    "Metrics",
    "Log",
    "Cors",
    "BaseUrl",
    "Render",
    "Version",
    "Route",
    "Discovery",
    "Interrupt",
    "Access",
    "Expiration",
    "SizeLimit",
    "CreationWithUpload",
    "Lock",
    "Hooks",
    "Events",
    "Gate",
    "IdleTimeout",
    "Checksum",
    "Concatenation",
    "Download",
];

const MAX_SIZE: u64 = 10;
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the stack of all layers but `absent`.
fn stack_without(absent: &str, store: MemoryStore) -> Stack {
    stack_over(Core::new(store), absent)
}

/// Returns the stack of all layers but the `absent` one: a plain `ServiceBuilder` for
/// each, with its type erased at the end, so that one function can return them all.
macro_rules! without {
    ($absent:expr, $core:expr; [$($before:expr,)*] $name:literal => $layer:expr, $($rest_name:literal => $rest:expr,)*) => {
        if $absent == $name {
            let stack = ServiceBuilder::new()$(.layer($before))*$(.layer($rest))*;
            return Stack::new(stack.service($core));
        }
        without!($absent, $core; [$($before,)* $layer,] $($rest_name => $rest,)*)
    };
    ($absent:expr, $core:expr; [$($all:expr,)*]) => {
        Stack::new(ServiceBuilder::new()$(.layer($all))*.service($core))
    };
}

#[allow(
    clippy::redundant_clone,
    reason = "each stack but the last one leaves the locker to another"
)]
fn stack_over(core: Core, absent: &str) -> Stack {
    let store = Arc::clone(core.store());
    let methods: Vec<_> = core
        .upload_methods()
        .into_iter()
        .chain([Method::GET])
        .collect();
    let locker = Arc::new(MemoryLocker::default());
    without! { absent, core; []
        "Detach" => DetachLayer::new(),
        "MethodOverride" => MethodOverrideLayer::new(),
        "Metrics" => MetricsLayer::new(),
        "Log" => LogLayer::new(),
        "Cors" => CorsLayer::new(),
        "BaseUrl" => BaseUrlLayer::from_request("/"),
        "Render" => RenderLayer::new(),
        "Version" => VersionLayer::new(),
        "Route" => RouteLayer::new("/", methods),
        "Discovery" => DiscoveryLayer::new(),
        "Interrupt" => InterruptLayer::new(),
        "Access" => AccessLayer::new(Arc::clone(&store), async |_: AccessRequest| Ok(())),
        "Expiration" => ExpirationLayer::new(Arc::clone(&store), Expiration::after(DAY)),
        "SizeLimit" => SizeLimitLayer::new(MAX_SIZE),
        "CreationWithUpload" => CreationWithUploadLayer::new(),
        "Lock" => LockLayer::new(locker.clone()),
        "Hooks" => hooks(),
        "Events" => EventsLayer::new(Events::default()),
        "Gate" => GateLayer::all([]),
        "IdleTimeout" => IdleTimeoutLayer::new(IDLE_TIMEOUT),
        "Checksum" => ChecksumLayer::new(),
        "Concatenation" => ConcatenationLayer::new(Arc::clone(&store), locker.clone()),
        "Download" => DownloadLayer::new(Arc::clone(&store)),
    }
}

/// Hooks that reply to a creation as its header `X-Hook` says.
fn hooks() -> HooksLayer {
    HooksLayer::new(Callbacks::new().pre_create(|event| async move {
        let asked = event.request.headers.get("x-hook");
        match asked.map(HeaderValue::as_bytes) {
            Some(b"accept") => {
                let accepted = ResponseOverride::default().with_status(StatusCode::ACCEPTED);
                Reply::accept().with_response(accepted)
            }
            Some(b"answer") => {
                let found = ResponseOverride::default()
                    .with_status(StatusCode::CREATED)
                    .with_header(LOCATION, HeaderValue::from_static("/mine"));
                Reply::reject().with_response(found)
            }
            Some(b"reject") => {
                let broke = Rejection::new(StatusCode::PAYMENT_REQUIRED).with_code("ERR_QUOTA");
                Reply::reject_with(broke)
            }
            _ => Reply::accept(),
        }
    }))
}

fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("Tus-Resumable", "1.0.0")
}

async fn extensions(stack: &Stack) -> Vec<String> {
    let options = request(Method::OPTIONS, "/").body(Body::default()).unwrap();
    let response = stack.clone().oneshot(options).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let lines = response.headers().get_all("tus-extension").iter();
    let mut tokens: Vec<_> = lines
        .flat_map(|line| line.to_str().unwrap().split(','))
        .map(str::to_owned)
        .collect();
    tokens.sort_unstable();
    tokens
}

#[tokio::test]
async fn each_layer_may_be_absent_and_the_rest_works() {
    for absent in LAYERS.into_iter().chain(["none of them"]) {
        let store = MemoryStore::default();
        let stack = stack_without(absent, store.clone());
        let create = request(Method::POST, "/").header("Upload-Length", "5");
        let created = stack
            .clone()
            .oneshot(create.body(Body::default()).unwrap())
            .await
            .unwrap();
        assert_eq!(created.status(), StatusCode::CREATED, "without {absent}");

        let path = created.headers()["location"].to_str().unwrap();
        let append = request(Method::PATCH, path)
            .header("Upload-Offset", "0")
            .header("Content-Type", "application/offset+octet-stream");
        let appended = stack
            .clone()
            .oneshot(append.body("hello".into()).unwrap())
            .await
            .unwrap();
        assert_eq!(
            appended.status(),
            StatusCode::NO_CONTENT,
            "without {absent}"
        );
        assert_eq!(store.bytes(&path[1..].parse().unwrap()).unwrap(), "hello");

        let head = request(Method::HEAD, path).body(Body::default()).unwrap();
        let found = stack.oneshot(head).await.unwrap();
        assert_eq!(found.headers()["upload-offset"], "5", "without {absent}");
    }
}

#[tokio::test]
async fn core_11_an_extension_is_announced_when_its_layer_is_there() {
    for absent in LAYERS.into_iter().chain(["none of them"]) {
        let mut expected = vec![
            "checksum",
            "checksum-trailer",
            "concatenation",
            "creation",
            "creation-defer-length",
            "creation-with-upload",
            "expiration",
            "termination",
        ];
        match absent {
            "CreationWithUpload" => expected.retain(|token| *token != "creation-with-upload"),
            "Checksum" => expected.retain(|token| !token.starts_with("checksum")),
            "Concatenation" => expected.retain(|token| *token != "concatenation"),
            "Expiration" => expected.retain(|token| *token != "expiration"),
            _ => {}
        }
        let stack = stack_without(absent, MemoryStore::default());
        assert_eq!(extensions(&stack).await, expected, "without {absent}");
    }
}

#[tokio::test]
async fn bytes_without_the_layer_that_takes_them_are_refused() {
    for (absent, status) in [
        ("none of them", StatusCode::CREATED),
        ("CreationWithUpload", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let create = request(Method::POST, "/")
            .header("Upload-Length", "5")
            .header("Content-Type", "application/offset+octet-stream");
        let stack = stack_without(absent, MemoryStore::default());
        let response = stack
            .oneshot(create.body("hello".into()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), status, "without {absent}");
    }
}

// AMB-17: also through the lock, and if clients cannot terminate uploads.
#[tokio::test]
async fn a_creation_with_other_bytes_than_its_checksum_says_leaves_nothing() {
    for (absent, status, uploads) in [
        ("none of them", 460, 0),
        ("Lock", 460, 0),
        ("Checksum", 201, 1),
    ] {
        let create = request(Method::POST, "/")
            .header("Upload-Length", "5")
            .header("Content-Type", "application/offset+octet-stream")
            .header("Upload-Checksum", "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=");
        let store = MemoryStore::default();
        let core = Core::new(store.clone()).without_termination();
        let stack = stack_over(core, absent);
        let response = stack.oneshot(create.body("hullo".into()).unwrap());
        let response = response.await.unwrap();
        assert_eq!(response.status(), status, "without {absent}");
        assert_eq!(response.headers().contains_key("location"), status == 201);
        assert_eq!(
            format!("{store:?}"),
            format!("MemoryStore {{ uploads: {uploads} }}"),
            "without {absent}"
        );
    }
}

#[tokio::test]
async fn an_upload_is_given_out_when_the_layer_for_it_is_there() {
    for (absent, status) in [
        ("none of them", StatusCode::OK),
        ("Download", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let stack = stack_without(absent, MemoryStore::default());
        let create = request(Method::POST, "/").header("Upload-Length", "5");
        let created = stack
            .clone()
            .oneshot(create.body(Body::default()).unwrap())
            .await
            .unwrap();
        let path = created.headers()["location"].to_str().unwrap();
        let get = Request::get(path).body(Body::default()).unwrap();
        let response = stack.oneshot(get).await.unwrap();
        assert_eq!(response.status(), status, "without {absent}");
    }
}

#[tokio::test]
async fn partials_without_the_layer_that_joins_them_go_on_and_new_ones_are_refused() {
    let store = MemoryStore::default();
    let partial = || {
        let create = request(Method::POST, "/").header("Upload-Length", "5");
        let create = create.header("Upload-Concat", "partial");
        create.body(Body::default()).unwrap()
    };
    let stack = stack_without("none of them", store.clone());
    let created = stack.oneshot(partial()).await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);

    let stack = stack_without("Concatenation", store);
    let refused = stack.clone().oneshot(partial()).await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let path = created.headers()["location"].to_str().unwrap();
    let head = request(Method::HEAD, path).body(Body::default()).unwrap();
    let found = stack.oneshot(head).await.unwrap();
    assert_eq!(found.headers()["upload-concat"], "partial");
}

#[tokio::test]
async fn without_the_layer_that_overrides_it_the_method_is_the_actual_one() {
    for (absent, status) in [
        ("none of them", StatusCode::NOT_FOUND),
        ("MethodOverride", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let head = request(Method::POST, "/unknown").header("X-HTTP-Method-Override", "HEAD");
        let stack = stack_without(absent, MemoryStore::default());
        let response = stack.oneshot(head.body(Body::default()).unwrap());
        assert_eq!(response.await.unwrap().status(), status, "without {absent}");
    }
}

/// Returns the responses to a creation whose hook replies like this, without each of
/// the other layers. The creation carries bytes if a layer accepts them.
async fn hooked(reply: &str) -> Vec<(&'static str, Response<Body>)> {
    let mut responses = Vec::new();
    for absent in LAYERS.into_iter().chain(["none of them"]) {
        let mut create = request(Method::POST, "/")
            .header("Upload-Length", "5")
            .header("X-Hook", reply);
        let mut bytes = "";
        if absent != "CreationWithUpload" {
            create = create.header("Content-Type", "application/offset+octet-stream");
            bytes = "hello";
        }
        let stack = stack_without(absent, MemoryStore::default());
        let response = stack.oneshot(create.body(bytes.into()).unwrap());
        responses.push((absent, response.await.unwrap()));
    }
    responses
}

#[tokio::test]
async fn hooks_have_their_say_whichever_other_layer_is_absent() {
    for (absent, response) in hooked("accept").await {
        let status = match absent {
            "Hooks" => StatusCode::CREATED,
            _ => StatusCode::ACCEPTED,
        };
        assert_eq!(response.status(), status, "without {absent}");
    }
}

#[tokio::test]
async fn a_hook_answers_in_place_of_a_creation_whichever_other_layer_is_absent() {
    for (absent, response) in hooked("answer").await {
        assert_eq!(response.status(), StatusCode::CREATED, "without {absent}");
        let is_its_own = response.headers()["location"] == "/mine";
        assert_eq!(is_its_own, absent != "Hooks", "without {absent}");
        assert!(response.extensions().get::<Error>().is_none());
    }
}

#[tokio::test]
async fn a_hook_rejects_with_its_own_status_whichever_other_layer_is_absent() {
    for (absent, response) in hooked("reject").await {
        if absent == "Hooks" {
            continue;
        }
        let payment_required = StatusCode::PAYMENT_REQUIRED;
        assert_eq!(response.status(), payment_required, "without {absent}");
        let error = response.extensions().get::<Error>().unwrap();
        assert_eq!(error.status(), payment_required);
        assert_eq!(error.code(), "ERR_QUOTA");
        let text = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text.is_empty(), absent == "Render", "without {absent}");
    }
}

#[tokio::test]
async fn core_13_a_maximum_is_told_and_kept_when_its_layer_is_there() {
    for (absent, told, status) in [
        ("none of them", Some("10"), StatusCode::PAYLOAD_TOO_LARGE),
        ("SizeLimit", None, StatusCode::CREATED),
    ] {
        let stack = stack_without(absent, MemoryStore::default());
        let options = request(Method::OPTIONS, "/").body(Body::default()).unwrap();
        let response = stack.clone().oneshot(options).await.unwrap();
        let max = response.headers().get("tus-max-size");
        assert_eq!(max.map(|max| max.to_str().unwrap()), told);

        let create = request(Method::POST, "/").header("Upload-Length", MAX_SIZE + 1);
        let response = stack.oneshot(create.body(Body::default()).unwrap());
        assert_eq!(response.await.unwrap().status(), status, "without {absent}");
    }
}

#[tokio::test]
async fn exp_03_a_refused_patch_tells_when_the_upload_expires_whichever_other_layer_is_absent() {
    for absent in LAYERS.into_iter().chain(["none of them"]) {
        let stack = stack_without(absent, MemoryStore::default());
        let create = request(Method::POST, "/").header("Upload-Defer-Length", "1");
        let created = stack.clone().oneshot(create.body(Body::default()).unwrap());
        let created = created.await.unwrap();
        let path = created.headers()["location"].to_str().unwrap();
        let append = request(Method::PATCH, path)
            .header("Upload-Offset", "0")
            .header("Upload-Length", MAX_SIZE + 1)
            .header("Content-Type", "text/plain");
        let refused = stack.oneshot(append.body(Body::default()).unwrap());
        let refused = refused.await.unwrap();
        let status = match absent {
            "SizeLimit" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::PAYLOAD_TOO_LARGE,
        };
        assert_eq!(refused.status(), status, "without {absent}");
        for response in [created, refused] {
            let told = response.headers().contains_key("upload-expires");
            assert_eq!(told, absent != "Expiration", "without {absent}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stalls_is_waited_for_as_long_as_the_layer_says() {
    let long = IDLE_TIMEOUT * 1_000;
    for (absent, answer) in [
        ("none of them", Some(StatusCode::INTERNAL_SERVER_ERROR)),
        ("IdleTimeout", None),
    ] {
        let nothing_comes = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Error>>());
        let create = request(Method::POST, "/")
            .header("Upload-Length", "5")
            .header("Content-Type", "application/offset+octet-stream");
        let stack = stack_without(absent, MemoryStore::default());
        let response = stack.oneshot(create.body(Body::new(nothing_comes)).unwrap());
        let response = timeout(long, response).await.ok();
        let status = response.map(|response| response.unwrap().status());
        assert_eq!(status, answer, "without {absent}");
    }
}
