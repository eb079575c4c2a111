//! Checksum.

use http::request::Builder;
use http::{HeaderValue, StatusCode};

use crate::check::checks;
use crate::cuts::{LENGTH, begin_to_send};
use crate::digests::Of::{Hello, Nothing, World};
use crate::digests::{Of, algorithms, checksum};
use crate::harness::tus::{Content, chunked, content, number, patch};
use crate::peer::{Peer, made_nothing};
use crate::sending::{CUTS, Sending};

checks![["creation", "checksum"];
    "CHK-01 CHK-08 CHK-09 CHK-10 CHK-11" options_tells_the_algorithms,
    "CHK-02 CHK-05" a_chunk_that_matches_is_taken,
    "CHK-02" all_pieces_of_a_body_count,
    "CHK-02 CHK-07" the_last_byte_counts,
    "CHK-03 CHK-06 CHK-07" an_unknown_algorithm_is_refused,
    "CHK-04 CHK-06 CHK-07" a_chunk_that_does_not_match_is_discarded,
    "CHK-06" its_bytes_are_nowhere_in_the_upload ["GET"],
    "CHK-09" capitals_are_no_way_around_a_checksum,
    "CHK-12" a_malformed_checksum_changes_nothing,
    "CHK-12" a_digest_of_another_length_does_not_match,
    "CHK-13" a_chunk_may_come_without_a_checksum,
    "CHK-14" a_chunk_that_is_cut_is_discarded,
    "CHK-15" an_empty_chunk_has_a_checksum_too,
    "AMB-03" of_a_chunk_that_is_too_long_nothing_is_kept,
    "AMB-09" a_newcomer_finds_nothing_of_a_chunk_under_way,
    "CHK-02 CWU-04" a_creation_may_bring_a_checksum ["creation-with-upload"],
    "AMB-17" a_creation_that_does_not_match_is_none ["creation-with-upload"],
];

/// Returns the algorithms of the server that the suite knows.
pub(crate) async fn known(tus: &Peer) -> Vec<&'static str> {
    let announced = tus.announced("tus-checksum-algorithm").await;
    let announced = |it: &&str| announced.iter().any(|name| name == it);
    algorithms().filter(announced).collect()
}

fn append(url: &str, offset: u64, checksum: impl AsRef<[u8]>) -> Builder {
    let checksum = HeaderValue::from_bytes(checksum.as_ref()).unwrap();
    patch(url, offset).header("Upload-Checksum", checksum)
}

fn bytes(of: Of) -> Content {
    content(of.text())
}

async fn options_tells_the_algorithms(tus: Peer) {
    let announced = tus.announced("tus-checksum-algorithm").await;
    assert!(announced.contains(&"sha1".to_owned()), "{announced:?}");
    for name in &announced {
        let plain = name
            .bytes()
            .all(|it| it.is_ascii_graphic() && !it.is_ascii_uppercase());
        assert!(plain, "{name}");
    }
    if tus.is_ours() {
        assert_eq!(announced.len(), algorithms().count(), "{announced:?}");
        assert!(known(&tus).await.into_iter().eq(algorithms()));
    }
}

async fn a_chunk_that_matches_is_taken(tus: Peer) {
    for algorithm in known(&tus).await {
        let url = tus.create(11).await;
        for (offset, of) in [(0, Hello), (5, World)] {
            let append = append(&url, offset, checksum(algorithm, of));
            let answer = tus.give(append, bytes(of)).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{algorithm}");
            let reached = offset + of.text().len() as u64;
            assert_eq!(number(answer.headers(), "upload-offset"), reached);
            assert_eq!(tus.offset(&url).await, reached);
        }
    }
}

async fn all_pieces_of_a_body_count(tus: Peer) {
    for algorithm in known(&tus).await {
        let url = tus.create(5).await;
        let append = append(&url, 0, checksum(algorithm, Hello));
        let answer = tus.give(append, chunked(&["h", "el", "", "lo"])).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{algorithm}");
        assert_eq!(tus.offset(&url).await, 5);
    }
}

