//! An upload over HTTP/2 and TLS whose connection is cut.

use serde_json::Value;

use crate::browser::{Browser, content};
use crate::proxy::cutting_proxy;
use crate::secure::{assert_http2, start};

const SIZE: u32 = 20_000_000;

/// Number of bytes after which the connection is cut.
const CUT: usize = 8_000_000;

#[tokio::test]
async fn chromium_goes_on_over_http_2_after_its_connection_was_cut() {
    goes_on(Browser::Chromium).await;
}

#[tokio::test]
async fn firefox_goes_on_over_http_2_after_its_connection_was_cut() {
    goes_on(Browser::Firefox).await;
}

async fn goes_on(browser: Browser) {
    if !browser.is_installed().await {
        return;
    }
    let server = start(&[]).await;
    let proxy = cutting_proxy(server.address(), CUT).await;
    let origin = format!("https://{proxy}/");
    let endpoint = format!("{origin}files/");

    let report = browser.run(&origin, "cut.mjs", &endpoint).await;
    // tus-js-client creates the upload without bytes.
    assert_eq!(report["created"], 201, "{report}");
    assert_http2(&report);
    assert_goes_on(&report);
    let url = report["url"].as_str().unwrap();
    let id = url.strip_prefix(&endpoint).expect(url);
    let stored = std::fs::read(server.uploads().join(id)).unwrap();
    assert!(stored == content(SIZE), "other bytes are stored");
}

/// Expects one creation, one PATCH from the beginning, and one from the cut.
fn assert_goes_on(report: &Value) {
    let requests = report["requests"].as_array().unwrap();
    let of = |method: &str| {
        let offsets = requests
            .iter()
            .filter(|request| request["method"] == method)
            .map(|request| request["offset"].as_u64().unwrap());
        offsets.collect::<Vec<_>>()
    };
    assert_eq!(of("POST").len(), 1, "{report}");
    assert!(!of("HEAD").is_empty(), "{report}");
    let [0, resumed] = of("PATCH")[..] else {
        panic!("{report}");
    };
    assert!(0 < resumed && resumed < u64::from(SIZE), "{report}");
}
