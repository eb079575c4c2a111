//! The metrics of the server, as Prometheus reads them.

#![cfg(unix)]

mod harness;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use harness::raw::{Ends, Http1, Http2};
use harness::tus::{Answer, Tus, Version, content, request};
use harness::{Server, patient};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_http::decompression::Decompression;
use tower_tus::layers::protocol::Error;
use tower_tus::layers::store::LeftoverKind;

/// Every series and its value.
type Metrics = BTreeMap<String, f64>;

fn client(server: &Server) -> Tus {
    Tus::new(server.url(), Version::Http1)
}

/// Requests a path outside the uploads.
async fn get(server: &Server, path: &str) -> Answer {
    let url = format!("http://{}{path}", server.address());
    client(server).ask(request(Method::GET, &url)).await
}

async fn scrape(server: &Server) -> Metrics {
    let answer = get(server, "/metrics").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = &answer.headers()["content-type"];
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");

    let text = std::str::from_utf8(answer.body()).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let series = lines.map(|line| line.rsplit_once(' ').unwrap());
    series
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

/// Waits until a series reaches a value, when nothing else signals it.
async fn reaches(server: &Server, name: &str, value: f64) {
    patient(async {
        while scrape(server).await[name] != value {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn everything_is_there_at_0_from_the_start() {
    let server = Server::start(&[]).await;
    let mut metrics = scrape(&server).await;
    let open = metrics.remove("tusd_connections_open");
    assert_eq!(open, Some(1.0), "the scrape's own connection");
    metrics.retain(|name, _| !name.starts_with("process_"));
    assert!(metrics.values().all(|value| *value == 0.0), "{metrics:?}");

    let mut expected: Vec<String> = [
        "tusd_bytes_received",
        "tusd_uploads_created",
        "tusd_uploads_finished",
        "tusd_uploads_terminated",
        "tusd_uploads_expired",
        "tusd_uploads_in_progress",
        "tusd_lock_wait_seconds_count",
    ]
    .map(str::to_owned)
    .into();
    for method in ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"] {
        expected.push(format!("tusd_requests_total{{method=\"{method}\"}}"));
        for outcome in [
            "success",
            "client_error",
            "server_error",
            "interrupted",
            "unanswered",
        ] {
            expected.push(format!(
                "tusd_request_duration_seconds_count{{method=\"{method}\",outcome=\"{outcome}\"}}"
            ));
        }
    }
    for (status, code) in Error::all_codes().filter(|(status, _)| *status != 405) {
        expected.push(error(status, code));
    }
    for operation in [
        "create",
        "open",
        "append",
        "declare_length",
        "declare_complete",
        "record",
        "finish",
        "terminate",
        "concatenate",
        "assemble",
        "await_part",
        "read",
        "bytes",
    ] {
        expected.push(format!(
            "tusd_store_operation_seconds_count{{operation=\"{operation}\"}}"
        ));
    }
    for kind in LeftoverKind::ALL {
        expected.push(format!("tusd_sweep_removed{{kind=\"{kind}\"}}"));
        expected.push(format!("tusd_sweep_removed_bytes{{kind=\"{kind}\"}}"));
    }
    for name in &expected {
        assert!(metrics.contains_key(name), "{name} is missing");
    }
    // Compare only the count of a histogram, without its buckets and its sum.
    metrics.retain(|name, _| !name.contains("_bucket{") && !name.contains("_sum"));
    assert_eq!(metrics.len(), expected.len(), "{metrics:?}");
}

fn error(status: StatusCode, code: &str) -> String {
    let status = status.as_str();
    format!("tusd_errors_total{{status=\"{status}\",code=\"{code}\"}}")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_the_process_takes_is_told_at_each_look() {
    let server = Server::start(&[]).await;
    let metrics = scrape(&server).await;
    for name in [
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_max_fds",
        "process_virtual_memory_bytes",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    ] {
        assert!(metrics.contains_key(name), "{name} is missing");
    }
    assert!(metrics["process_resident_memory_bytes"] > 1e6);
    assert!(metrics["process_start_time_seconds"] > 1.6e9);

    let _more = [server.connect().await, server.connect().await];
    reaches(&server, "tusd_connections_open", 3.0).await;
    let open = scrape(&server).await["process_open_fds"];
    assert!(open >= metrics["process_open_fds"] + 2.0, "{open}");
}

#[tokio::test]
async fn times_have_buckets_from_milliseconds_to_an_hour() {
    let server = Server::start(&[]).await;
    let metrics = scrape(&server).await;
    for bound in ["0.001", "3600", "+Inf"] {
        let name = format!("tusd_lock_wait_seconds_bucket{{le=\"{bound}\"}}");
        assert!(metrics.contains_key(&name), "{name}");
    }
}

#[tokio::test]
async fn what_uploads_did_is_counted() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let upload = tus.create(10).await;
    tus.append(&upload, 0, content("hello")).await;
    let conflict = tus.append(&upload, 7, content("world")).await;
    assert_eq!(conflict.status(), StatusCode::CONFLICT);
    tus.append(&upload, 5, content("world")).await;
    tus.head(&upload).await;
    tus.ask(request(Method::DELETE, &upload)).await;
    let refused = tus.ask(request(Method::PUT, &upload)).await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);

    let expected = [
        ("tusd_bytes_received", 10.0),
        ("tusd_uploads_created", 1.0),
        ("tusd_uploads_finished", 1.0),
        ("tusd_uploads_terminated", 1.0),
        ("tusd_uploads_in_progress", 0.0),
        ("tusd_requests_total{method=\"POST\"}", 1.0),
        ("tusd_requests_total{method=\"PATCH\"}", 3.0),
        ("tusd_requests_total{method=\"HEAD\"}", 1.0),
        ("tusd_requests_total{method=\"DELETE\"}", 1.0),
        ("tusd_requests_total{method=\"GET\"}", 0.0),
        (&error(StatusCode::CONFLICT, "ERR_MISMATCHED_OFFSET"), 1.0),
        (
            "tusd_request_duration_seconds_count{method=\"PATCH\",outcome=\"success\"}",
            2.0,
        ),
        ("tusd_lock_wait_seconds_count", 5.0),
        (
            "tusd_store_operation_seconds_count{operation=\"append\"}",
            2.0,
        ),
    ];
    let metrics = scrape(&server).await;
    for (name, value) in expected {
        assert_eq!(metrics[name], value, "{name}");
    }
    let errors = metrics.iter().filter(|(name, _)| name.contains("errors"));
    let errors: f64 = errors.map(|(_, value)| value).sum();
    assert_eq!(errors, 1.0, "what is not allowed is no error");
}

#[tokio::test]
async fn what_a_client_sent_before_it_went_away_is_counted() {
    let server = Server::start(&[]).await;
    let upload = client(&server).create(10).await;
    let path = upload.parse::<http::Uri>().unwrap().path().to_owned();
    let mut gone = Http1::connect(server.address()).await;
    let headers = [
        ("Upload-Offset", "0".to_owned()),
        ("Content-Type", "application/offset+octet-stream".to_owned()),
        ("Content-Length", "10".to_owned()),
    ];
    gone.head(&format!("PATCH {path}"), &headers).await;
    gone.send(b"hello").await;
    reaches(&server, "tusd_uploads_in_progress", 1.0).await;
    gone.fin();

    let eof = error(StatusCode::BAD_REQUEST, "ERR_UNEXPECTED_EOF");
    reaches(&server, &eof, 1.0).await;
    let metrics = scrape(&server).await;
    assert_eq!(metrics["tusd_bytes_received"], 5.0);
    assert_eq!(metrics["tusd_uploads_in_progress"], 0.0);
    let interrupted =
        "tusd_request_duration_seconds_count{method=\"PATCH\",outcome=\"interrupted\"}";
    assert_eq!(metrics[interrupted], 1.0);
}

#[tokio::test]
async fn a_client_that_resets_its_stream_is_a_disconnect() {
    let server = Server::start(&[]).await;
    let url = client(&server).create(10).await;
    let mut connection = Http2::connect(server.address()).await;
    let append = harness::tus::patch(&url, 0).body(()).unwrap();
    let mut stream = connection.begin(append, Ends::Later).await;
    stream.send("hello".into(), Ends::Later).await;
    connection.is_heard().await;
    stream.reset(h2::Reason::CANCEL);
    let code = "tusd_errors_total{status=\"400\",code=\"ERR_UNEXPECTED_EOF\"}";
    reaches(&server, code, 1.0).await;
}

#[tokio::test]
async fn open_connections_are_counted_until_they_are_closed() {
    let server = Server::start(&[]).await;
    let idle = [server.connect().await, server.connect().await];
    // Each scrape uses its own connection.
    reaches(&server, "tusd_connections_open", 3.0).await;
    drop(idle);
    reaches(&server, "tusd_connections_open", 1.0).await;
}

#[tokio::test]
async fn the_server_s_pages_are_compressed_when_a_client_asks_for_it() {
    for version in [Version::Http1, Version::Http2] {
        let server = Server::start(&[]).await;
        let tus = Tus::new(server.url(), version);
        for (path, part) in [("/metrics", "tusd_bytes_received 0"), ("/", "it works")] {
            let url = format!("http://{}{path}", server.address());
            let ask = Request::get(&url).header("Accept-Encoding", "gzip;q=0.5, br");
            let answer = tus.ask(ask).await;
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.headers()["content-encoding"], "gzip", "{path}");
            assert_eq!(answer.headers()["vary"], "accept-encoding", "{path}");
            let text = unzip(answer).await;
            assert!(text.contains(part), "{path}: {text}");
            let plain = tus.ask(Request::get(&url)).await;
            assert!(!plain.headers().contains_key("content-encoding"), "{path}");
        }
    }
}

/// Decompresses the body of a response.
async fn unzip(answer: Answer) -> String {
    let compressed = tower::service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(answer.clone().map(Full::new)))
    });
    let plain = Decompression::new(compressed)
        .oneshot(Request::new(()))
        .await;
    let body = plain.unwrap().into_body().collect().await;
    let bytes = body.expect("it is well-formed").to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}

