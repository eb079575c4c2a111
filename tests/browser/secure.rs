//! The server over HTTP/2 and TLS, as pages see it.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::across::blank_page;
use crate::browser::BROWSERS;
use crate::harness::Server;
use crate::harness::certificate::Certificate;

/// Starts a server with a self-signed certificate.
pub(crate) async fn start(args: &[&str]) -> Server {
    let certificate = Certificate::make();
    let flags = certificate.flags();
    let flags = flags.iter().map(String::as_str).chain(args.iter().copied());
    Server::start(&flags.collect::<Vec<_>>()).await
}

/// Expects that the page received all responses over HTTP/2.
pub(crate) fn assert_http2(report: &Value) {
    let protocols = report["protocols"].as_array().unwrap();
    assert!(!protocols.is_empty(), "{report}");
    assert!(protocols.iter().all(|it| it == "h2"), "{report}");
}

// CRE-14: Firefox ends such a request with an empty DATA frame.
#[tokio::test]
async fn a_creation_without_a_body_is_a_creation_in_each_browser() {
    for browser in BROWSERS {
        if !browser.is_installed().await {
            continue;
        }
        let server = start(&[]).await;
        let origin = format!("https://{}/", server.address());
        let endpoint = format!("{origin}files/");

        let report = browser.run(&origin, "create.mjs", &endpoint).await;
        let statuses = json!({"of a length": 201, "deferred": 201, "empty": 201, "final": 201});
        assert_eq!(report["statuses"], statuses, "{browser:?}");
        assert_http2(&report);
    }
}

#[tokio::test]
async fn a_page_of_another_origin_can_read_when_to_try_again() {
    for browser in BROWSERS {
        if !browser.is_installed().await {
            continue;
        }
        let hooks = format!("-hooks-http={}", busy_hook().await);
        let server = start(&[&hooks, "-hooks-enabled-events=pre-create"]).await;
        let endpoint = format!("https://{}/files/", server.address());

        let page = blank_page().await;
        let report = browser.run(&page, "refused.mjs", &endpoint).await;
        assert_eq!(
            report,
            json!({"status": 503, "retryAfter": "7"}),
            "{browser:?}"
        );
    }
}

/// Runs a hook that blocks creations until the test ends.
async fn busy_hook() -> String {
    let reply = json!({
        "RejectUpload": true,
        "HTTPResponse": {"StatusCode": 503, "Header": {"Retry-After": "7"}},
    });
    let router = Router::new().route(
        "/",
        post(([(CONTENT_TYPE, "application/json")], reply.to_string())),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
