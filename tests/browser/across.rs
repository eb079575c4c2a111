//! Pages that upload to a server of another origin.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower_tus::Stack;
use tower_tus::layers::base_url::BaseUrlLayer;
use tower_tus::layers::cors::CorsLayer;
use tower_tus::store::FileStore;

use crate::browser::{BROWSERS, Browser, content};
use crate::harness::host::host;

const SIZE: u32 = 1 << 20;

#[tokio::test]
async fn a_page_of_an_allowed_origin_uploads_in_two_pieces() {
    for browser in BROWSERS {
        if !browser.is_installed().await {
            continue;
        }
        let page = blank_page().await;
        let uploads = TempDir::new().unwrap();
        let cors = CorsLayer::new().allow_origins([page.trim_end_matches('/')]);
        let endpoint = serve(&uploads, cors).await;

        let report = upload(browser, &page, &endpoint).await;
        assert_eq!(report["offset"], (SIZE / 2).to_string(), "{report}");
        let id = report["url"].as_str().unwrap().strip_prefix(&endpoint);
        let stored = std::fs::read(uploads.path().join(id.unwrap())).unwrap();
        assert!(stored == content(SIZE), "other bytes are stored");
    }
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_sees_an_error_and_leaves_nothing() {
    for browser in BROWSERS {
        if !browser.is_installed().await {
            continue;
        }
        let page = blank_page().await;
        let uploads = TempDir::new().unwrap();
        let cors = CorsLayer::new().allow_origins(["https://example.com"]);
        let endpoint = serve(&uploads, cors).await;

        let report = upload(browser, &page, &endpoint).await;
        let error = report["error"].as_str().unwrap();
        assert!(error.contains("failed to create upload"), "{error}");
        assert!(error.contains("response code: n/a"), "{error}");
        assert_eq!(std::fs::read_dir(uploads.path()).unwrap().count(), 0);
    }
}

async fn upload(browser: Browser, page: &str, endpoint: &str) -> Value {
    browser.run(page, "across.mjs", endpoint).await
}

/// Serves cross-origin uploads until the test ends, and returns their endpoint.
async fn serve(uploads: &TempDir, cors: CorsLayer) -> String {
    let stack = Stack::new(FileStore::new(uploads.path()))
        .cors(cors)
        .base_url(BaseUrlLayer::from_request("/files/"));
    format!("http://{}/files/", host(stack.into_service()).await)
}

/// Serves an empty page of a separate origin until the test ends, and returns
/// its URL.
pub(crate) async fn blank_page() -> String {
    let router = Router::new().route("/", get(Html("<!doctype html><title>Blank</title>")));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
