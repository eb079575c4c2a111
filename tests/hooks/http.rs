//! HTTP hooks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Response, StatusCode};
use serde_json::json;
use tempfile::TempDir;

use crate::harness::{patient, tus};
use crate::receiver::{Answer, Call, Receiver, reply, status};
use crate::scene::{ALL_EVENTS, Scene, create, is_internal_error};

/// Answers each call with the next status, and repeats the last one.
fn in_turn(statuses: &'static [u16]) -> impl Fn(&Call, usize) -> Answer + Send + Sync {
    move |_, count| status(*statuses.get(count).unwrap_or(statuses.last().unwrap()))
}

const ONLY_ASKED: &str = "-hooks-enabled-events=pre-create";

#[tokio::test]
async fn an_event_is_a_post_of_json() {
    let (scene, mut receiver) = Scene::with_replies(|_| json!({}), &[]).await;
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
    let call = receiver.call().await;
    assert_eq!(call.request.method, "POST");
    assert_eq!(call.request.uri, "/hooks?secret=1");
    assert_eq!(call.request.headers["content-type"], "application/json");
    assert_eq!(call.request.headers["host"], receiver.address.to_string());
    assert_eq!(
        call.request.headers["content-length"],
        call.text.len().to_string()
    );
    assert_eq!(call.json()["Type"], "pre-create");
}

#[tokio::test]
async fn what_answers_500_is_asked_again() {
    let args = [ONLY_ASKED];
    let (scene, mut receiver) = Scene::with_answers(in_turn(&[500, 503, 200]), &args).await;
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
    assert_eq!(receiver.types(), ["pre-create"; 3]);
}

#[tokio::test]
async fn the_attempts_are_counted_in_all() {
    for (retry, calls) in [("3", 3), ("1", 1), ("0", 1), ("-5", 1)] {
        let args = [ONLY_ASKED, &format!("-hooks-http-retry={retry}")];
        let (scene, mut receiver) = Scene::with_answers(in_turn(&[500]), &args).await;
        is_internal_error(&create(&scene).await);
        assert_eq!(receiver.types().len(), calls, "{retry}");
        assert_eq!(scene.files(), 0);
    }
}

