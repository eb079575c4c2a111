//! Cross-origin requests.

use http::request::Builder;
use http::{Method, Request, Response, StatusCode};
use tower::{ServiceBuilder, service_fn};
use tower_http::validate_request::ValidateRequestHeaderLayer;
use tower_tus::layers::cors::CorsLayer;
use tower_tus::layers::detach::DetachLayer;
use tower_tus::layers::into_body::IntoBodyLayer;
use tower_tus::layers::protocol::Body;
use tower_tus::{Stack, TusService};

use super::{ask, hello};
use crate::table::uploads;
use crate::tus::{content, patch};

const PAGE: &str = "https://example.com";

fn cors() -> CorsLayer {
    CorsLayer::new().allow_origins([PAGE])
}

fn preflight(path: &str) -> Builder {
    Request::options(path)
        .header("Origin", PAGE)
        .header("Access-Control-Request-Method", "PATCH")
}

#[tokio::test]
async fn cors_of_tower_http_around_uploads_hides_discovery() {
    let service = ServiceBuilder::new()
        .layer(tower_http::cors::CorsLayer::permissive())
        .service(TusService::new(uploads().await));
    let options = Request::options("/files/");
    let answer = ask(&service, options, content("")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!answer.headers().contains_key("tus-version"));
}

#[tokio::test]
async fn cors_of_the_stack_beside_that_of_tower_http_for_other_routes() {
    let service = ServiceBuilder::new()
        .layer(Stack::new(uploads().await).cors(cors()).into_layer())
        .layer(tower_http::cors::CorsLayer::permissive())
        .service(service_fn(hello));
    let answer = ask(&service, preflight("/files/part"), content("")).await;
    let headers = answer.headers();
    assert_eq!(headers["access-control-allow-origin"], PAGE);
    assert_eq!(headers["tus-version"], "1.0.0");
    let answer = ask(&service, preflight("/"), content("")).await;
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert!(!answer.headers().contains_key("tus-version"));
}

/// What a login asks for, but of preflights, which have no credentials.
fn authorize(request: &mut Request<Body>) -> Result<(), Response<Body>> {
    if request.method() == Method::OPTIONS {
        return Ok(());
    }
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    Err(response)
}

#[tokio::test]
async fn pages_can_read_a_401_when_cors_is_outside_the_login() {
    let service = ServiceBuilder::new()
        .layer(cors())
        .layer(IntoBodyLayer::around(DetachLayer::new()))
        .layer(ValidateRequestHeaderLayer::custom(authorize))
        .service(TusService::new(uploads().await));
    let request = patch("/files/part", 5).header("Origin", PAGE);
    let answer = ask(&service, request, content("world")).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let headers = answer.headers();
    assert_eq!(headers["access-control-allow-origin"], PAGE);

    let answer = ask(&service, preflight("/files/part"), content("")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let headers = answer.headers();
    assert_eq!(headers["access-control-allow-origin"], PAGE);
    assert!(headers.contains_key("access-control-allow-methods"));
}
