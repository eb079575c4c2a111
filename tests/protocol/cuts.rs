//! Clients that disconnect during a request, or stall until another request
//! arrives.

use std::sync::LazyLock;

use bytes::Bytes;
use http::request::Builder;
use http::{Method, StatusCode};

use crate::check::checks;
use crate::harness::tus::{Version, content, number, patch, request};
use crate::peer::Peer;
use crate::sending::{CUTS, Cut, Sending};

checks![["creation"];
    "CORE-30" a_client_that_comes_back_goes_on,
    "CORE-31" what_came_before_a_cut_is_kept,
    "CORE-31" what_is_kept_is_what_was_sent ["GET"],
    "AMB-09" a_newcomer_is_told_where_the_upload_stands,
    "AMB-09" a_newcomer_goes_on_where_the_other_one_was,
    "AMB-09" a_newcomer_ends_the_upload ["termination"],
];

/// The length of an upload that is only partly sent.
pub(crate) const LENGTH: u64 = 6 << 20;

/// The length of the part that is sent: more than all buffers and windows, so
/// that the server has begun to read once it is sent.
const SENT: u64 = 5 << 20;

/// Bytes of which no two pieces are the same.
static BYTES: LazyLock<Bytes> = LazyLock::new(|| {
    let words = 0..u32::try_from(LENGTH / 4).unwrap();
    words.flat_map(u32::to_be_bytes).collect()
});

fn bytes(from: u64, to: u64) -> Bytes {
    BYTES.slice(usize::try_from(from).unwrap()..usize::try_from(to).unwrap())
}

/// Begins a body of `LENGTH` bytes, and sends a part of it.
pub(crate) async fn begin_to_send(tus: &Peer, request: Builder) -> Sending {
    let mut sending = Sending::begin(tus, request, Some(LENGTH)).await;
    sending.send(bytes(0, SENT)).await;
    sending
}

/// Begins a body of unknown length, and sends a part of it.
pub(crate) async fn begin_to_send_chunked(tus: &Peer, request: Builder) -> Sending {
    let mut sending = Sending::begin(tus, request, None).await;
    sending.send(bytes(0, SENT)).await;
    sending
}

/// Returns an upload with an unfinished request.
async fn begun(tus: &Peer) -> (String, Sending) {
    let url = tus.create(LENGTH).await;
    let sending = begin_to_send(tus, patch(&url, 0)).await;
    (url, sending)
}

/// Returns an upload whose request was cut, and its offset.
async fn cut_short(tus: &Peer, cut: Cut) -> (String, u64) {
    let (url, sending) = begun(tus).await;
    sending.cut(cut).await;
    let offset = tus.settled_offset(&url).await;
    (url, offset)
}

/// Sends all missing bytes.
async fn go_on(tus: &Peer, url: &str, offset: u64) {
    let rest = content(bytes(offset, LENGTH));
    let answer = tus.append(url, offset, rest).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(number(answer.headers(), "upload-offset"), LENGTH);
}

async fn a_client_that_comes_back_goes_on(tus: Peer) {
    for cut in CUTS {
        let (url, offset) = cut_short(&tus, cut).await;
        go_on(&tus, &url, offset).await;
    }
}

async fn what_came_before_a_cut_is_kept(tus: Peer) {
    for cut in CUTS {
        let (_, offset) = cut_short(&tus, cut).await;
        assert!(0 < offset && offset <= SENT, "{cut:?}: {offset}");
        // Our server has read everything before it responds to a FIN.
        if let (true, Version::Http1, Cut::Goodbye) = (tus.is_ours(), tus.version, cut) {
            assert_eq!(offset, SENT);
        }
    }
}

async fn what_is_kept_is_what_was_sent(tus: Peer) {
    for cut in CUTS {
        let (url, offset) = cut_short(&tus, cut).await;
        go_on(&tus, &url, offset).await;
        assert!(tus.bytes(&url).await == *BYTES, "{cut:?} at {offset}");
    }
}

async fn a_newcomer_is_told_where_the_upload_stands(tus: Peer) {
    let (url, mut older) = begun(&tus).await;
    let offset = tus.offset(&url).await;
    assert!(0 < offset && offset <= SENT, "{offset}");
    // Further bytes of the older request are not stored.
    older.send(bytes(SENT, SENT + 5)).await;
    assert_eq!(tus.offset(&url).await, offset);
}

async fn a_newcomer_goes_on_where_the_other_one_was(tus: Peer) {
    let (url, older) = begun(&tus).await;
    let offset = tus.offset(&url).await;
    go_on(&tus, &url, offset).await;
    let interrupted = older.answer().await;
    assert!(
        interrupted.status().is_client_error(),
        "{}",
        interrupted.status()
    );
}

async fn a_newcomer_ends_the_upload(tus: Peer) {
    let (url, _older) = begun(&tus).await;
    let answer = tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    tus.is_gone(&tus.head(&url).await);
}
