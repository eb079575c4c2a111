//! Termination.

use http::{Method, StatusCode};

use crate::check::checks;
use crate::harness::tus::{content, patch, request};
use crate::peer::Peer;

checks![["termination"];
    "TERM-02 TERM-03 TERM-04 TERM-05" an_upload_in_any_state_is_ended,
    "TERM-04" an_unknown_upload_is_not_found,
];

async fn is_gone(tus: &Peer, url: &str, offset: u64) {
    for request in [
        request(Method::HEAD, url),
        request(Method::DELETE, url),
        patch(url, offset),
    ] {
        tus.is_gone(&tus.ask(request).await);
    }
}

async fn an_upload_in_any_state_is_ended(tus: Peer) {
    for (text, offset) in [("", 0), ("hel", 3), ("hello", 5)] {
        let url = tus.create(5).await;
        tus.append(&url, 0, content(text)).await;
        let answer = tus.ask(request(Method::DELETE, &url)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        is_gone(&tus, &url, offset).await;
    }
}

async fn an_unknown_upload_is_not_found(tus: Peer) {
    let answer = tus.ask(request(Method::DELETE, &tus.nowhere())).await;
    tus.is_gone(&answer);
}