#[tokio::test]
async fn a_page_of_the_server_refuses_a_large_body_and_an_upload_elsewhere_is_not_found() {
    let server = Server::start(&[]).await;
    for (line, status) in [
        ("GET /metrics", StatusCode::PAYLOAD_TOO_LARGE),
        ("POST /metrics", StatusCode::PAYLOAD_TOO_LARGE),
        ("GET /", StatusCode::PAYLOAD_TOO_LARGE),
        ("POST /elsewhere", StatusCode::NOT_FOUND),
    ] {
        let mut client = Http1::connect(server.address()).await;
        let large = format!("{line} HTTP/1.1\r\nHost: tus\r\nContent-Length: 10485760\r\n\r\n");
        client.send(large.as_bytes()).await;
        let answer = client.response().await.expect("it is answered");
        assert_eq!(answer.status(), status, "{line}");
    }
    let mut client = Http1::connect(server.address()).await;
    client
        .send(b"GET /metrics HTTP/1.1\r\nHost: tus\r\nContent-Length: 5\r\n\r\nhello")
        .await;
    let answer = client.response().await.expect("it is answered");
    assert_eq!(answer.status(), StatusCode::OK, "a small body does no harm");
}

#[tokio::test]
async fn metrics_can_be_switched_off() {
    let server = Server::start(&["-expose-metrics=false", "-show-greeting=false"]).await;
    let answer = get(&server, "/metrics").await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn metrics_can_be_moved() {
    let server = Server::start(&["-metrics-path=/m", "-show-greeting=false"]).await;
    assert_eq!(get(&server, "/m").await.status(), StatusCode::OK);
    let answer = get(&server, "/metrics").await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn uploads_on_every_path_leave_the_metrics_theirs() {
    let server = Server::start(&["-base-path=/"]).await;
    client(&server).create(5).await;
    assert_eq!(scrape(&server).await["tusd_uploads_created"], 1.0);
}

#[tokio::test]
async fn no_hook_names_an_upload_that_the_metrics_would_hide() {
    use std::os::unix::fs::PermissionsExt;

    let home = tempfile::tempdir().unwrap();
    let hook = home.path().join("pre-create");
    let reply = r#"{"ChangeFileInfo":{"ID":"metrics"}}"#;
    std::fs::write(&hook, format!("#!/bin/sh\necho '{reply}'\n")).unwrap();
    std::fs::set_permissions(hook, PermissionsExt::from_mode(0o755)).unwrap();
    for (args, status) in [
        (&["-hooks-dir=.", "-base-path=/"], 500),
        (&["-hooks-dir=.", "-base-path=/up/"], 201),
    ] {
        let server = Server::start_in(home.path(), args).await;
        let create = client(&server).post().header("Upload-Length", "5");
        assert_eq!(client(&server).ask(create).await.status(), status);
    }
}

#[tokio::test]
async fn a_path_that_is_none_is_refused() {
    for path in ["metrics", "", "/me trics", "/m?x"] {
        let flag = format!("-metrics-path={path}");
        let said = harness::run(&[&flag]).await;
        assert_eq!(said.status.code(), Some(2), "{path:?}");
    }
}
