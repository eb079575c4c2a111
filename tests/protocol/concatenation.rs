//! Concatenation.

use http::{HeaderValue, Method, StatusCode};

use crate::check::checks;
use crate::harness::tus::{Answer, content, number, patch, request};
use crate::parts::{absolute, final_of, join, partial, path, unsent_partial};
use crate::peer::{Peer, made_nothing, with};

checks![["creation", "concatenation"];
    "CAT-01 CAT-02 CAT-14" a_partial_is_an_upload,
    "CAT-03" a_complete_partial_stays_what_it_is,
    "CAT-02 CWU-04" a_partial_may_come_with_its_bytes ["creation-with-upload"],
    "CAT-15" a_partial_may_defer_its_length ["creation-defer-length"],
    "CAT-04 CAT-13 CAT-15" a_final_is_as_long_as_its_parts,
    "CAT-04" parts_may_be_empty,
    "CAT-05" the_bytes_of_a_final_are_in_the_order_of_its_parts ["GET"],
    "CAT-06" a_final_has_no_length_of_the_client,
    "CAT-07 CRE-12" a_final_has_its_own_metadata_and_no_other,
    "CAT-08" a_final_outlives_its_parts ["termination"],
    "CAT-09" a_part_may_be_used_again,
    "CAT-10 CAT-11" a_final_cannot_be_written,
    "CAT-10" nor_can_it_come_with_bytes ["creation-with-upload"],
    "CAT-16" head_has_upload_concat_as_it_was_written,
    "CAT-17" the_answer_to_a_creation_has_it_too,
    "CAT-16" bytes_above_ascii_come_back_or_are_refused,
    "CAT-18" urls_of_parts_are_absolute_or_relative,
    "CAT-18" what_is_no_partial_is_no_part,
    "CAT-18" a_malformed_list_makes_nothing,
    "CRE-13" parts_that_sum_to_too_much_are_refused ["a small Tus-Max-Size"],
    "TERM-03 TERM-05" a_final_can_be_ended ["termination"],
    "AMB-14" an_unknown_part_is_refused,
];

async fn a_partial_is_an_upload(tus: Peer) {
    let url = unsent_partial(&tus, 5).await;
    for (offset, text) in [(0, "hel"), (3, "lo")] {
        let answer = tus.head(&url).await;
        assert_eq!(number(answer.headers(), "upload-offset"), offset);
        assert_eq!(number(answer.headers(), "upload-length"), 5);
        tus.appends(&url, offset, text).await;
    }
}

async fn a_complete_partial_stays_what_it_is(tus: Peer) {
    let answer = tus.head(&partial(&tus, "hello").await).await;
    assert_eq!(number(answer.headers(), "upload-offset"), 5);
    assert_eq!(answer.headers()["upload-concat"], "partial");
}

async fn a_partial_may_come_with_its_bytes(tus: Peer) {
    let post = tus.post_bytes().header("Upload-Length", 5);
    let answer = tus
        .give(post.header("Upload-Concat", "partial"), content("hello"))
        .await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(number(answer.headers(), "upload-offset"), 5);
    let part = tus.location(&answer);
    assert_eq!(tus.offset(&final_of(&tus, &[&part, &part]).await).await, 10);
}

async fn a_partial_may_defer_its_length(tus: Peer) {
    let headers = [("Upload-Concat", "partial"), ("Upload-Defer-Length", "1")];
    let part = tus.create_with(&headers).await;
    let answer = tus.head(&part).await;
    assert!(!answer.headers().contains_key("upload-length"));
    let declare = patch(&part, 0).header("Upload-Length", 5);
    tus.give(declare, content("hello")).await;
    let answer = tus.head(&final_of(&tus, &[&part]).await).await;
    assert_eq!(number(answer.headers(), "upload-length"), 5);
}

async fn a_final_is_as_long_as_its_parts(tus: Peer) {
    let (a, b) = (partial(&tus, "hello").await, partial(&tus, " world").await);
    let answer = tus.head(&final_of(&tus, &[&a, &b]).await).await;
    assert!(answer.status().is_success(), "{}", answer.status());
    assert_eq!(number(answer.headers(), "upload-length"), 11);
    assert_eq!(number(answer.headers(), "upload-offset"), 11);
}

async fn parts_may_be_empty(tus: Peer) {
    let (a, b) = (partial(&tus, "").await, partial(&tus, "hello").await);
    for (parts, length) in [(vec![&a], 0), (vec![&a, &b, &a], 5)] {
        let parts: Vec<_> = parts.into_iter().map(String::as_str).collect();
        let answer = tus.head(&final_of(&tus, &parts).await).await;
        assert_eq!(number(answer.headers(), "upload-length"), length);
        assert_eq!(number(answer.headers(), "upload-offset"), length);
    }
}

