//! Errors in an application's own format, from every layer.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::{Builder, Parts};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_tus::layers::cors::CorsLayer;
use tower_tus::layers::gate::Gate;
use tower_tus::layers::hooks::{Callbacks, Reply};
use tower_tus::layers::lock::{Guard, Locker, MemoryLocker};
use tower_tus::layers::protocol::{Action, Body, Error, Interrupt, NewUpload, Rejection, Upload};
use tower_tus::layers::render::RenderLayer;
use tower_tus::{Stack, TusService};

use crate::patient;
use crate::table::uploads;
use crate::tus::{patch, request};

fn problem_json() -> RenderLayer {
    RenderLayer::with(|error, response| {
        let problem = json!({
            "title": error.to_string(),
            "status": error.status().as_u16(),
            "code": error.code(),
        });
        let problem_json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, problem_json);
        *response.body_mut() = problem.to_string().into();
    })
}

/// A gate with the user's own refusals.
#[derive(Debug)]
struct Own;

#[async_trait]
impl Gate for Own {
    async fn creating(&self, request: &Parts, _: &mut NewUpload) -> Result<(), Error> {
        let header = |name| request.headers.contains_key(name);
        if header("x-panic") {
            panic!("the gate is broken");
        }
        match header("x-stranger") {
            true => Err(Rejection::new(StatusCode::UNAUTHORIZED)
                .with_code("ERR_UNAUTHORIZED")
                .with_text("sign in \"first\"")
                .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
                .into()),
            false => Ok(()),
        }
    }

    async fn opened(&self, request: &Parts, _: &Upload, _: Action) -> Result<(), Error> {
        match request.headers.contains_key("x-broken") {
            true => Err(Error::internal("a secret")),
            false => Ok(()),
        }
    }
}

fn hooks() -> Callbacks {
    Callbacks::new()
        .pre_create(|event| async move {
            match event.request.headers.contains_key("x-hook") {
                true => Ok(Reply::reject()),
                false => Ok(Reply::accept()),
            }
        })
        .pre_terminate(|_| async { Err("the hook is broken".into()) })
}

/// Returns a stack with every layer that can refuse, and a locked upload.
async fn stack() -> (TusService, Box<dyn Guard>) {
    let locker = MemoryLocker::default();
    let held = "text".parse().unwrap();
    let guard = locker.acquire(&held, Interrupt::default(), Duration::ZERO);
    let guard = guard.await.unwrap();
    let stack = Stack::new(uploads().await)
        .render(problem_json())
        .cors(CorsLayer::new().allow_origins(["https://example.com"]))
        .max_size(100)
        .locker(locker)
        .lock_timeout(Duration::from_millis(1))
        .hooks(hooks())
        .add_gate(Own)
        .max_downloads(0)
        .into_service();
    (stack, guard)
}

async fn send(request: Builder, body: &'static str) -> Response<Body> {
    let (stack, _guard) = stack().await;
    let request = request.body(Body::from(body)).unwrap();
    stack.oneshot(request).await.unwrap()
}

fn post() -> Builder {
    request(Method::POST, "/files/")
}

fn typed_post() -> Builder {
    post().header("Content-Type", "application/offset+octet-stream")
}

fn without_version(mut request: Builder) -> Builder {
    let headers = request.headers_mut().unwrap();
    headers.remove("Tus-Resumable").unwrap();
    request
}

/// A request, its body, and the expected status and code.
type Case = (Builder, &'static str, u16, &'static str);

