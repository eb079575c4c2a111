//! What is said on paths that are not for uploads.

use http::{Method, Request, StatusCode};

use super::harness::tus::{Answer, Tus};
use super::{Server, header, start};

async fn ask(server: &Server, tus: &Tus, method: Method, path: &str, accept: &str) -> Answer {
    let url = format!("http://{}{path}", server.address());
    let request = Request::builder().method(method).uri(url);
    tus.ask(request.header("Accept", accept)).await
}

#[tokio::test]
async fn every_path_is_greeted_as_balancers_expect() {
    let (server, tus) = start(&["-base-path=/up/"]).await;
    for path in ["/", "/health", "/ping/deep", "/upwards"] {
        for method in [Method::GET, Method::OPTIONS] {
            let answer = ask(&server, &tus, method, path, "*/*").await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8");
            let text = std::str::from_utf8(answer.body()).unwrap();
            let told = ["tower-tusd", "works", "/up/", env!("CARGO_PKG_VERSION")];
            assert!(told.iter().all(|it| text.contains(it)), "{text}");
        }
        let answer = ask(&server, &tus, Method::HEAD, path, "*/*").await;
        assert_eq!((answer.status(), answer.body().len()), (StatusCode::OK, 0));
    }
}

#[tokio::test]
async fn browsers_get_a_page_at_the_root_alone() {
    let (server, tus) = start(&["-base-path=/a&b/"]).await;
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    let page = ask(&server, &tus, Method::GET, "/", html).await;
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    let text = std::str::from_utf8(page.body()).unwrap();
    assert!(text.contains("<code>/a&amp;b/</code>"), "{text}");
    let other = ask(&server, &tus, Method::GET, "/other", html).await;
    assert_eq!(header(&other, "content-type"), "text/plain; charset=utf-8");
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
