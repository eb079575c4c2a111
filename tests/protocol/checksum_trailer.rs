//! Checksum-trailer.

use http::Response;
use http::request::Builder;

use crate::check::checks;
use crate::checksum::known;
use crate::cuts::{LENGTH, begin_to_send_chunked};
use crate::digests::Of::{Hello, World};
use crate::digests::checksum;
use crate::harness::tus::patch;
use crate::peer::Peer;
use crate::sending::{CUTS, Sending};

checks![["creation", "checksum", "checksum-trailer"];
    "CTR-01" a_trailer_that_matches_is_taken,
    "CTR-01 CHK-06 CHK-07" a_trailer_that_does_not_match_discards_the_chunk,
    "CTR-01 CHK-03" a_trailer_of_an_unknown_algorithm_is_refused,
    "CTR-01" a_malformed_trailer_is_refused,
    "CTR-02" a_trailer_that_was_announced_has_to_come,
    "CTR-02" a_checksum_in_both_places_is_refused,
    "CTR-02 CHK-14" a_chunk_that_is_cut_before_its_trailer_is_discarded,
    "CTR-03" a_trailer_that_was_not_announced_does_no_harm,
];

const TRAILER: &str = "Upload-Checksum";

fn announced(url: &str, offset: u64) -> Builder {
    patch(url, offset).header("Trailer", TRAILER)
}

/// Sends "hello", and then the trailers.
async fn hello(tus: &Peer, request: Builder, trailers: &[(&str, &str)]) -> Response<()> {
    let mut sending = Sending::begin(tus, request, None).await;
    for piece in ["he", "llo"] {
        sending.send(piece).await;
    }
    sending.end(trailers).await;
    sending.answer().await
}

/// Returns the algorithms for trailers: fewer than for headers, since a server
/// must compute all of them.
async fn known_in_trailers(tus: &Peer) -> Vec<&'static str> {
    let cheap = ["sha1", "sha256", "crc32", "crc32c"];
    let known = known(tus).await.into_iter();
    known.filter(|it| cheap.contains(it)).collect()
}

async fn a_trailer_that_matches_is_taken(tus: Peer) {
    for algorithm in known_in_trailers(&tus).await {
        let url = tus.create(11).await;
        let trailer = (TRAILER, &*checksum(algorithm, Hello));
        let answer = hello(&tus, announced(&url, 0), &[trailer]).await;
        assert_eq!(answer.status(), 204, "{algorithm}");
        assert_eq!(answer.headers()["upload-offset"], "5");
        assert_eq!(tus.offset(&url).await, 5);
        tus.appends(&url, 5, " world").await;
    }
}

async fn a_trailer_that_does_not_match_discards_the_chunk(tus: Peer) {
    for algorithm in known_in_trailers(&tus).await {
        let url = tus.create(10).await;
        tus.appends(&url, 0, "hello").await;
        let trailer = (TRAILER, &*checksum(algorithm, World));
        let answer = hello(&tus, announced(&url, 5), &[trailer]).await;
        assert_eq!(answer.status(), 460, "{algorithm}");
        assert_eq!(tus.offset(&url).await, 5);
        tus.appends(&url, 5, "world").await;
    }
}

async fn a_trailer_of_an_unknown_algorithm_is_refused(tus: Peer) {
    let url = tus.create(5).await;
    let md5 = checksum("md5", Hello);
    // Our server accepts this algorithm only in a header.
    let refused: &[_] = if tus.is_ours() {
        &["none AAAA", &md5]
    } else {
        &["none AAAA"]
    };
    for trailer in refused {
        let answer = hello(&tus, announced(&url, 0), &[(TRAILER, trailer)]).await;
        assert_eq!(answer.status(), 400, "{trailer}");
        assert_eq!(tus.offset(&url).await, 0);
    }
}

async fn a_malformed_trailer_is_refused(tus: Peer) {
    let url = tus.create(5).await;
    for malformed in ["", "sha1", "sha1 !!!", "sha1 AAA"] {
        let answer = hello(&tus, announced(&url, 0), &[(TRAILER, malformed)]).await;
        assert_eq!(answer.status(), 400, "{malformed}");
        assert_eq!(tus.offset(&url).await, 0);
    }
    let (one, other) = (checksum("sha1", Hello), checksum("sha1", World));
    let twice = [(TRAILER, &*one), (TRAILER, &*other)];
    let answer = hello(&tus, announced(&url, 0), &twice).await;
    assert_eq!(answer.status(), 400);
    assert_eq!(tus.offset(&url).await, 0);
}

async fn a_trailer_that_was_announced_has_to_come(tus: Peer) {
    let url = tus.create(5).await;
    for trailers in [&[][..], &[("X-Other", "1")]] {
        let answer = hello(&tus, announced(&url, 0), trailers).await;
        assert_eq!(answer.status(), 400);
        assert_eq!(tus.offset(&url).await, 0);
    }
}

async fn a_checksum_in_both_places_is_refused(tus: Peer) {
    let url = tus.create(5).await;
    let right = checksum("sha1", Hello);
    let both = announced(&url, 0).header(TRAILER, &right);
    let answer = hello(&tus, both, &[(TRAILER, &right)]).await;
    assert_eq!(answer.status(), 400);
    assert_eq!(tus.offset(&url).await, 0);
}

async fn a_chunk_that_is_cut_before_its_trailer_is_discarded(tus: Peer) {
    for cut in CUTS {
        let url = tus.create(LENGTH).await;
        tus.appends(&url, 0, "hello").await;
        let sending = begin_to_send_chunked(&tus, announced(&url, 5)).await;
        sending.cut(cut).await;
        assert_eq!(tus.settled_offset(&url).await, 5, "{cut:?}");
    }
}

async fn a_trailer_that_was_not_announced_does_no_harm(tus: Peer) {
    let url = tus.create(11).await;
    let right = checksum("sha1", Hello);
    let answer = hello(&tus, patch(&url, 0), &[(TRAILER, &right)]).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(tus.offset(&url).await, 5);

    let url = tus.create(11).await;
    let wrong = checksum("sha1", World);
    let answer = hello(&tus, patch(&url, 0), &[(TRAILER, &wrong)]).await;
    match answer.status().as_u16() {
        204 => assert_eq!(tus.offset(&url).await, 5),
        status => {
            assert!(status == 460 && !tus.is_ours(), "{status}");
            assert_eq!(tus.offset(&url).await, 0);
        }
    }
}
