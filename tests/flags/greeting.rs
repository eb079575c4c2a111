//! Responses on paths that are not for uploads.

use http::{Method, Request, StatusCode};

use super::harness::tus::{Answer, Tus, Version, request};
use super::{Server, header, start};

async fn ask(server: &Server, tus: &Tus, method: Method, path: &str, accept: &str) -> Answer {
    let url = format!("http://{}{path}", server.address());
    let request = Request::builder().method(method).uri(url);
    tus.ask(request.header("Accept", accept)).await
}

#[tokio::test]
async fn get_and_head_of_the_root_are_greeted() {
    for version in [Version::Http1, Version::Http2] {
        let (server, _) = start(&["-base-path=/up/"]).await;
        let tus = Tus::new(server.url(), version);
        for path in ["/", "/?from=probe"] {
            let answer = ask(&server, &tus, Method::GET, path, "*/*").await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8");
            let text = std::str::from_utf8(answer.body()).unwrap();
            let told = ["tower-tusd", "works", "/up/", env!("CARGO_PKG_VERSION")];
            assert!(told.iter().all(|it| text.contains(it)), "{text}");
            let answer = ask(&server, &tus, Method::HEAD, path, "*/*").await;
            assert_eq!((answer.status(), answer.body().len()), (StatusCode::OK, 0));
        }
    }
}

/// As after a change of the base path: an old client would retry forever.
#[tokio::test]
async fn a_url_where_nothing_is_is_not_found_whatever_the_method() {
    for version in [Version::Http1, Version::Http2] {
        let (server, _) = start(&["-base-path=/up/"]).await;
        let tus = Tus::new(server.url(), version);
        for path in [
            "/files/abc",
            "/files/",
            "/health",
            "/upwards",
            "//",
            "/index.html",
        ] {
            for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PATCH] {
                for headers in [&[][..], &[("Tus-Resumable", "1.0.0")]] {
                    let url = format!("http://{}{path}", server.address());
                    let mut request = Request::builder().method(&method).uri(url);
                    for (name, value) in headers {
                        request = request.header(*name, *value);
                    }
                    let answer = tus.ask(request).await;
                    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method} {path}");
                }
            }
        }
        let root = format!("http://{}/", server.address());
        for method in [Method::GET, Method::HEAD] {
            let answer = tus.ask(request(method, &root)).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "a tus client's");
        }
    }
}

#[tokio::test]
async fn a_page_can_read_that_nothing_is_there() {
    const PAGE: &str = "https://page.example";
    let (server, tus) = start(&["-cors-allow-origin=^https://page.example$"]).await;
    let url = format!("http://{}/old/abc", server.address());
    for (origin, preflight, allowed) in [
        (PAGE, StatusCode::NO_CONTENT, PAGE),
        ("https://other.example", StatusCode::NOT_FOUND, ""),
    ] {
        let ask = Request::options(&url).header("Origin", origin);
        let ask = ask.header("Access-Control-Request-Method", "HEAD");
        let answer = tus.ask(ask).await;
        assert_eq!(answer.status(), preflight, "{origin}");
        assert_eq!(header(&answer, "access-control-allow-origin"), allowed);

        let head = request(Method::HEAD, &url).header("Origin", origin);
        let answer = tus.ask(head).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(header(&answer, "access-control-allow-origin"), allowed);
        let grants = answer.headers().get_all("access-control-expose-headers");
        assert!(grants.iter().count() <= 1, "once");
    }
}

#[tokio::test]
async fn browsers_get_a_page_at_the_root() {
    let (server, tus) = start(&["-base-path=/a&b/"]).await;
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    let page = ask(&server, &tus, Method::GET, "/", html).await;
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    let text = std::str::from_utf8(page.body()).unwrap();
    assert!(text.contains("<code>/a&amp;b/</code>"), "{text}");
}

#[tokio::test]
async fn who_uploads_to_the_wrong_path_is_not_greeted() {
    let (server, tus) = start(&[]).await;
    for method in [Method::POST, Method::PATCH, Method::DELETE, Method::PUT] {
        let answer = ask(&server, &tus, method, "/filesystem", "*/*").await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(answer.body(), "not found\n");
    }
}

#[tokio::test]
async fn the_greeting_can_be_switched_off() {
    let (server, tus) = start(&["-show-greeting=false"]).await;
    for path in ["/", "/filesystem"] {
        let answer = ask(&server, &tus, Method::GET, path, "text/html").await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.body(), "not found\n");
    }
}

#[tokio::test]
async fn uploads_on_every_path_leave_none_to_greet_on() {
    let (server, tus) = start(&["-base-path=/"]).await;
    let answer = ask(&server, &tus, Method::HEAD, "/health", "*/*").await;
    assert_eq!(answer.status(), StatusCode::PRECONDITION_FAILED);
}
