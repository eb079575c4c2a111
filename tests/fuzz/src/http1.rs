use crate::connection::{End, converse};
use crate::responses::{Seen, responses};
use crate::runtime::run;
use crate::world::World;

/// A whole connection over HTTP/1. Where a `{}` is, the client waits.
pub fn http1(sent: &[u8]) {
    // It would be the beginning of HTTP/2.
    if sent.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") {
        return;
    }
    run(is_answered(sent));
}

/// Every request is answered in order, by HTTP that any client can read.
async fn is_answered(sent: &[u8]) {
    let world = World::full().await;
    let pieces = pieces(sent);
    let talk = converse(&world, &pieces, End::AtOnce).await;
    let all = responses(&talk.received, &talk.methods);
    assert!(
        all.len() <= talk.methods.len() + 1,
        "more answers than requests: {all:?}"
    );
    // hyper, and the layer outside the stack, refuse what is no request.
    for refused in all.iter().filter(|it| it.all("tus-resumable").count() == 0) {
        let is_meant = matches!(refused.status, 400..=499 | 501 | 505);
        assert!(is_meant, "{refused:?}");
    }
    all.iter()
        .filter(|it| it.status >= 400)
        .for_each(is_private);
    world.check().await;
}

/// Nothing of the server's own is in a refusal.
fn is_private(answer: &Seen) {
    let text = String::from_utf8_lossy(&answer.body);
    for secret in ["panicked", "src/", "Error {", "Os {"] {
        assert!(!text.contains(secret), "{answer:?}");
    }
}

fn pieces(sent: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = sent;
    while let Some(at) = rest.windows(2).position(|two| two == b"{}") {
        pieces.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    pieces.push(rest);
    pieces
}
