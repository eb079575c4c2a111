//! CORE-15, CORE-16: X-HTTP-Method-Override.

use http::request::Builder;
use http::{Method, StatusCode};

use crate::harness::tus::{content, number, patch, request};
use crate::{Peer, everywhere};

everywhere![
    core_15_the_method_is_what_the_header_says,
    core_16_the_actual_method_is_ignored,
    a_method_that_is_none_is_not_allowed_and_nothing_is_done,
];

fn means(request: Builder, method: &str) -> Builder {
    request.header("X-HTTP-Method-Override", method)
}

async fn core_15_the_method_is_what_the_header_says(tus: Peer) {
    for carrier in [Method::POST, Method::PUT, Method::GET, Method::DELETE] {
        let creation = request(carrier.clone(), &tus.url).header("Upload-Length", "5");
        let answer = tus.ask(means(creation, "POST")).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{carrier}");
        let url = tus.location(&answer);

        let append = patch(&url, 0).method(carrier.clone());
        let append = means(append, "PATCH").body(content("hello")).unwrap();
        let answer = tus.send(append).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{carrier}");
        assert_eq!(number(answer.headers(), "upload-offset"), 5);

        let inspect = means(request(carrier.clone(), &url), "HEAD");
        let answer = tus.ask(inspect).await;
        assert_eq!(number(answer.headers(), "upload-offset"), 5, "{carrier}");

        let end = means(request(carrier.clone(), &url), "DELETE");
        let answer = tus.ask(end).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{carrier}");
        assert_eq!(tus.head(&url).await.status(), StatusCode::NOT_FOUND);

        let discover = means(request(carrier.clone(), &url), "OPTIONS");
        let answer = tus.ask(discover).await;
        assert!(answer.headers().contains_key("tus-extension"), "{carrier}");
    }
}

async fn core_16_the_actual_method_is_ignored(tus: Peer) {
    let url = tus.create(5).await;
    let delete = means(request(Method::DELETE, &url), "HEAD");
    assert_eq!(tus.ask(delete).await.status(), StatusCode::OK);
    let options = means(request(Method::OPTIONS, &url), "PUT");
    let answer = tus.ask(options).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(tus.offset(&url).await, 0);
}

async fn a_method_that_is_none_is_not_allowed_and_nothing_is_done(tus: Peer) {
    let url = tus.create(5).await;
    for method in ["BREW", "patch", "", "PATCH,PATCH", "PA TCH", "PATCH\t,"] {
        let append = means(patch(&url, 0), method);
        let answer = tus.send(append.body(content("hello")).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(
            answer.headers()["allow"],
            "OPTIONS, GET, HEAD, PATCH, DELETE"
        );
        assert_eq!(tus.offset(&url).await, 0);
    }
    let twice = means(means(patch(&url, 0), "PATCH"), "PATCH");
    let answer = tus.send(twice.body(content("hello")).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.body(), "method not allowed\n");
    assert_eq!(tus.offset(&url).await, 0);
}