async fn the_bytes_of_a_final_are_in_the_order_of_its_parts(tus: Peer) {
    let (a, b) = (partial(&tus, "hello").await, partial(&tus, " world").await);
    for (parts, bytes) in [
        (&[&*a, &*b][..], "hello world"),
        (&[&b, &a], " worldhello"),
        (&[&a, &a, &b], "hellohello world"),
    ] {
        let url = final_of(&tus, parts).await;
        assert_eq!(tus.bytes(&url).await, bytes);
    }
}

async fn a_final_has_no_length_of_the_client(tus: Peer) {
    let part = partial(&tus, "hello").await;
    for length in [5, 6] {
        let post = tus.post().header("Upload-Length", length);
        let answer = tus.ask(post.header("Upload-Concat", join(&[&part]))).await;
        if tus.is_ours() || !answer.status().is_success() {
            tus.refuses_by(&answer, &[400]);
            made_nothing(&answer);
        } else {
            let answer = tus.head(&tus.location(&answer)).await;
            assert_eq!(number(answer.headers(), "upload-length"), 5);
        }
    }
}

async fn a_final_has_its_own_metadata_and_no_other(tus: Peer) {
    let metadata = ("Upload-Metadata", "part YQ==");
    let headers = [
        ("Upload-Concat", "partial"),
        ("Upload-Length", "0"),
        metadata,
    ];
    let part = tus.create_with(&headers).await;
    let answer = tus.head(&final_of(&tus, &[&part]).await).await;
    assert!(!answer.headers().contains_key("upload-metadata"));

    let concat = join(&[&part]);
    let headers = [
        ("Upload-Concat", &*concat),
        ("Upload-Metadata", "whole Yg=="),
    ];
    let answer = tus.head(&tus.create_with(&headers).await).await;
    assert_eq!(answer.headers()["upload-metadata"], "whole Yg==");
    let answer = tus.head(&part).await;
    assert_eq!(answer.headers()["upload-metadata"], "part YQ==");
}

async fn a_final_outlives_its_parts(tus: Peer) {
    let (a, b) = (partial(&tus, "hello").await, partial(&tus, " world").await);
    let url = final_of(&tus, &[&a, &b]).await;
    for part in [&a, &b] {
        tus.ask(request(Method::DELETE, part)).await;
    }
    assert_eq!(tus.offset(&url).await, 11);
    if tus.offers("GET") {
        assert_eq!(tus.bytes(&url).await, "hello world");
    }
}

async fn a_part_may_be_used_again(tus: Peer) {
    let part = partial(&tus, "hello").await;
    let twice = final_of(&tus, &[&part, &part]).await;
    assert_eq!(tus.offset(&twice).await, 10);
    let once_more = tus
        .ask(tus.post().header("Upload-Concat", join(&[&part])))
        .await;
    // A server may delete the parts of a final upload. Ours does not.
    if tus.is_ours() || once_more.status().is_success() {
        assert_eq!(once_more.status(), StatusCode::CREATED);
        assert_eq!(tus.offset(&tus.location(&once_more)).await, 5);
    }
}

async fn a_final_cannot_be_written(tus: Peer) {
    let part = partial(&tus, "hello").await;
    let url = final_of(&tus, &[&part]).await;
    for body in [content("x"), content("")] {
        let answer = tus.append(&url, 5, body).await;
        tus.says(&answer, 403, "ERR_MODIFY_FINAL");
        assert_eq!(tus.offset(&url).await, 5);
    }
    let answer = tus.head(&part).await;
    assert!(!tus.is_ours() || number(answer.headers(), "upload-offset") == 5);
}

async fn nor_can_it_come_with_bytes(tus: Peer) {
    let part = partial(&tus, "hello").await;
    let post = tus.post_bytes().header("Upload-Concat", join(&[&part]));
    let answer = tus.give(post, content("hello")).await;
    tus.refuses(&answer, 403, "ERR_MODIFY_FINAL");
    made_nothing(&answer);
}

/// Creates a partial upload, and finals with all kinds of URLs, each with its
/// response.
async fn create_all_kinds(tus: &Peer) -> Vec<(String, Answer)> {
    let (a, b) = (partial(tus, "hello").await, partial(tus, " world").await);
    let lists = [
        "partial".to_owned(),
        format!("final;{} {}", path(&a), path(&b)),
        format!("final;{} {}", absolute(tus, &a), absolute(tus, &b)),
        format!("final;{} {}", path(&b), absolute(tus, &a)),
    ];
    let mut created = Vec::new();
    for concat in lists {
        let mut post = tus.post().header("Upload-Concat", &concat);
        if concat == "partial" {
            post = post.header("Upload-Length", 5);
        }
        let answer = tus.ask(post).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{concat}");
        created.push((concat, answer));
    }
    created
}

async fn head_has_upload_concat_as_it_was_written(tus: Peer) {
    for (concat, created) in create_all_kinds(&tus).await {
        let answer = tus.head(&tus.location(&created)).await;
        assert_eq!(answer.headers()["upload-concat"], concat);
    }
}

async fn the_answer_to_a_creation_has_it_too(tus: Peer) {
    for (concat, created) in create_all_kinds(&tus).await {
        assert_eq!(created.headers()["upload-concat"], concat);
    }
}