async fn the_last_byte_counts(tus: Peer) {
    let url = tus.create(6).await;
    for (length, text) in [(Some(5), "hellO"), (Some(6), "hello!"), (None, "hell")] {
        let append = append(&url, 0, checksum("sha1", Hello));
        let mut sending = Sending::begin(&tus, append, length).await;
        sending.send(text).await;
        sending.end(&[]).await;
        assert_eq!(sending.answer().await.status(), 460, "{text}");
        assert_eq!(tus.offset(&url).await, 0);
    }
}

async fn an_unknown_algorithm_is_refused(tus: Peer) {
    let url = tus.create(11).await;
    tus.appends(&url, 0, "hello").await;
    for checksum in ["none AAAA", "sha1024 P4InJqDJ+1VmGOnLl/tkL372LW8="] {
        let answer = tus.give(append(&url, 5, checksum), bytes(World)).await;
        tus.says(&answer, 400, "ERR_INVALID_CHECKSUM");
        assert_eq!(tus.offset(&url).await, 5);

        if tus.is_ours() {
            // The server detects this before the first byte.
            let sending = Sending::begin(&tus, append(&url, 5, checksum), Some(6)).await;
            assert_eq!(sending.answer().await.status(), StatusCode::BAD_REQUEST);
        }
    }
}

