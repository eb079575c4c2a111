//! Expiration.

use std::time::{Duration, SystemTime};

use headers::{Expires, Header};
use http::{Method, StatusCode};

use crate::check::checks;
use crate::harness::patient;
use crate::harness::tus::{Answer, code, content, patch, request};
use crate::peer::{OFFSET_OCTET_STREAM, Peer};
use crate::server::{SHORT, list};

checks![["creation", "expiration"];
    "EXP-01 EXP-02 EXP-04 EXP-08" a_creation_tells_when_the_upload_expires,
    "EXP-04" so_does_one_with_bytes ["creation-with-upload"],
    "EXP-03 EXP-08" each_answer_to_a_patch_tells_it,
    "EXP-03" so_does_one_to_a_wrong_checksum ["checksum"],
    "EXP-03" so_does_one_to_a_length_that_comes_late ["creation-defer-length"],
    "EXP-05" it_never_moves_back,
    "EXP-09" the_answer_to_the_last_byte_does_not,
    "EXP-04 EXP-09" neither_does_one_to_an_upload_without_bytes,
    "EXP-06" what_is_not_there_expires_never,
    "EXP-06 EXP-07 EXP-08" an_expired_upload_is_gone [SHORT],
    "EXP-01 EXP-09" a_complete_upload_outlives_the_others [SHORT],
];

/// When an upload expires: a date of HTTP in its preferred format.
#[track_caller]
fn told(answer: &Answer) -> Option<SystemTime> {
    let date = answer.headers().get("upload-expires")?;
    let at: SystemTime = Expires::decode(&mut std::iter::once(date)).unwrap().into();
    let mut again = Vec::new();
    Expires::from(at).encode(&mut again);
    assert_eq!(again, [date], "EXP-08");
    Some(at)
}

/// Expects that an answer tells a time to come.
#[track_caller]
fn expires(answer: &Answer) -> SystemTime {
    let at = told(answer);
    let at = at.unwrap_or_else(|| panic!("{} does not tell it", answer.status()));
    assert!(at + Duration::from_secs(1) > SystemTime::now());
    at
}

async fn a_creation_tells_when_the_upload_expires(tus: Peer) {
    assert!(list(&tus.options().await, "tus-extension").any(|it| it == "expiration"));
    let created = tus.ask(tus.post().header("Upload-Length", 5)).await;
    let at = expires(&created);
    let head = tus.head(&tus.location(&created)).await;
    if tus.is_ours() {
        assert_eq!(told(&head), Some(at));
    }
}

async fn so_does_one_with_bytes(tus: Peer) {
    let post = tus.post_bytes().header("Upload-Length", 5);
    expires(&tus.give(post, content("hel")).await);
}

async fn each_answer_to_a_patch_tells_it(tus: Peer) {
    let url = tus.create(10).await;
    let typed = || request(Method::PATCH, &url).header("Content-Type", OFFSET_OCTET_STREAM);
    for (request, bytes, status) in [
        (patch(&url, 0), "hello", 204),
        (patch(&url, 5), "", 204),
        (patch(&url, 0), "hello", 409),
        (patch(&url, 5), "more than it takes", 413),
        (typed(), "hello", 400),
        (typed().header("Upload-Offset", "-1"), "hello", 400),
        (patch(&url, 5).header("Upload-Length", 11), "", 400),
        (
            request(Method::PATCH, &url).header("Upload-Offset", 5),
            "hello",
            415,
        ),
    ] {
        let answer = tus.give(request, content(bytes)).await;
        if tus.is_ours() {
            assert_eq!(answer.status(), status);
        }
        expires(&answer);
    }
}

async fn so_does_one_to_a_wrong_checksum(tus: Peer) {
    let url = tus.create(5).await;
    for (checksum, status) in [("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=", 460), ("sha1 !", 400)] {
        let patch = patch(&url, 0).header("Upload-Checksum", checksum);
        let answer = tus.give(patch, content("hello")).await;
        assert_eq!(answer.status(), status);
        expires(&answer);
    }
}

async fn so_does_one_to_a_length_that_comes_late(tus: Peer) {
    let url = tus.deferred().await;
    let declared = tus.ask(patch(&url, 0).header("Upload-Length", 5)).await;
    assert_eq!(declared.status(), StatusCode::NO_CONTENT);
    expires(&declared);
}

async fn it_never_moves_back(tus: Peer) {
    let url = tus.create(1 << 20).await;
    let first = expires(&tus.head(&url).await);
    let moves = async {
        let mut offset = 0;
        loop {
            let appended = tus.append(&url, offset, content("x")).await;
            let at = expires(&appended);
            assert!(at >= first);
            // By a second or more: that of a creation is in whole seconds.
            if at > first || !tus.is_ours() {
                return;
            }
            offset += 1;
        }
    };
    patient(moves).await;
}

async fn the_answer_to_the_last_byte_does_not(tus: Peer) {
    let url = tus.create(5).await;
    let completed = tus.append(&url, 0, content("hello")).await;
    assert_eq!(completed.status(), StatusCode::NO_CONTENT);
    assert_eq!(told(&completed), None);
    assert_eq!(told(&tus.head(&url).await), None);
    let again = tus.append(&url, 5, content("")).await;
    assert_eq!(told(&again), None);
}

async fn neither_does_one_to_an_upload_without_bytes(tus: Peer) {
    let created = tus.ask(tus.post().header("Upload-Length", 0)).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(told(&created), None);
}

async fn what_is_not_there_expires_never(tus: Peer) {
    let answer = tus.append(&tus.nowhere(), 0, content("hello")).await;
    tus.is_gone(&answer);
    assert_eq!(told(&answer), None);
}

/// Waits until an upload has expired.
async fn expired(tus: &Peer, url: &str) -> Answer {
    patient(async {
        loop {
            let head = tus.head(url).await;
            if !head.status().is_success() {
                return head;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

async fn an_expired_upload_is_gone(tus: Peer) {
    let created = tus.ask(tus.post().header("Upload-Length", 5)).await;
    let at = expires(&created);
    let url = tus.location(&created);
    let head = expired(&tus, &url).await;
    assert!(SystemTime::now() >= at, "not before");
    let patched = tus.append(&url, 0, content("hello")).await;
    let get = tus.ask(request(Method::GET, &url)).await;
    if tus.is_ours() {
        assert_eq!(code(&patched), "ERR_UPLOAD_EXPIRED");
        assert_eq!(get.status(), StatusCode::GONE);
    }
    for answer in [head, patched] {
        let status = answer.status();
        assert!([404, 410].contains(&status.as_u16()), "{status}");
        assert!(!tus.is_ours() || status == StatusCode::GONE, "{status}");
        assert_eq!(told(&answer), None);
    }
}

async fn a_complete_upload_outlives_the_others(tus: Peer) {
    let complete = tus.create(0).await;
    let unfinished = tus.create(5).await;
    expired(&tus, &unfinished).await;
    let head = tus.head(&complete).await;
    assert!(head.status().is_success(), "{}", head.status());
}
