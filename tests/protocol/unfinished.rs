//! Concatenation-unfinished: finals with parts that are not complete yet.

use http::{Method, StatusCode};

use crate::check::checks;
use crate::harness::tus::{content, number, patch, request};
use crate::parts::{final_of, join, partial, unsent_partial};
use crate::peer::{Peer, made_nothing};

checks![["creation", "concatenation"];
    "CUF-01" unfinished_parts_are_taken_only_if_that_is_announced,
    "AMB-13" an_unfinished_part_is_400_unless_announced,
    "CUF-02 CAT-12 CAT-15 CAT-16" a_final_to_come_is_told_as_that ["concatenation-unfinished"],
    "AMB-12" head_of_a_final_to_come_is_200 ["concatenation-unfinished"],
    "CUF-02 CAT-13" the_last_part_makes_the_final ["concatenation-unfinished"],
    "CUF-02 CAT-05" its_bytes_are_in_order ["concatenation-unfinished", "GET"],
    "CUF-02 CAT-15" its_length_is_known_when_all_parts_have_one ["concatenation-unfinished", "creation-defer-length"],
    "CUF-02" parts_may_be_there_more_than_once ["concatenation-unfinished"],
    "CAT-10 CAT-11" a_final_to_come_cannot_be_written ["concatenation-unfinished"],
    "CUF-02" without_a_part_no_final_comes ["concatenation-unfinished", "termination"],
];

async fn unfinished_parts_are_taken_only_if_that_is_announced(tus: Peer) {
    let (done, part) = (partial(&tus, "hello").await, unsent_partial(&tus, 6).await);
    tus.appends(&part, 0, " wor").await;
    for parts in [[&*part, &done], [&done, &part]] {
        let answer = tus
            .ask(tus.post().header("Upload-Concat", join(&parts)))
            .await;
        if tus.offers("concatenation-unfinished") {
            assert_eq!(answer.status(), StatusCode::CREATED);
        } else {
            tus.refuses(&answer, 400, "ERR_UPLOAD_NOT_FINISHED");
            made_nothing(&answer);
        }
    }
}

async fn an_unfinished_part_is_400_unless_announced(tus: Peer) {
    let part = unsent_partial(&tus, 5).await;
    let concat = join(&[&part]);
    let answer = tus.ask(tus.post().header("Upload-Concat", concat)).await;
    let announced = tus.offers("concatenation-unfinished");
    let status = if announced {
        StatusCode::CREATED
    } else {
        StatusCode::BAD_REQUEST
    };
    assert_eq!(answer.status(), status);
}

async fn a_final_to_come_is_told_as_that(tus: Peer) {
    let (done, part) = (partial(&tus, "hello").await, unsent_partial(&tus, 6).await);
    let url = final_of(&tus, &[&done, &part]).await;
    let answer = tus.head(&url).await;
    assert!(!answer.headers().contains_key("upload-offset"));
    assert_eq!(number(answer.headers(), "upload-length"), 11);
    assert_eq!(answer.headers()["upload-concat"], join(&[&done, &part]));
}

async fn head_of_a_final_to_come_is_200(tus: Peer) {
    let part = unsent_partial(&tus, 5).await;
    let answer = tus.head(&final_of(&tus, &[&part]).await).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!answer.headers().contains_key("upload-offset"));
}

async fn the_last_part_makes_the_final(tus: Peer) {
    let (a, b) = (unsent_partial(&tus, 5).await, unsent_partial(&tus, 6).await);
    let url = final_of(&tus, &[&a, &b]).await;
    for (part, offset, text) in [(&b, 0, " world"), (&a, 0, "hel"), (&a, 3, "lo")] {
        let answer = tus.head(&url).await;
        assert!(!answer.headers().contains_key("upload-offset"), "{text}");
        tus.appends(part, offset, text).await;
    }
    let answer = tus.head(&url).await;
    assert_eq!(number(answer.headers(), "upload-offset"), 11);
    assert_eq!(number(answer.headers(), "upload-length"), 11);
    assert_eq!(answer.headers()["upload-concat"], join(&[&a, &b]));
}

async fn its_bytes_are_in_order(tus: Peer) {
    let (a, b) = (unsent_partial(&tus, 5).await, unsent_partial(&tus, 6).await);
    let url = final_of(&tus, &[&a, &b, &a]).await;
    tus.appends(&b, 0, " world").await;
    tus.appends(&a, 0, "hello").await;
    assert_eq!(tus.bytes(&url).await, "hello worldhello");
}

async fn its_length_is_known_when_all_parts_have_one(tus: Peer) {
    let headers = [("Upload-Concat", "partial"), ("Upload-Defer-Length", "1")];
    let part = tus.create_with(&headers).await;
    let url = final_of(&tus, &[&part]).await;
    let answer = tus.head(&url).await;
    assert!(!answer.headers().contains_key("upload-length"));

    let declare = patch(&part, 0).header("Upload-Length", 5);
    tus.give(declare, content("hel")).await;
    let answer = tus.head(&url).await;
    assert_eq!(number(answer.headers(), "upload-length"), 5);
    tus.appends(&part, 3, "lo").await;
    assert_eq!(tus.offset(&url).await, 5);
}

async fn parts_may_be_there_more_than_once(tus: Peer) {
    let part = unsent_partial(&tus, 5).await;
    let urls = [
        final_of(&tus, &[&part, &part]).await,
        final_of(&tus, &[&part]).await,
    ];
    tus.appends(&part, 0, "hello").await;
    for (url, length) in urls.iter().zip([10, 5]) {
        assert_eq!(tus.offset(url).await, length);
    }
}

async fn a_final_to_come_cannot_be_written(tus: Peer) {
    let part = unsent_partial(&tus, 5).await;
    let url = final_of(&tus, &[&part]).await;
    for body in [content("hello"), content("")] {
        let answer = tus.append(&url, 0, body).await;
        tus.says(&answer, 403, "ERR_MODIFY_FINAL");
    }
    assert_eq!(tus.offset(&part).await, 0);
    tus.appends(&part, 0, "hello").await;
    assert_eq!(tus.offset(&url).await, 5);
}

async fn without_a_part_no_final_comes(tus: Peer) {
    let (a, b) = (partial(&tus, "hello").await, unsent_partial(&tus, 6).await);
    let url = final_of(&tus, &[&a, &b]).await;
    tus.ask(request(Method::DELETE, &b)).await;
    let answer = tus.head(&url).await;
    assert!(!answer.headers().contains_key("upload-offset"));
    if tus.is_ours() {
        tus.is_gone(&answer);
    }
}