async fn a_chunk_that_does_not_match_is_discarded(tus: Peer) {
    for algorithm in known(&tus).await {
        let url = tus.create(11).await;
        tus.appends(&url, 0, "hello").await;
        let wrong = append(&url, 5, checksum(algorithm, Hello));
        let answer = tus.give(wrong, bytes(World)).await;
        tus.says(&answer, 460, "ERR_CHECKSUM_MISMATCH");
        assert_eq!(tus.offset(&url).await, 5, "{algorithm}");

        let right = append(&url, 5, checksum(algorithm, World));
        let answer = tus.give(right, bytes(World)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{algorithm}");
        assert_eq!(tus.offset(&url).await, 11);
    }
}

async fn its_bytes_are_nowhere_in_the_upload(tus: Peer) {
    let url = tus.create(11).await;
    for (offset, of) in [(0, Hello), (5, World)] {
        for text in ["", "HELLO", "HELLOS"] {
            let wrong = append(&url, offset, checksum("sha1", of));
            assert_eq!(tus.give(wrong, content(text)).await.status(), 460);
        }
        let right = append(&url, offset, checksum("sha1", of));
        tus.give(right, bytes(of)).await;
    }
    assert_eq!(tus.bytes(&url).await, "hello world");
}

async fn capitals_are_no_way_around_a_checksum(tus: Peer) {
    let url = tus.create(6).await;
    let wrong = checksum("sha1", Hello).replace("sha1", "SHA1");
    let answer = tus.give(append(&url, 0, wrong), bytes(World)).await;
    let status = answer.status().as_u16();
    assert!([400, 460].contains(&status), "{status}");
    assert_eq!(tus.offset(&url).await, 0);
}

async fn a_malformed_checksum_changes_nothing(tus: Peer) {
    let url = tus.create(5).await;
    let malformed: [&[u8]; 10] = [
        b"",
        b"sha1",
        b"sha1 ",
        b"sha1 !!!",
        b"sha1 =",
        b"sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00= x",
        b"sha1,qvTGHdzF6KLavt4PO0gs2a6pQ00=",
        b"qvTGHdzF6KLavt4PO0gs2a6pQ00=",
        b"sha1 \xe4\xf6\xfc",
        b"\xe4 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    ];
    for checksum in malformed {
        let answer = tus.give(append(&url, 0, checksum), bytes(Hello)).await;
        let of_this = checksum.escape_ascii();
        assert!(answer.status().is_client_error(), "{of_this}");
        tus.refuses(&answer, 400, "ERR_INVALID_CHECKSUM");
        assert_eq!(tus.offset(&url).await, 0, "{of_this}");
    }
    let twice = append(&url, 0, checksum("sha1", Hello));
    let twice = twice.header("Upload-Checksum", checksum("sha1", World));
    let answer = tus.give(twice, bytes(Hello)).await;
    tus.refuses(&answer, 400, "ERR_INVALID_CHECKSUM");
    assert_eq!(tus.offset(&url).await, 0);
}

async fn a_digest_of_another_length_does_not_match(tus: Peer) {
    let url = tus.create(5).await;
    // Shorter and longer digests.
    for checksum in [
        "sha1 qvTGHdzF6KLavt4PO0gs2a6pQw==",
        "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00A",
        "sha1 AAAA",
    ] {
        let answer = tus.give(append(&url, 0, checksum), bytes(Hello)).await;
        tus.refuses(&answer, 460, "ERR_CHECKSUM_MISMATCH");
        assert_eq!(tus.offset(&url).await, 0, "{checksum}");
    }
}

async fn a_chunk_may_come_without_a_checksum(tus: Peer) {
    let url = tus.create(11).await;
    tus.appends(&url, 0, "hello").await;
    let append = append(&url, 5, checksum("sha1", World));
    let answer = tus.give(append, bytes(World)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

async fn a_chunk_that_is_cut_is_discarded(tus: Peer) {
    for cut in CUTS {
        let url = tus.create(5 + LENGTH).await;
        tus.appends(&url, 0, "hello").await;
        let sending = begin_to_send(&tus, append(&url, 5, checksum("sha1", World))).await;
        sending.cut(cut).await;
        assert_eq!(tus.settled_offset(&url).await, 5, "{cut:?}");

        let answer = tus
            .give(append(&url, 5, checksum("sha1", Hello)), bytes(World))
            .await;
        assert_eq!(answer.status(), 460);
        let answer = tus
            .give(append(&url, 5, checksum("sha1", World)), bytes(World))
            .await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{cut:?}");
        assert_eq!(tus.offset(&url).await, 11);
    }
}

async fn an_empty_chunk_has_a_checksum_too(tus: Peer) {
    let url = tus.create(5).await;
    for offset in [0, 5] {
        for algorithm in known(&tus).await {
            let right = append(&url, offset, checksum(algorithm, Nothing));
            let answer = tus.give(right, bytes(Nothing)).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{algorithm}");
            if offset == 0 {
                let wrong = append(&url, offset, checksum(algorithm, Hello));
                let answer = tus.give(wrong, bytes(Nothing)).await;
                assert_eq!(answer.status(), 460, "{algorithm}");
            }
            assert_eq!(tus.offset(&url).await, offset);
        }
        tus.append(&url, offset, bytes(Hello)).await;
    }
}

async fn of_a_chunk_that_is_too_long_nothing_is_kept(tus: Peer) {
    for body in [content("hello!"), chunked(&["hel", "lo!"])] {
        let url = tus.create(5).await;
        let answer = tus
            .give(append(&url, 0, checksum("sha1", Hello)), body)
            .await;
        tus.says(&answer, 413, "ERR_UPLOAD_SIZE_EXCEEDED");
        assert_eq!(tus.offset(&url).await, 0);
    }
}

async fn a_newcomer_finds_nothing_of_a_chunk_under_way(tus: Peer) {
    let url = tus.create(5 + LENGTH).await;
    tus.appends(&url, 0, "hello").await;
    let _older = begin_to_send(&tus, append(&url, 5, checksum("sha1", World))).await;
    assert_eq!(tus.offset(&url).await, 5);
    tus.appends(&url, 5, " world").await;
}

fn post(tus: &Peer, checksum: &str) -> Builder {
    let post = tus.post_bytes().header("Upload-Length", 11);
    post.header("Upload-Checksum", checksum)
}

async fn a_creation_may_bring_a_checksum(tus: Peer) {
    let right = post(&tus, &checksum("sha1", Hello));
    let answer = tus.give(right, bytes(Hello)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(number(answer.headers(), "upload-offset"), 5);
    assert_eq!(tus.offset(&tus.location(&answer)).await, 5);
}

async fn a_creation_that_does_not_match_is_none(tus: Peer) {
    for (checksum, status, code) in [
        (checksum("sha1", World), 460, "ERR_CHECKSUM_MISMATCH"),
        ("sha1 AAAA".to_owned(), 460, "ERR_CHECKSUM_MISMATCH"),
        ("none AAAA".to_owned(), 400, "ERR_INVALID_CHECKSUM"),
        ("sha1".to_owned(), 400, "ERR_INVALID_CHECKSUM"),
    ] {
        let answer = tus.give(post(&tus, &checksum), bytes(Hello)).await;
        tus.says(&answer, status, code);
        made_nothing(&answer);
        assert!(!answer.headers().contains_key("upload-offset"));
    }
}
