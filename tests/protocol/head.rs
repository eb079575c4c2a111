//! HEAD.

use http::Method;

use crate::check::checks;
use crate::harness::tus::{content, number, patch, request};
use crate::peer::Peer;

checks![["creation"];
    "CORE-02 CORE-17 CORE-18 CORE-21" head_tells_where_an_upload_stands,
    "CORE-18" head_tells_no_length_that_is_not_known ["creation-defer-length"],
    "CORE-19 CORE-20" an_unknown_upload_is_not_found,
    "CORE-19" paths_that_are_no_ids_lead_nowhere,
    "CORE-22" caches_keep_nothing_of_it,
    "AMB-19" head_has_no_content_length_of_the_upload,
];

const STATES: [(u64, &str); 3] = [(0, "hello"), (5, " world"), (11, "")];

async fn head_tells_where_an_upload_stands(tus: Peer) {
    let url = tus.create(11).await;
    for (offset, text) in STATES {
        let answer = tus.head(&url).await;
        assert!([200, 204].contains(&answer.status().as_u16()));
        assert_eq!(number(answer.headers(), "upload-offset"), offset);
        assert_eq!(number(answer.headers(), "upload-length"), 11);
        tus.append(&url, offset, content(text)).await;
    }
}

async fn head_tells_no_length_that_is_not_known(tus: Peer) {
    let url = tus.deferred().await;
    tus.appends(&url, 0, "hello").await;
    let answer = tus.head(&url).await;
    assert_eq!(number(answer.headers(), "upload-offset"), 5);
    assert!(!answer.headers().contains_key("upload-length"));
}

async fn an_unknown_upload_is_not_found(tus: Peer) {
    let answer = tus.head(&tus.nowhere()).await;
    assert!(
        [404, 410, 403].contains(&answer.status().as_u16()),
        "{}",
        answer.status()
    );
    assert!(!answer.headers().contains_key("upload-offset"));
    assert!(answer.body().is_empty());
}

async fn paths_that_are_no_ids_lead_nowhere(tus: Peer) {
    for path in [
        "%2e%2e/secret",
        "a/%2e%2e/%2e%2e/secret",
        "..%2fsecret",
        "%2fetc%2fpasswd%2f..%2fx",
        "a%00b",
        "a%0ab",
        "%ff%fe",
        "a//b",
        "x.info",
        "x.lock/y",
        "a%20b",
        "a%5c..%5cb",
    ] {
        let url = tus.at(path);
        for request in [
            request(Method::HEAD, &url),
            request(Method::DELETE, &url),
            patch(&url, 0),
        ] {
            let answer = tus.ask(request).await;
            assert!(
                answer.status().is_client_error(),
                "{path}: {}",
                answer.status()
            );
            assert!(!tus.is_ours() || answer.status() == 404, "{path}");
        }
    }
}

async fn caches_keep_nothing_of_it(tus: Peer) {
    let url = tus.create(11).await;
    for (offset, text) in STATES {
        let answer = tus.head(&url).await;
        let control = answer.headers()["cache-control"].to_str().unwrap();
        assert!(control.contains("no-store"), "{control}");
        tus.append(&url, offset, content(text)).await;
    }
}

async fn head_has_no_content_length_of_the_upload(tus: Peer) {
    let url = tus.create(11).await;
    for (offset, text) in STATES {
        let answer = tus.head(&url).await;
        let length = answer.headers().get("content-length");
        assert!(length.is_none_or(|length| length == "0"));
        tus.append(&url, offset, content(text)).await;
    }
}