fn cases() -> Vec<Case> {
    let put = request(Method::PUT, "/files/part");
    let delete = request(Method::DELETE, "/files/part");
    let sha1 = "sha1 fCEUM/AgcVl3Qeb/Wo6jR4mrv0M=";
    vec![
        // Cors, through Version
        (
            post().header("Origin", "https://example.org"),
            "",
            403,
            "ERR_ORIGIN_NOT_ALLOWED",
        ),
        // Version
        (without_version(post()), "", 412, "ERR_UNSUPPORTED_VERSION"),
        (
            post().header("Transfer-Encoding", "gzip, chunked"),
            "",
            501,
            "ERR_UNSUPPORTED_TRANSFER_ENCODING",
        ),
        // Route
        (put, "", 405, "ERR_METHOD_NOT_ALLOWED"),
        (
            patch("/files/..%2Fpart", 0),
            "",
            404,
            "ERR_UPLOAD_NOT_FOUND",
        ),
        // SizeLimit
        (
            post().header("Upload-Length", "101"),
            "",
            413,
            "ERR_MAX_SIZE_EXCEEDED",
        ),
        // CreationWithUpload
        (
            typed_post().header("Upload-Length", "3"),
            "hello",
            413,
            "ERR_UPLOAD_SIZE_EXCEEDED",
        ),
        // Lock
        (patch("/files/text", 5), "", 423, "ERR_LOCK_TIMEOUT"),
        // Hooks
        (
            post().header("Upload-Length", "5").header("X-Hook", "1"),
            "",
            400,
            "ERR_UPLOAD_REJECTED",
        ),
        (delete, "", 500, "ERR_INTERNAL_SERVER_ERROR"),
        // Gates
        (
            post()
                .header("Upload-Length", "5")
                .header("X-Stranger", "1"),
            "",
            401,
            "ERR_UNAUTHORIZED",
        ),
        (
            patch("/files/part", 5).header("X-Broken", "1"),
            "",
            500,
            "ERR_INTERNAL_SERVER_ERROR",
        ),
        // Checksum
        (
            patch("/files/part", 5).header("Upload-Checksum", "none"),
            "world",
            400,
            "ERR_INVALID_CHECKSUM",
        ),
        (
            patch("/files/part", 5).header("Upload-Checksum", sha1),
            "World",
            460,
            "ERR_CHECKSUM_MISMATCH",
        ),
        // Concatenation
        (
            post().header("Upload-Concat", "final;/files/part"),
            "",
            400,
            "ERR_INVALID_CONCAT",
        ),
        // Download
        (
            request(Method::GET, "/files/a%2Fb%2525").header("Range", "bytes=0-"),
            "",
            503,
            "ERR_TOO_MANY_DOWNLOADS",
        ),
        // Core
        (post(), "", 400, "ERR_INVALID_UPLOAD_LENGTH"),
        (patch("/files/missing", 0), "", 404, "ERR_UPLOAD_NOT_FOUND"),
        (patch("/files/part", 7), "", 409, "ERR_MISMATCHED_OFFSET"),
    ]
}

async fn body(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

async fn is_problem(response: Response<Body>, status: u16, code: &str) {
    assert_eq!(response.status(), status, "{code}");
    let headers = response.headers();
    assert_eq!(
        headers["content-type"], "application/problem+json",
        "{code}"
    );
    assert_eq!(headers["tus-resumable"], "1.0.0", "{code}");
    let problem: Value = serde_json::from_slice(&body(response).await).unwrap();
    assert_eq!(problem["status"], status, "{code}");
    assert_eq!(problem["code"], code);
    assert!(!problem["title"].as_str().unwrap().contains("secret"));
}

#[tokio::test]
async fn every_refusal_of_every_layer_is_rendered_as_the_program_wants_it() {
    for (request, bytes, status, code) in cases() {
        is_problem(send(request, bytes).await, status, code).await;
    }
}

#[tokio::test]
async fn a_body_that_errs_is_rendered_as_the_program_wants_it() {
    let stalled = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Error>>());
    let request = patch("/files/part", 5).body(stalled).unwrap();
    let stack = Stack::new(uploads().await)
        .render(problem_json())
        .idle_timeout(Duration::from_millis(1))
        .into_service();
    let response = patient(stack.oneshot(request)).await.unwrap();
    is_problem(response, 500, "ERR_READ_TIMEOUT").await;
}

#[tokio::test]
async fn an_upload_beyond_the_limit_is_refused_as_the_program_wants_it() {
    let stack = Stack::new(uploads().await)
        .render(problem_json())
        .max_open_uploads(0)
        .into_service();
    let request = patch("/files/part", 5).body(Body::from("world")).unwrap();
    let response = stack.oneshot(request).await.unwrap();
    is_problem(response, 503, "ERR_SERVER_BUSY").await;
}

#[tokio::test]
async fn no_refusal_of_head_has_a_body() {
    let response = send(request(Method::HEAD, "/files/missing"), "").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(body(response).await, "");
}

/// Detach is outside Render, so that it can respond to panics inside.
#[tokio::test]
async fn a_panic_is_a_plain_500() {
    let request = post().header("Upload-Length", "5").header("X-Panic", "1");
    let response = send(request, "").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["tus-resumable"], "1.0.0");
    assert_eq!(body(response).await, "");
}
