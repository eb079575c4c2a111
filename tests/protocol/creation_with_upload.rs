//! CWU: creation-with-upload.

use http::StatusCode;
use http::request::Builder;

use crate::harness::tus::{chunked, code, content, number};
use crate::{Peer, everywhere};

everywhere![
    cwu_04_the_first_bytes_come_with_the_creation,
    cwu_05_the_answer_has_an_offset_also_without_bytes,
    cwu_03_bytes_of_another_type_are_refused,
    amb_03_more_than_the_length_is_refused,
];

fn post(tus: &Peer) -> Builder {
    tus.post()
        .header("Content-Type", "application/offset+octet-stream")
}

async fn cwu_04_the_first_bytes_come_with_the_creation(tus: Peer) {
    for (text, length) in [("hello", 11), ("hello world", 11)] {
        for body in [
            content(text),
            chunked(if length == text.len() {
                &["hello", " world"]
            } else {
                &["hello"]
            }),
        ] {
            let answer = tus
                .send(
                    post(&tus)
                        .header("Upload-Length", length)
                        .body(body)
                        .unwrap(),
                )
                .await;
            assert_eq!(answer.status(), StatusCode::CREATED);
            let offset = number(answer.headers(), "upload-offset");
            assert_eq!(offset, text.len() as u64, "CWU-05");
            assert_eq!(tus.offset(&tus.location(&answer)).await, offset, "CWU-06");
        }
    }
}

async fn cwu_05_the_answer_has_an_offset_also_without_bytes(tus: Peer) {
    for length in [0, 5] {
        let answer = tus.ask(post(&tus).header("Upload-Length", length)).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(number(answer.headers(), "upload-offset"), 0);
    }
}

async fn cwu_03_bytes_of_another_type_are_refused(tus: Peer) {
    for (body, status) in [
        (content("hello"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (chunked(&["hello"]), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (content(""), StatusCode::CREATED),
    ] {
        let post = tus
            .post()
            .header("Upload-Length", "5")
            .header("Content-Type", "text/plain");
        let answer = tus.send(post.body(body).unwrap()).await;
        assert_eq!(answer.status(), status, "AMB-08");
        assert!(!answer.headers().contains_key("upload-offset"));
    }
    let answer = tus
        .send(
            tus.post()
                .header("Upload-Length", "5")
                .body(content("hello"))
                .unwrap(),
        )
        .await;
    assert_eq!(
        answer.status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "AMB-08"
    );
}

async fn amb_03_more_than_the_length_is_refused(tus: Peer) {
    let request = post(&tus)
        .header("Upload-Length", "4")
        .body(content("hello"))
        .unwrap();
    let answer = tus.send(request).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        !answer.headers().contains_key("location"),
        "nothing was created"
    );

    let request = post(&tus)
        .header("Upload-Length", "4")
        .body(chunked(&["hel", "lo"]))
        .unwrap();
    let answer = tus.send(request).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(code(&answer), "ERR_UPLOAD_SIZE_EXCEEDED");
    assert_eq!(
        tus.offset(&tus.location(&answer)).await,
        4,
        "what fits is kept"
    );

    let concat = post(&tus).header("Upload-Concat", "final;/files/a /files/b");
    let answer = tus.send(concat.body(content("hello")).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(code(&answer), "ERR_MODIFY_FINAL");
}
