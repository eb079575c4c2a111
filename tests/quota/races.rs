//! Clients that race for the last bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::stream;
use tokio::task::JoinSet;

use super::harness::tus::{content, streamed};
use super::*;

const LIMIT: u64 = 1_000_000;
const EACH: u64 = 7_000;

/// Uploads `EACH` bytes, half of the clients with a deferred length.
async fn upload(tus: Tus, number: u64) {
    if number.is_multiple_of(2) {
        let created = create(&tus, EACH).await;
        if created.status() == StatusCode::CREATED {
            let bytes = content(vec![0; EACH as usize]);
            let answer = tus.append(&tus.location(&created), 0, bytes).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        } else {
            assert_eq!(created.status(), FULL);
        }
        return;
    }
    let url = defer(&tus).await;
    let frames = stream::iter((0..EACH / 100).map(|_| Bytes::from(vec![0; 100])));
    let answer = tus.append(&url, 0, streamed(frames)).await;
    let stored = tus.offset(&url).await;
    match answer.status() {
        StatusCode::NO_CONTENT => assert_eq!(stored, EACH),
        status => {
            assert_eq!(status, FULL);
            assert!(stored < EACH);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_that_race_for_the_last_bytes_never_pass_the_limit() {
    let server = Server::start(&[&format!("-store-size={LIMIT}")]).await;
    for round in 0..4_u64 {
        let room = 100_000 + 1_000 * round;
        let tus = client(&server, Version::Http1);
        let filler = tus.create(LIMIT - room).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let watch = tokio::spawn({
            let (is_over, dir) = (Arc::clone(&is_over), server.uploads().to_owned());
            async move {
                let mut looks = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let stored = counted(&dir).await.total;
                    assert!(stored <= LIMIT, "{stored} bytes are stored");
                    looks += 1;
                }
                looks
            }
        });
        let mut racing = JoinSet::new();
        for number in 0..64 {
            let version = [Version::Http1, Version::Http2][number as usize / 2 % 2];
            racing.spawn(upload(client(&server, version), number));
        }
        while let Some(done) = racing.join_next().await {
            done.unwrap();
            assert!(used(&server).await <= LIMIT);
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(watch.await.unwrap() > 0);
        let stored = counted(server.uploads()).await.total;
        assert_eq!(used(&server).await, stored, "round {round}");
        // The last bytes were taken, up to less than one upload.
        assert!(stored > LIMIT - EACH, "round {round}: {stored}");
        for entry in super::harness::names(server.uploads()) {
            if let Some(id) = entry.strip_suffix(".info") {
                delete(&tus, &format!("{}{id}", server.url())).await;
            }
        }
        assert!(tus.head(&filler).await.status() == StatusCode::NOT_FOUND);
        assert_eq!(used(&server).await, 0);
    }
}
