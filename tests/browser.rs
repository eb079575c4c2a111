//! A page in a real browser, which uploads to a server of another origin.

#![cfg(unix)]

mod harness;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::{get, post};
use harness::host::host;
use harness::patient;
use harness::services::require;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tower_tus::Stack;
use tower_tus::layers::base_url::BaseUrlLayer;
use tower_tus::layers::cors::CorsLayer;
use tower_tus::store::FileStore;

const PAGE: &str = include_str!("browser/page.html");

/// How long a browser may take to start and to upload, on a busy machine.
const VISIT_TIMEOUT: Duration = Duration::from_secs(60);

const SIZE: usize = 1 << 20;

#[tokio::test]
async fn a_page_of_an_allowed_origin_uploads_in_two_pieces() {
    if !can_browse().await {
        return;
    }
    let mut pages = Pages::open().await;
    let uploads = TempDir::new().unwrap();
    let cors = CorsLayer::new().allow_origins([&pages.origin]);
    let endpoint = serve(&uploads, cors).await;

    let report = pages.visit(&endpoint).await;
    let (resumed, url) = report.split_once('\n').expect(&report);
    assert_eq!(resumed, format!("resumed from {}", SIZE / 2));
    let id = url.strip_prefix(&endpoint).expect(url);
    let stored = std::fs::read(uploads.path().join(id)).unwrap();
    assert!(stored == content(), "other bytes are stored");
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_sees_an_error_and_leaves_nothing() {
    if !can_browse().await {
        return;
    }
    let mut pages = Pages::open().await;
    let uploads = TempDir::new().unwrap();
    let cors = CorsLayer::new().allow_origins(["https://example.com"]);
    let endpoint = serve(&uploads, cors).await;

    let report = pages.visit(&endpoint).await;
    assert!(report.contains("failed to create upload"), "{report}");
    assert!(report.contains("response code: n/a"), "{report}");
    assert_eq!(std::fs::read_dir(uploads.path()).unwrap().count(), 0);
}

/// Takes uploads across origins until the test ends, and gives their endpoint.
async fn serve(uploads: &TempDir, cors: CorsLayer) -> String {
    let stack = Stack::new(FileStore::new(uploads.path()))
        .cors(cors)
        .base_url(BaseUrlLayer::from_request("/files/"));
    format!("http://{}/files/", host(stack.into_service()).await)
}

/// The server of the page, until the test ends.
struct Pages {
    origin: String,
    reports: mpsc::UnboundedReceiver<String>,
}

impl Pages {
    async fn open() -> Self {
        let (sender, reports) = mpsc::unbounded_channel();
        let script = std::fs::read(tus_js_client()).unwrap();
        let report = move |report| async move { sender.send(report).unwrap() };
        let router = Router::new()
            .route("/", get(Html(PAGE)))
            .route(
                "/tus.min.js",
                get(([(CONTENT_TYPE, "text/javascript")], script)),
            )
            .route("/content", get(content()))
            .route("/report", post(report));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { origin, reports }
    }

    /// Opens the page in a browser, and waits for its report.
    async fn visit(&mut self, endpoint: &str) -> String {
        let profile = TempDir::new().unwrap();
        let mut browser = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-quic", "--disable-sync", "--no-first-run"])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("{}/?endpoint={endpoint}", self.origin))
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let report = timeout(VISIT_TIMEOUT, self.reports.recv()).await;
        browser.start_kill().unwrap();
        // It ends with the last of its processes, which would write to the profile.
        patient(browser.wait_with_output()).await.unwrap();
        report.expect("it takes too long").unwrap()
    }
}

/// What the page uploads: no two kilobytes alike.
fn content() -> Vec<u8> {
    let words = (0..SIZE as u32 / 4).flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_le_bytes());
    words.collect()
}

async fn can_browse() -> bool {
    let chromium = Command::new("chromium").arg("--version").output().await;
    let chromium = chromium.is_ok_and(|output| output.status.success());
    let install = "npm install --prefix tests/clients (with Node.js 18 or newer)";
    require("chromium", chromium, "apt-get install chromium")
        && require("tus-js-client", tus_js_client().is_file(), install)
}

fn tus_js_client() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients/node_modules/tus-js-client/dist/tus.min.js")
}
