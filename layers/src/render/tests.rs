use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use super::RenderLayer;
use crate::protocol::header::TUS_RESUMABLE;
use crate::protocol::{Body, Error, Rejection, ResponseOverride};

/// Sends a request with `method` through `layer`; the inner service returns
/// `response`.
async fn rendered(layer: RenderLayer, method: Method, response: Response<Body>) -> Response<Body> {
    let mut response = Some(response);
    let inner = service_fn(move |_| {
        let response = response.take().expect("it is called once");
        async move { Ok::<_, Infallible>(response) }
    });
    let request = Request::builder().method(method);
    ServiceBuilder::new()
        .layer(layer)
        .service(inner)
        .oneshot(request.body(Body::default()).unwrap())
        .await
        .unwrap()
}

async fn plain(method: Method, response: Response<Body>) -> Response<Body> {
    rendered(RenderLayer::new(), method, response).await
}

async fn text(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

fn changed(mut response: Response<Body>, change: ResponseOverride) -> Response<Body> {
    response.extensions_mut().insert(change);
    response
}

#[tokio::test]
async fn a_refusal_reads_as_its_code_and_message() {
    let response = plain(Method::PATCH, Error::NotFound.into_response()).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    let error = response.extensions().get::<Error>();
    assert!(
        matches!(error, Some(Error::NotFound)),
        "the error stays for the layers that count it"
    );
    assert_eq!(
        text(response).await,
        "ERR_UPLOAD_NOT_FOUND: upload not found\n"
    );
}

#[tokio::test]
async fn an_internal_error_says_nothing_of_the_inside() {
    let error = Error::internal("a secret");
    let response = plain(Method::PATCH, error.into_response()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let text = text(response).await;
    assert_eq!(text, "ERR_INTERNAL_SERVER_ERROR: internal server error\n");
}

#[tokio::test]
async fn a_refusal_of_head_has_no_body() {
    let response = plain(Method::HEAD, Error::NotFound.into_response()).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(!response.headers().contains_key("content-type"));
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn what_is_no_refusal_passes() {
    let response = plain(Method::PATCH, Response::new("inner".into())).await;
    assert_eq!(text(response).await, "inner");
}

#[tokio::test]
async fn a_rejection_reads_as_its_own_code_and_text() {
    let rejection = Rejection::new(StatusCode::UNAUTHORIZED)
        .with_code("ERR_UNAUTHORIZED")
        .with_text("sign in first")
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    let response = plain(Method::POST, Error::from(rejection).into_response()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    let text = text(response).await;
    assert_eq!(text, "ERR_UNAUTHORIZED: sign in first\n");
}

#[tokio::test]
async fn a_rejection_with_a_body_keeps_it_whatever_renders_others() {
    let json = HeaderValue::from_static("application/json");
    let rejection = Rejection::new(StatusCode::PAYMENT_REQUIRED).with_body(json, "{}");
    let error = Error::from(rejection);
    let html = RenderLayer::with(|_, response| *response.body_mut() = "<p>no</p>".into());
    for layer in [RenderLayer::new(), html] {
        for (method, body) in [(Method::POST, "{}"), (Method::HEAD, "")] {
            let response = error.clone().into_response();
            let response = rendered(layer.clone(), method, response).await;
            assert_eq!(response.status(), StatusCode::PAYMENT_REQUIRED);
            assert_eq!(response.headers()["content-type"], "application/json");
            assert_eq!(text(response).await, body);
        }
    }
}

#[tokio::test]
async fn errors_are_written_as_the_program_wants_them() {
    let layer = RenderLayer::with(|error, response| {
        let html = HeaderValue::from_static("text/html");
        response.headers_mut().insert(CONTENT_TYPE, html);
        *response.body_mut() = format!("<p>{}</p>", error.code()).into();
    });
    for (method, body) in [
        (Method::PATCH, "<p>ERR_LOCK_TIMEOUT</p>"),
        (Method::HEAD, ""),
    ] {
        let response = Error::LockTimeout.into_response();
        let response = rendered(layer.clone(), method, response).await;
        assert_eq!(response.status(), StatusCode::LOCKED);
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(text(response).await, body);
    }
}

#[tokio::test]
async fn a_success_is_overridden_all_but_its_protocol_version() {
    for (method, body) in [(Method::POST, "thank you"), (Method::HEAD, "")] {
        let change = ResponseOverride::default()
            .with_status(StatusCode::ACCEPTED)
            .with_header(CONTENT_TYPE, HeaderValue::from_static("text/html"))
            .with_header(TUS_RESUMABLE.clone(), HeaderValue::from_static("0.2.2"))
            .with_body("thank you");
        let response = plain(method, changed(Response::default(), change)).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(response.headers()["content-type"], "text/html");
        assert!(!response.headers().contains_key("tus-resumable"));
        assert_eq!(text(response).await, body);
    }
}

#[tokio::test]
async fn an_overridden_error_is_the_error_that_the_client_gets() {
    let change = ResponseOverride::default()
        .with_status(StatusCode::PAYMENT_REQUIRED)
        .with_body("2 EUR, please\n");
    let response = changed(Error::Rejected.into_response(), change);
    let response = plain(Method::POST, response).await;
    assert_eq!(response.status(), StatusCode::PAYMENT_REQUIRED);
    let error = response.extensions().get::<Error>().unwrap();
    assert_eq!(error.status(), StatusCode::PAYMENT_REQUIRED);
    assert_eq!(error.code(), "ERR_UPLOAD_REJECTED");
    assert_eq!(text(response).await, "2 EUR, please\n");
}

#[tokio::test]
async fn an_error_that_is_overridden_by_a_success_is_none() {
    let change = ResponseOverride::default()
        .with_status(StatusCode::CREATED)
        .with_header(LOCATION, HeaderValue::from_static("/files/alice"));
    let response = changed(Error::Rejected.into_response(), change);
    let response = plain(Method::POST, response).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["location"], "/files/alice");
    assert!(response.extensions().get::<Error>().is_none());
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn no_content_has_no_body_whatever_an_override_says() {
    let change = ResponseOverride::default()
        .with_status(StatusCode::NO_CONTENT)
        .with_body("nothing");
    let response = plain(Method::POST, changed(Response::default(), change)).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(text(response).await, "");
}
