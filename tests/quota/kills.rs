//! `kill -9` in the middle of everything that changes the account.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::request::Builder;
use tempfile::TempDir;

use super::harness::Signal;
use super::harness::tus::{Content, content, patch, streamed};
use super::*;

const LIMIT: u64 = 400_000;

fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}

/// Sends a request; `None` if the server is gone.
async fn send(tus: &Tus, request: Builder, body: Content) -> Option<Answer> {
    tus.try_send(request.body(body).unwrap()).await
}

/// Returns bytes that arrive one frame after the other.
fn slowly(bytes: u64) -> Content {
    let frames = stream::unfold(bytes, |left| async move {
        let next = left.min(500);
        tokio::time::sleep(Duration::from_micros(300)).await;
        (next > 0).then(|| (Bytes::from(vec![0; next as usize]), left - next))
    });
    streamed(frames)
}

/// Creates an upload, deferred or not, with some of its bytes.
async fn begin(tus: &Tus, partial: bool) -> Option<Option<String>> {
    let length = 1 + random(20_000);
    let is_deferred = random(2) == 0;
    let mut post = match is_deferred {
        true => tus.post().header("Upload-Defer-Length", "1"),
        false => tus.post().header("Upload-Length", length),
    };
    if partial {
        post = post.header("Upload-Concat", "partial");
    }
    let created = send(tus, post, content("")).await?;
    if created.status() != StatusCode::CREATED {
        return Some(None);
    }
    let url = tus.location(&created);
    let mut append = patch(&url, 0);
    if is_deferred && partial {
        append = append.header("Upload-Length", length);
    }
    let appended = send(tus, append, slowly(length)).await?;
    Some((appended.status() == StatusCode::NO_CONTENT).then_some(url))
}

/// Creates, fills, joins and removes uploads until the server is gone.
async fn live(tus: Tus) -> Option<()> {
    loop {
        let is_partial = random(2) == 0;
        let Some(url) = begin(&tus, is_partial).await? else {
            continue;
        };
        if is_partial {
            let path = url.rsplit('/').next().unwrap();
            let parts = format!("final;/files/{path} /files/{path}");
            let joined = tus.post().header("Upload-Concat", parts);
            let joined = send(&tus, joined, content("")).await?;
            if joined.status() == StatusCode::CREATED && random(4) > 0 {
                let joined = request(Method::DELETE, &tus.location(&joined));
                send(&tus, joined, content("")).await?;
            }
        }
        if random(8) > 0 {
            send(&tus, request(Method::DELETE, &url), content("")).await?;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_the_account_equals_a_count_of_what_is_stored() {
    let home = TempDir::new().unwrap();
    let args = [&*format!("-store-size={LIMIT}"), "-store-evict=unfinished"];
    let mut server = Server::start_in(home.path(), &args).await;
    let mut seen = 0;
    for kill in 0..10 {
        let clients: Vec<_> = (0..12)
            .map(|n| {
                let version = [Version::Http1, Version::Http2][n % 2];
                tokio::spawn(live(client(&server, version)))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(50 + random(300))).await;
        server.signal(Signal::KILL);
        server.exit().await;
        for client in clients {
            client.await.unwrap();
        }
        server = Server::start_in(home.path(), &args).await;
        counted_line(&mut server).await;
        let (account, stored) = (used(&server).await, counted(server.uploads()).await.total);
        assert_eq!(account, stored, "after kill {kill}");
        assert!(account <= LIMIT, "after kill {kill}: {account}");
        seen = seen.max(account);
    }
    assert!(seen > 0, "something was stored");
    // The room that is left can be taken, and no byte more.
    let tus = client(&server, Version::Http1);
    let room = LIMIT - used(&server).await;
    let created = create(&tus, room).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(used(&server).await, LIMIT);
}
