//! Pages in real browsers: one that uploads to a server of another origin, and one
//! whose connection is cut in the middle.

#![cfg(unix)]

#[path = "listen/certificate.rs"]
mod certificate;
#[path = "browser/cutting.rs"]
mod cutting;
mod harness;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::{get, post};
use certificate::Certificate;
use cutting::cutting_proxy;
use harness::host::host;
use harness::services::{has, require};
use harness::{Server, patient};
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

const LARGE: usize = 20_000_000;

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
    assert!(stored == content(SIZE), "other bytes are stored");
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

#[tokio::test]
async fn firefox_goes_on_over_http_2_after_its_connection_was_cut() {
    goes_on_after_a_cut("firefox", "firefox-esr").await;
}

#[tokio::test]
async fn chromium_goes_on_over_http_2_after_its_connection_was_cut() {
    goes_on_after_a_cut("chrome", "chromium").await;
}

/// Uploads 20 MB over TLS by a browser, as puppeteer and Debian name it.
async fn goes_on_after_a_cut(browser: &str, program: &str) {
    let install = format!("apt-get install {program}");
    if !require(program, has(program).await, &install) || !can_drive() {
        return;
    }
    let certificate = Certificate::make();
    let flags = certificate.flags();
    let server = Server::start(&flags.each_ref().map(String::as_str)).await;
    let proxy = cutting_proxy(server.address(), LARGE / 2).await;
    let endpoint = format!("https://localhost:{}/files/", proxy.port());

    let home = TempDir::new().unwrap();
    let output = Command::new("node")
        .arg(in_repository("tests/clients/browser.mjs"))
        .args([browser, &format!("/usr/bin/{program}"), &endpoint])
        .arg(LARGE.to_string())
        .arg(tus_js_client())
        .env("TMPDIR", home.path())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = timeout(VISIT_TIMEOUT, output).await;
    let output = output.expect("it takes too long").unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let [protocol, resumed, url] = stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{}: {stdout}", output.status);
    };
    assert_eq!(protocol, "over h2");
    let offset = resumed.strip_prefix("resumed from ").expect(resumed);
    let offset: usize = offset.parse().unwrap();
    assert!(0 < offset && offset < LARGE, "{resumed}");
    let id = url.strip_prefix(&endpoint).expect(url);
    let stored = std::fs::read(server.uploads().join(id)).unwrap();
    assert!(stored == content(LARGE), "other bytes are stored");
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
            .route("/content", get(content(SIZE)))
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

/// What a page uploads: no two kilobytes alike.
fn content(size: usize) -> Vec<u8> {
    let words = (0..size as u32 / 4).flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_le_bytes());
    words.collect()
}

async fn can_browse() -> bool {
    let chromium = Command::new("chromium").arg("--version").output().await;
    let chromium = chromium.is_ok_and(|output| output.status.success());
    let install = "npm install --prefix tests/clients (with Node.js 18 or newer)";
    require("chromium", chromium, "apt-get install chromium")
        && require("tus-js-client", tus_js_client().is_file(), install)
}

/// Whether a browser can be driven by a script.
fn can_drive() -> bool {
    let package = "tests/clients/node_modules/puppeteer-core/package.json";
    let install = "npm install --prefix tests/clients (with Node.js 18 or newer)";
    require("puppeteer-core", in_repository(package).is_file(), install)
        && require("tus-js-client", tus_js_client().is_file(), install)
}

fn tus_js_client() -> PathBuf {
    in_repository("tests/clients/node_modules/tus-js-client/dist/tus.min.js")
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
