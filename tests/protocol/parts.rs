//! Partial uploads, and finals made from them.

use crate::harness::tus::content;
use crate::peer::Peer;

/// Creates a partial upload without bytes.
pub(crate) async fn unsent_partial(tus: &Peer, length: u64) -> String {
    let length = length.to_string();
    let headers = [("Upload-Concat", "partial"), ("Upload-Length", &length)];
    tus.create_with(&headers).await
}

/// Creates a partial upload with these bytes.
pub(crate) async fn partial(tus: &Peer, bytes: &'static str) -> String {
    let url = unsent_partial(tus, bytes.len() as u64).await;
    tus.append(&url, 0, content(bytes)).await;
    url
}

/// Creates a final upload from these parts.
pub(crate) async fn final_of(tus: &Peer, parts: &[&str]) -> String {
    tus.create_with(&[("Upload-Concat", &join(parts))]).await
}

/// Returns the `Upload-Concat` of a final upload from these parts.
pub(crate) fn join(parts: &[&str]) -> String {
    format!("final;{}", parts.join(" "))
}

/// Returns a URL without its authority.
pub(crate) fn path(url: &str) -> String {
    match url.split_once("://") {
        Some((_, rest)) => rest[rest.find('/').unwrap()..].to_owned(),
        None => url.to_owned(),
    }
}

/// Returns a URL with the authority of the server.
pub(crate) fn absolute(tus: &Peer, url: &str) -> String {
    let authority = tus.url.split('/').nth(2).unwrap();
    format!("http://{authority}{}", path(url))
}