#[tokio::test]
async fn what_is_no_reply_fails_at_once() {
    let answers: [fn() -> Response<&'static str>; 7] = [
        || with("application/json", 401, "{}"),
        || with("application/json", 302, "{}"),
        || with("text/plain", 200, "{}"),
        || Response::builder().status(204).body("").unwrap(),
        || with("application/json", 200, ""),
        || with("application/json", 200, "a secret"),
        || with("application/json", 200, r#"{"StopUpload": "a secret"}"#),
    ];
    for answer in answers {
        let answers = move |_: &Call, _| Answer {
            response: answer().map(Into::into),
            delay: Duration::ZERO,
        };
        let (scene, mut receiver) = Scene::with_answers(answers, &[ONLY_ASKED]).await;
        is_internal_error(&create(&scene).await);
        assert_eq!(receiver.types().len(), 1, "{:?}", answer());
    }
}

fn with(kind: &str, status: u16, body: &'static str) -> Response<&'static str> {
    let response = Response::builder().status(status);
    response.header("content-type", kind).body(body).unwrap()
}

#[tokio::test]
async fn json_with_parameters_is_json() {
    let answers = |_: &Call, _| {
        let mut answer = reply(&json!({"RejectUpload": true}));
        let kind = "Application/json; charset=utf-8".parse().unwrap();
        answer.response.headers_mut().insert("content-type", kind);
        answer
    };
    let (scene, _receiver) = Scene::with_answers(answers, &[]).await;
    assert_eq!(create(&scene).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_answer_of_10_mb_fails_the_hook_and_is_not_kept() {
    let answers = |_: &Call, _| {
        let mut answer = reply(&json!({}));
        *answer.response.body_mut() = vec![b' '; 10 << 20].into();
        answer
    };
    let (scene, mut receiver) = Scene::with_answers(answers, &[ONLY_ASKED]).await;
    let before = scene.server.peak_rss();
    is_internal_error(&create(&scene).await);
    assert_eq!(receiver.types().len(), 1);
    assert!(scene.server.peak_rss() < before + (8 << 20));
}

#[tokio::test]
async fn an_answer_may_have_as_many_bytes_as_the_limit_says() {
    let body = r#"{"HTTPResponse": {"Body": "x"}}"#;
    for (limit, status) in [(body.len(), 201), (body.len() - 1, 500)] {
        let limit = format!("-hooks-http-size-limit={limit}");
        let replies = |_: &Call, _| {
            let mut answer = reply(&json!({}));
            *answer.response.body_mut() = body.into();
            answer
        };
        let (scene, _receiver) = Scene::with_answers(replies, &[ONLY_ASKED, &limit]).await;
        assert_eq!(create(&scene).await.status(), status, "{limit}");
    }
}

#[tokio::test]
async fn one_that_is_slow_is_given_up_and_the_upload_goes_on() {
    let answers = |call: &Call, count| Answer {
        delay: match (count, call.json()["Type"].as_str().unwrap()) {
            (0, "pre-finish") => Duration::from_secs(60),
            _ => Duration::ZERO,
        },
        ..status(200)
    };
    let args = [
        "-hooks-enabled-events=pre-finish",
        "-hooks-http-timeout=300ms",
    ];
    let (scene, _receiver) = Scene::with_answers(answers, &args).await;
    let url = scene.tus.create(5).await;
    let began = Instant::now();
    is_internal_error(&scene.tus.append(&url, 0, tus::content("hello")).await);
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(scene.tus.offset(&url).await, 5);
}

#[tokio::test]
async fn the_timeout_spans_all_attempts() {
    let args = [
        ONLY_ASKED,
        "-hooks-http-timeout=400ms",
        "-hooks-http-backoff=150ms",
        "-hooks-http-retry=1000",
    ];
    let (scene, mut receiver) = Scene::with_answers(in_turn(&[500]), &args).await;
    let began = Instant::now();
    is_internal_error(&create(&scene).await);
    assert!(began.elapsed() >= Duration::from_millis(400));
    // All pauses are equal.
    assert!((2..=3).contains(&receiver.types().len()));
}

#[tokio::test]
async fn one_that_cannot_be_reached_fails_after_its_attempts() {
    let mut scene = Scene::start(
        TempDir::new().unwrap(),
        &[
            "-hooks-http=http://127.0.0.1:1/?secret=1",
            "-hooks-http-backoff=50ms",
            ONLY_ASKED,
        ],
        &[],
    )
    .await;
    let began = Instant::now();
    is_internal_error(&create(&scene).await);
    assert!(began.elapsed() >= Duration::from_millis(100), "two pauses");
    let line = scene.server.line("HookInvocationError").await;
    assert!(line.contains("refused"), "{line}");
    assert!(line.contains("http://127.0.0.1:1/"), "{line}");
    assert!(!line.contains("secret"), "{line}");
}

#[tokio::test]
async fn only_a_redirect_that_keeps_the_event_is_followed() {
    for (code, outcome) in [(307, 201), (308, 201), (301, 500), (302, 500), (303, 500)] {
        let answers = move |call: &Call, _| match call.request.uri.path() {
            "/hooks" => {
                let mut answer = status(code);
                let headers = answer.response.headers_mut();
                headers.insert("location", "/moved".parse().unwrap());
                answer
            }
            _ => status(200),
        };
        let (scene, mut receiver) = Scene::with_answers(answers, &[ONLY_ASKED]).await;
        assert_eq!(create(&scene).await.status(), outcome, "{code}");
        receiver.call().await;
        if outcome == 201 {
            let call = receiver.call().await;
            assert_eq!(call.request.uri, "/moved");
            assert_eq!(call.request.method, "POST");
            assert_eq!(call.json()["Type"], "pre-create");
        }
    }
}

#[tokio::test]
async fn ten_redirects_are_followed_and_no_more() {
    for (most, outcome, calls) in [(10, 201, 11), (11, 500, 11)] {
        let answers = move |_: &Call, count| {
            if count >= most {
                return status(200);
            }
            let mut answer = status(307);
            let headers = answer.response.headers_mut();
            headers.insert("location", "?again".parse().unwrap());
            answer
        };
        let (scene, mut receiver) = Scene::with_answers(answers, &[ONLY_ASKED]).await;
        assert_eq!(create(&scene).await.status(), outcome, "{most}");
        assert_eq!(receiver.types().len(), calls, "{most}");
    }
}

#[tokio::test]
async fn the_user_and_the_password_of_the_url_are_sent_and_not_logged() {
    let mut receiver = Receiver::start(Arc::new(|_: &Call, _| status(401))).await;
    let hooks = format!("-hooks-http=http://us%40er:pass@{}/", receiver.address);
    let mut scene = Scene::start(TempDir::new().unwrap(), &[&hooks, ONLY_ASKED], &[]).await;
    is_internal_error(&create(&scene).await);
    let request = receiver.call().await.request;
    // us@er:pass
    assert_eq!(request.headers["authorization"], "Basic dXNAZXI6cGFzcw==");
    assert_eq!(request.headers["host"], receiver.address.to_string());
    let line = scene.server.line("HookInvocationError").await;
    assert!(line.contains("401") && !line.contains("pass"), "{line}");
}

#[tokio::test]
async fn a_client_s_own_authorization_takes_the_place_of_the_url_s() {
    let mut receiver = Receiver::start(Arc::new(|_: &Call, _| status(200))).await;
    let hooks = format!("-hooks-http=http://user:pass@{}/", receiver.address);
    let args = [
        &*hooks,
        ONLY_ASKED,
        "-hooks-http-forward-headers=Authorization",
    ];
    let scene = Scene::start(TempDir::new().unwrap(), &args, &[]).await;
    let post = scene.tus.post().header("Upload-Length", "5");
    let post = post.header("Authorization", "Bearer a");
    assert_eq!(scene.tus.ask(post).await.status(), StatusCode::CREATED);
    let headers = receiver.call().await.request.headers;
    let sent: Vec<_> = headers.get_all("authorization").iter().collect();
    assert_eq!(sent, ["Bearer a"]);
}

#[tokio::test]
async fn a_redirect_to_another_host_gets_no_event_and_fails() {
    for code in [307, 308] {
        let mut stranger = Receiver::start(Arc::new(|_: &Call, _| status(200))).await;
        let location = format!("http://{}/?secret=1", stranger.address);
        let answers = move |_: &Call, _| {
            let mut answer = status(code);
            let headers = answer.response.headers_mut();
            headers.insert("location", location.parse().unwrap());
            answer
        };
        let (mut scene, mut receiver) = Scene::with_answers(answers, &[ONLY_ASKED]).await;
        is_internal_error(&create(&scene).await);
        assert_eq!(receiver.types(), ["pre-create"], "it is not asked again");
        assert!(stranger.types().is_empty());
        let line = scene.server.line("HookInvocationError").await;
        let names = [receiver.address.to_string(), stranger.address.to_string()];
        assert!(names.iter().all(|name| line.contains(name)), "{line}");
        assert!(
            line.contains("not followed") && !line.contains("secret"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_named_by_its_type() {
    for (kind, named) in [
        (Some("text/html; charset=utf-8"), "text/html; charset=utf-8"),
        (None, "without a Content-Type"),
    ] {
        let answers = move |_: &Call, _| {
            let mut answer = status(200);
            let headers = answer.response.headers_mut();
            headers.remove("content-type");
            headers.extend(kind.map(|kind| (http::header::CONTENT_TYPE, kind.parse().unwrap())));
            answer
        };
        let (mut scene, receiver) = Scene::with_answers(answers, &[ONLY_ASKED]).await;
        is_internal_error(&create(&scene).await);
        let line = scene.server.line("HookInvocationError").await;
        let url = format!("http://{}/hooks", receiver.address);
        assert!(line.contains(named) && line.contains(&url), "{line}");
        assert!(line.contains("not application/json"), "{line}");
    }
}

#[tokio::test]
async fn headers_of_the_client_are_passed_on() {
    let args = ["-hooks-http-forward-headers=Authorization, cookie,X-Many,Host,Content-Length"];
    let (scene, mut receiver) = Scene::with_replies(|_| json!({}), &args).await;
    let post = scene.tus.post().header("Upload-Length", "5");
    let post = post
        .header("Authorization", "Bearer a")
        .header("Cookie", "a=1");
    let post = post
        .header("X-Many", "1")
        .header("X-Many", "2")
        .header("X-Not", "1");
    assert_eq!(scene.tus.ask(post).await.status(), StatusCode::CREATED);
    let call = receiver.call().await;
    let headers = &call.request.headers;
    assert_eq!(headers["authorization"], "Bearer a");
    assert_eq!(headers["cookie"], "a=1");
    let many: Vec<_> = headers.get_all("x-many").iter().collect();
    assert_eq!(many, ["1", "2"]);
    assert!(!headers.contains_key("x-not"));
    assert_eq!(headers["host"], receiver.address.to_string());
}

#[tokio::test]
async fn a_proxy_is_asked_for_servers_elsewhere() {
    // This server stands in for every host.
    let answers = |_: &Call, _| status(200);
    let mut proxy = Receiver::start(Arc::new(answers)).await;
    let url = format!("http://{}", proxy.address);
    let environment = [("HTTP_PROXY", &*url), ("NO_PROXY", "10.255.255.1")];
    let start = async |hooks: &str| {
        let args = [
            hooks,
            ALL_EVENTS,
            "-hooks-http-retry=1",
            "-hooks-http-timeout=300ms",
        ];
        Scene::start(TempDir::new().unwrap(), &args, &environment).await
    };

    let scene = start("-hooks-http=http://hooks.example/a").await;
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
    let call = proxy.call().await;
    assert_eq!(call.request.uri, "http://hooks.example/a");
    proxy.call().await;

    for hooks in [
        "http://10.255.255.1/",
        "http://127.0.0.1:1/",
        "http://localhost:1/",
    ] {
        let scene = start(&format!("-hooks-http={hooks}")).await;
        is_internal_error(&create(&scene).await);
        assert!(proxy.types().is_empty(), "{hooks}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_none_for_http_stops_the_start() {
    let home = TempDir::new().unwrap();
    let mut server = crate::harness::command(home.path(), &["-hooks-http=http://hooks.example/"]);
    let server = server.env("HTTP_PROXY", "socks5://127.0.0.1:1");
    let output = patient(server.env("NO_PROXY", "").output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.contains("socks5://127.0.0.1:1"), "{line}");
}

#[tokio::test]
async fn a_url_that_is_none_stops_the_start() {
    for url in ["hooks.example", "ftp://hooks.example", "http://"] {
        let output = crate::harness::run(&[&format!("-hooks-http={url}")]).await;
        assert_eq!(output.status.code(), Some(1), "{url}");
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(line.contains("-hooks-http"), "{line}");
    }
}

#[tokio::test]
async fn an_unknown_event_or_header_is_a_bad_flag() {
    for flag in [
        "-hooks-enabled-events=pre-create,pre-access",
        "-hooks-enabled-events=pre-create,",
        "-hooks-http-forward-headers=a b",
        "-hooks-http-timeout=15",
        "-hooks-finish-attempts=-1",
    ] {
        let output = crate::harness::run(&[flag]).await;
        assert_eq!(output.status.code(), Some(2), "{flag}");
    }
}

#[tokio::test]
async fn events_that_are_not_enabled_are_not_sent() {
    let (scene, mut receiver) = Scene::with_replies(
        |_| json!({}),
        &["-hooks-enabled-events=post-finish, pre-create"],
    )
    .await;
    let url = scene.tus.create(5).await;
    scene.tus.append(&url, 0, tus::content("hello")).await;
    assert_eq!(receiver.event().await["Type"], "pre-create");
    assert_eq!(receiver.event().await["Type"], "post-finish");

    // Like in tusd: all except pre-finish and pre-terminate.
    let receiver = Receiver::start(Arc::new(|_: &Call, _| status(200))).await;
    let args = [&*format!("-hooks-http={}", receiver.url())];
    let scene = Scene::start(TempDir::new().unwrap(), &args, &[]).await;
    let url = scene.tus.create(5).await;
    let mut receiver = receiver;
    scene.tus.append(&url, 0, tus::content("hello")).await;
    for expected in ["pre-create", "post-create", "post-receive", "post-finish"] {
        assert_eq!(receiver.event().await["Type"], expected);
    }
}
