//! Layers that limit bodies or write them anew.

use axum::Router;
use http::{HeaderMap, Method, StatusCode};
use tower::{Layer, ServiceBuilder, service_fn};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate};
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_tus::layers::protocol::{Length, Metadata, NewUpload};
use tower_tus::layers::store::{MemoryStore, Store};
use tower_tus::{Stack, TusService};

use super::{ask, head, hello};
use crate::table::uploads;
use crate::tus::{Content, chunked, content, number, patch, request};

async fn service() -> TusService {
    Stack::new(uploads().await).into_service()
}

#[tokio::test]
async fn a_length_beyond_the_limit_of_another_layer_is_413_without_a_code() {
    let service = RequestBodyLimitLayer::new(3).layer(service().await);
    let request = patch("/files/part", 5).header("Content-Length", 5);
    let answer = ask(&service, request, content("world")).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(!answer.headers().contains_key("tus-resumable"));
    assert_eq!(answer.body(), "length limit exceeded");
    // An upload in requests that fit passes.
    for (offset, bytes) in [(5, "wor"), (8, "ld")] {
        let answer = ask(&service, patch("/files/part", offset), content(bytes)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn axums_own_limit_of_bodies_does_not_reach_uploads() {
    let store = MemoryStore::default();
    let mut new = NewUpload::new(Some(Length::from(3 << 20)), Metadata::EMPTY);
    new.id = "large".parse().unwrap();
    store.create(new).await.unwrap();
    let router: Router = Router::new().layer(Stack::new(store).into_layer());
    let body = content(vec![0; 3 << 20]);
    let answer = ask(&router, patch("/files/large", 0), body).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

/// A finished upload that compresses well.
async fn zeros() -> TusService {
    let store = MemoryStore::default();
    let mut new = NewUpload::new(Some(Length::from(1_000)), Metadata::EMPTY);
    new.id = "zeros".parse().unwrap();
    store.create(new).await.unwrap();
    let service = Stack::new(store).into_service();
    let answer = ask(&service, patch("/files/zeros", 0), content(vec![0; 1_000])).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    service
}

fn download(method: Method) -> http::request::Builder {
    request(method, "/files/zeros").header("Accept-Encoding", "gzip")
}

#[tokio::test]
async fn compression_around_downloads_takes_their_length_and_their_ranges() {
    let service = CompressionLayer::new().layer(zeros().await);
    let plain = ask(&service, request(Method::GET, "/files/zeros"), content("")).await;
    assert_eq!(plain.headers()["accept-ranges"], "bytes");
    let answer = ask(&service, download(Method::GET), content("")).await;
    let headers = answer.headers();
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(!headers.contains_key("accept-ranges"));
    assert!(!headers.contains_key("content-length"));
    assert!(answer.body().len() < 1_000);
    // Other bytes under the same validator: a resumed download mixes the two.
    assert_eq!(headers["etag"], plain.headers()["etag"]);
    let range = download(Method::GET).header("Range", "bytes=0-9");
    let answer = ask(&service, range, content("")).await;
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
    assert!(!answer.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn compression_passes_the_answers_of_the_protocol_as_they_are() {
    let service = CompressionLayer::new().layer(zeros().await);
    let answer = ask(&service, download(Method::HEAD), content("")).await;
    assert_eq!(number(answer.headers(), "upload-offset"), 1_000);
    assert!(!answer.headers().contains_key("content-encoding"));
    let answer = ask(&service, download(Method::OPTIONS), content("")).await;
    assert_eq!(answer.headers()["tus-version"], "1.0.0");
}

#[tokio::test]
async fn compression_with_a_predicate_passes_downloads_as_they_are() {
    let not_of_uploads =
        |_, _, headers: &HeaderMap, _: &http::Extensions| !headers.contains_key("tus-resumable");
    let predicate = DefaultPredicate::new().and(not_of_uploads);
    let service = CompressionLayer::new()
        .compress_when(predicate)
        .layer(zeros().await);
    let answer = ask(&service, download(Method::GET), content("")).await;
    let headers = answer.headers();
    assert!(!headers.contains_key("content-encoding"));
    assert_eq!(headers["accept-ranges"], "bytes");
    assert_eq!(answer.body().len(), 1_000);
}

/// `world`, in gzip.
const WORLD: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 43, 207, 47, 202, 73, 1, 0, 67, 17, 119, 58, 5, 0, 0, 0,
];

#[tokio::test]
async fn decompression_around_uploads_counts_other_bytes_than_the_client_sends() {
    let service = RequestDecompressionLayer::new().layer(service().await);
    let request = patch("/files/part", 5).header("Content-Encoding", "gzip");
    let answer = ask(&service, request, content(WORLD)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(number(answer.headers(), "upload-offset"), 10);
    assert_ne!(WORLD.len(), 5);
}

#[tokio::test]
async fn layers_for_bodies_behind_the_uploads_leave_them_alone() {
    let service = ServiceBuilder::new()
        .layer(Stack::new(uploads().await).into_layer())
        .layer(CompressionLayer::new())
        .layer(RequestDecompressionLayer::new())
        .map_request(|request: http::Request<_>| request.map(drop_body))
        .service(service_fn(hello));
    let body = chunked(&["wor", "ld"]);
    let request = patch("/files/part", 5).header("Content-Encoding", "gzip");
    let answer = ask(&service, request, body).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let answer = head(&service, "/files/part").await;
    assert_eq!(answer.headers()["upload-offset"], "10");
}

fn drop_body<B>(_: B) -> Content {
    content("")
}
