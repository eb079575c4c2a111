//! Pages of other origins, through the whole stack.

use async_trait::async_trait;
use http::request::Parts;
use http::{Method, StatusCode};
use tower_tus::Stack;
use tower_tus::layers::cors::CorsLayer;
use tower_tus::layers::gate::Gate;
use tower_tus::layers::protocol::{Error, NewUpload};
use tower_tus::layers::store::MemoryStore;

use crate::harness::host::host;
use crate::harness::tus::{Tus, Version, code, request};

const PAGE: &str = "https://example.com";

async fn server() -> Tus {
    let cors = CorsLayer::new().allow_origins([PAGE]);
    let stack = Stack::new(MemoryStore::default()).cors(cors);
    let address = host(stack.into_service()).await;
    Tus::new(&format!("http://{address}/files/"), Version::Http1)
}

#[tokio::test]
async fn core_35_a_preflight_is_a_discovery_too() {
    let tus = server().await;
    let preflight = http::Request::options(&tus.url)
        .header("Origin", PAGE)
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "tus-resumable");
    let answer = tus.ask(preflight).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["access-control-allow-origin"], PAGE);
    assert_eq!(answer.headers()["tus-version"], "1.0.0");
    assert!(answer.headers().contains_key("tus-extension"));
}

#[tokio::test]
async fn a_page_can_read_every_refusal() {
    let tus = server().await;
    let no_version = http::Request::post(&tus.url);
    let no_upload = request(Method::HEAD, &format!("{}none", tus.url));
    let no_method = request(Method::PUT, &tus.url);
    for (request, status) in [
        (no_version, StatusCode::PRECONDITION_FAILED),
        (no_upload, StatusCode::NOT_FOUND),
        (no_method, StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let answer = tus.ask(request.header("Origin", PAGE)).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["access-control-allow-origin"], PAGE);
        let exposed = answer.headers()["access-control-expose-headers"].to_str();
        assert!(exposed.unwrap().contains("Tus-Version"));
    }
}

/// A gate that always panics.
#[derive(Debug)]
struct Panics;

#[async_trait]
impl Gate for Panics {
    async fn creating(&self, _: &Parts, _: &mut NewUpload) -> Result<(), Error> {
        panic!("on purpose")
    }
}

#[tokio::test]
async fn a_page_can_read_that_its_request_panicked() {
    let cors = CorsLayer::new().allow_origins([PAGE]);
    let stack = Stack::new(MemoryStore::default())
        .cors(cors)
        .add_gate(Panics);
    let address = host(stack.into_service()).await;
    for version in [Version::Http1, Version::Http2] {
        let tus = Tus::new(&format!("http://{address}/files/"), version);
        let post = tus.post().header("Upload-Length", 5);
        let answer = tus.ask(post.header("Origin", PAGE)).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()["access-control-allow-origin"], PAGE);
        assert_eq!(answer.headers()["tus-resumable"], "1.0.0", "CORE-06");
        let exposed = answer.headers()["access-control-expose-headers"].to_str();
        assert!(exposed.unwrap().contains("Retry-After"));
    }
}

#[tokio::test]
async fn a_foreign_page_is_refused_whatever_it_asks() {
    let tus = server().await;
    for method in [Method::OPTIONS, Method::GET, Method::POST, Method::PATCH] {
        let request = request(method, &tus.url)
            .header("Origin", "https://example.org")
            .header("Upload-Length", 0);
        let answer = tus.ask(request).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert_eq!(code(&answer), "ERR_ORIGIN_NOT_ALLOWED");
        assert_eq!(answer.headers()["tus-resumable"], "1.0.0", "CORE-06");
        assert_eq!(answer.headers()["vary"], "Origin");
        for absent in ["access-control-allow-origin", "location"] {
            assert!(!answer.headers().contains_key(absent), "{absent}");
        }
    }
}