async fn bytes_above_ascii_come_back_or_are_refused(tus: Peer) {
    let part = partial(&tus, "hello").await;
    let path = path(&part);
    for (before, after) in [
        ("partial", ""),
        ("final;http://h", &*format!(".example{path}")),
        ("final;/", "/none"),
        ("final;", &format!(" {path}")),
        (&format!("final;{path}"), ""),
        (&format!("final;{path}?"), ""),
    ] {
        let concat = [before.as_bytes(), b"\xe4\xff", after.as_bytes()].concat();
        let concat = HeaderValue::from_bytes(&concat).unwrap();
        let created = tus.ask(tus.post().header("Upload-Concat", &concat)).await;
        if created.status() == StatusCode::CREATED {
            let answer = tus.head(&tus.location(&created)).await;
            assert_eq!(answer.headers()["upload-concat"], concat);
        } else {
            assert!(created.status().is_client_error(), "{}", created.status());
            made_nothing(&created);
        }
    }
}

async fn urls_of_parts_are_absolute_or_relative(tus: Peer) {
    let part = partial(&tus, "hello").await;
    for url in [path(&part), absolute(&tus, &part)] {
        assert_eq!(tus.offset(&final_of(&tus, &[&url, &url]).await).await, 10);
    }
    // Our server rejects uploads of other servers; others may ignore the host.
    for other in ["http://other.example", "https://other.example:8443"] {
        let concat = format!("final;{other}{}", path(&part));
        let answer = tus.ask(tus.post().header("Upload-Concat", concat)).await;
        if tus.is_ours() {
            tus.refuses(&answer, 404, "ERR_UPLOAD_NOT_FOUND");
            made_nothing(&answer);
        } else if !answer.status().is_client_error() {
            assert_eq!(answer.status(), StatusCode::CREATED);
            assert_eq!(tus.offset(&tus.location(&answer)).await, 5);
        }
    }
}

/// Requests a final upload with this `Upload-Concat`.
async fn ask(tus: &Peer, concat: &str) -> Answer {
    tus.ask(tus.post().header("Upload-Concat", concat)).await
}

async fn what_is_no_partial_is_no_part(tus: Peer) {
    let part = partial(&tus, "hello").await;
    let whole = tus.upload("hello").await;
    let made = final_of(&tus, &[&part]).await;
    let foreign = "http://other.example/elsewhere/part".to_owned();
    let parent = path(&tus.at("../part"));
    for url in [whole, made, foreign, parent, path(&tus.url)] {
        for concat in [join(&[&url]), join(&[&part, &url])] {
            let answer = ask(&tus, &concat).await;
            tus.refuses_by(&answer, &[400, 404]);
            made_nothing(&answer);
        }
    }
}

async fn a_malformed_list_makes_nothing(tus: Peer) {
    let part = path(&partial(&tus, "hello").await);
    let mut lists = vec![
        "final".to_owned(),
        "final;".to_owned(),
        "final; ".to_owned(),
        "FINAL;/".to_owned(),
        "whole".to_owned(),
        "partial;x".to_owned(),
        format!("final,{part}"),
        format!("final {part}"),
        format!("final;{part},{part}"),
    ];
    if tus.is_ours() {
        lists.push(String::new());
    }
    for list in lists {
        for headers in [&[][..], &[("Upload-Length", "5")]] {
            let post = with(tus.post(), headers).header("Upload-Concat", &list);
            let answer = tus.ask(post).await;
            assert!(!answer.status().is_success(), "{list:?}");
            tus.refuses_by(&answer, &[400, 404]);
            made_nothing(&answer);
        }
    }
}

async fn parts_that_sum_to_too_much_are_refused(tus: Peer) {
    let max = number(&tus.options().await, "tus-max-size");
    let url = unsent_partial(&tus, max).await;
    let bytes = vec![7; usize::try_from(max).unwrap()];
    assert_eq!(
        tus.append(&url, 0, content(bytes)).await.status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(tus.offset(&final_of(&tus, &[&url]).await).await, max);
    let one = partial(&tus, "x").await;
    for parts in [[&*url, &one], [&url, &url]] {
        let answer = ask(&tus, &join(&parts)).await;
        tus.says(&answer, 413, "ERR_MAX_SIZE_EXCEEDED");
        made_nothing(&answer);
    }
}

async fn a_final_can_be_ended(tus: Peer) {
    let part = partial(&tus, "hello").await;
    let url = final_of(&tus, &[&part]).await;
    let answer = tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    tus.is_gone(&tus.head(&url).await);
    if tus.is_ours() {
        assert_eq!(tus.offset(&part).await, 5);
    }
}

async fn an_unknown_part_is_refused(tus: Peer) {
    let part = partial(&tus, "hello").await;
    let nowhere = tus.nowhere();
    for concat in [join(&[&nowhere]), join(&[&part, &nowhere])] {
        let answer = ask(&tus, &concat).await;
        let status = answer.status().as_u16();
        assert!([400, 404].contains(&status), "{status}");
        made_nothing(&answer);
    }
}
