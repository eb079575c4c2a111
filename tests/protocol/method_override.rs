//! X-HTTP-Method-Override.

use http::request::Builder;
use http::{Method, StatusCode};

use crate::check::checks;
use crate::harness::tus::{content, number, patch, request};
use crate::peer::Peer;

checks![["creation"];
    "CORE-15" a_post_is_what_the_header_says,
    "CORE-15 CORE-16" every_method_is_what_the_header_says ["termination"],
    "CORE-16" the_actual_method_is_ignored,
    "CORE-15" a_method_that_is_none_does_nothing,
];

fn means(request: Builder, method: &str) -> Builder {
    request.header("X-HTTP-Method-Override", method)
}

async fn a_post_is_what_the_header_says(tus: Peer) {
    let url = tus.create(5).await;
    let append = means(patch(&url, 0).method(Method::POST), "PATCH");
    let answer = tus.give(append, content("hello")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(number(answer.headers(), "upload-offset"), 5);
}

async fn every_method_is_what_the_header_says(tus: Peer) {
    for carrier in [Method::POST, Method::PUT, Method::GET, Method::DELETE] {
        let creation = request(carrier.clone(), &tus.url).header("Upload-Length", "5");
        let answer = tus.ask(means(creation, "POST")).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{carrier}");
        let url = tus.location(&answer);

        let append = patch(&url, 0).method(carrier.clone());
        let answer = tus.give(means(append, "PATCH"), content("hello")).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{carrier}");
        assert_eq!(number(answer.headers(), "upload-offset"), 5);

        let inspect = means(request(carrier.clone(), &url), "HEAD");
        let answer = tus.ask(inspect).await;
        assert_eq!(number(answer.headers(), "upload-offset"), 5, "{carrier}");

        let end = means(request(carrier.clone(), &url), "DELETE");
        let answer = tus.ask(end).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{carrier}");
        tus.is_gone(&tus.head(&url).await);

        let discover = means(request(carrier.clone(), &url), "OPTIONS");
        let answer = tus.ask(discover).await;
        assert!(answer.headers().contains_key("tus-extension"), "{carrier}");
    }
}

async fn the_actual_method_is_ignored(tus: Peer) {
    let url = tus.create(5).await;
    let delete = means(request(Method::DELETE, &url), "HEAD");
    assert_eq!(number(tus.ask(delete).await.headers(), "upload-offset"), 0);
    let options = means(request(Method::OPTIONS, &url), "BREW");
    assert!(tus.ask(options).await.status().is_client_error());
    assert_eq!(tus.offset(&url).await, 0);
}

async fn a_method_that_is_none_does_nothing(tus: Peer) {
    let url = tus.create(5).await;
    let odd = ["BREW", "patch", "", "PATCH,PATCH", "PA TCH", "PATCH\t,"];
    let mut requests: Vec<_> = odd.map(|method| means(patch(&url, 0), method)).into();
    requests.push(means(means(patch(&url, 0), "PATCH"), "PATCH"));
    for request in requests {
        let answer = tus.give(request, content("hello")).await;
        assert!(answer.status().is_client_error(), "{}", answer.status());
        if tus.is_ours() {
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(answer.body(), "method not allowed\n");
            let allow = answer.headers()["allow"].to_str().unwrap();
            assert!(allow.contains("PATCH"), "{allow}");
        }
        assert_eq!(tus.offset(&url).await, 0);
    }
}
