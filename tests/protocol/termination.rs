//! TERM: termination.

use http::{Method, StatusCode};

use crate::harness::tus::{content, patch, request};
use crate::{Peer, everywhere};

everywhere![
    term_03_an_upload_in_any_state_is_ended,
    term_04_an_unknown_upload_is_not_found
];

async fn term_03_an_upload_in_any_state_is_ended(tus: Peer) {
    for text in ["", "hel", "hello"] {
        let url = tus.create(5).await;
        tus.append(&url, 0, content(text)).await;
        assert!(tus.holds(&url));
        let answer = tus.ask(request(Method::DELETE, &url)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "TERM-05");
        assert!(!tus.holds(&url), "TERM-02");
        for request in [
            request(Method::HEAD, &url),
            request(Method::DELETE, &url),
            patch(&url, text.len() as u64),
        ] {
            let answer = tus.ask(request).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "TERM-04");
        }
    }
}

async fn term_04_an_unknown_upload_is_not_found(tus: Peer) {
    let url = format!("{}24e533e02ec3bc40c387f1a0e460e216", tus.url);
    let answer = tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}
