//! DEF: creation-defer-length.

use http::StatusCode;

use crate::harness::tus::{code, content, number, patch};
use crate::{Peer, everywhere};

everywhere![
    def_02_a_deferred_length_is_told_until_it_is_known,
    def_03_a_length_comes_with_any_patch,
    def_04_a_length_that_cannot_be_is_refused,
    cre_09_a_length_never_changes,
];

async fn deferred(tus: &Peer) -> String {
    let answer = tus.ask(tus.post().header("Upload-Defer-Length", "1")).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    tus.location(&answer)
}

async fn def_02_a_deferred_length_is_told_until_it_is_known(tus: Peer) {
    let url = deferred(&tus).await;
    for (offset, text) in [(0, "hel"), (3, "lo")] {
        let answer = tus.head(&url).await;
        assert_eq!(answer.headers()["upload-defer-length"], "1");
        assert!(!answer.headers().contains_key("upload-length"), "CORE-18");
        assert_eq!(number(answer.headers(), "upload-offset"), offset);
        let answer = tus.append(&url, offset, content(text)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "DEF-05");
    }
}

async fn def_03_a_length_comes_with_any_patch(tus: Peer) {
    // In the first, a middle, and the last PATCH, which may have no bytes.
    for told_in in 0..4 {
        let url = deferred(&tus).await;
        let pieces = [(0, "hel"), (3, "l"), (4, "o"), (5, "")];
        for (piece, (offset, text)) in pieces.into_iter().enumerate() {
            let mut request = patch(&url, offset);
            if piece == told_in {
                request = request.header("Upload-Length", "5");
            }
            let answer = tus.send(request.body(content(text)).unwrap()).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
            let answer = tus.head(&url).await;
            let known = piece >= told_in;
            assert_eq!(answer.headers().contains_key("upload-length"), known);
            assert_eq!(
                answer.headers().contains_key("upload-defer-length"),
                !known,
                "CRE-03"
            );
        }
    }
}

async fn def_04_a_length_that_cannot_be_is_refused(tus: Peer) {
    let url = deferred(&tus).await;
    tus.append(&url, 0, content("hello")).await;
    for length in ["4", "-1", "x", ""] {
        let request = patch(&url, 5).header("Upload-Length", length);
        let answer = tus.send(request.body(content("")).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(code(&answer), "ERR_INVALID_UPLOAD_LENGTH");
    }
    assert!(
        tus.head(&url)
            .await
            .headers()
            .contains_key("upload-defer-length")
    );
}

async fn cre_09_a_length_never_changes(tus: Peer) {
    let url = deferred(&tus).await;
    let request = patch(&url, 0).header("Upload-Length", "100");
    tus.send(request.body(content("hello")).unwrap()).await;
    for length in ["50", "100", "200"] {
        let request = patch(&url, 5).header("Upload-Length", length);
        let answer = tus.send(request.body(content("x")).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "AMB-11");
    }
    let answer = tus.head(&url).await;
    assert_eq!(number(answer.headers(), "upload-length"), 100);
    assert_eq!(number(answer.headers(), "upload-offset"), 5);
}
