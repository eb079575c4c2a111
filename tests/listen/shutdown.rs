//! Shutdown under load, over every kind of connection.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, StatusCode};
use tokio::task::JoinSet;

use crate::harness::tus::{code, content, number, patch, request, streamed};
use crate::harness::{Signal, patient};
use crate::road::{KINDS, Road, VERSIONS};

const LENGTH: usize = 1000;
const SENT: usize = 600;

/// Number of uploads per HTTP version.
const UPLOADS: usize = 3;

#[tokio::test]
async fn every_running_upload_is_told_and_goes_on_later() {
    for kind in KINDS {
        let road = Road::new(kind);
        let mut server = road.start(&["-shutdown-timeout=10m"]).await;
        let mut running = JoinSet::new();
        let mut urls = Vec::new();
        for version in VERSIONS.repeat(UPLOADS) {
            let mut client = road.connect(&server, version).await;
            let post = request(Method::POST, road.url()).header("Upload-Length", LENGTH);
            let created = client.send(post.body(content("")).unwrap()).await;
            assert_eq!(created.status(), StatusCode::CREATED);
            let url = created.headers()["location"].to_str().unwrap().to_owned();
            assert!(url.starts_with(road.url()), "{kind:?} {version:?}: {url}");
            urls.push(url.clone());
            running.spawn(async move {
                let begin = stream::iter([Bytes::from_static(&[b'a'; SENT])]);
                let body = streamed(begin.chain(stream::pending()));
                client.send(patch(&url, 0).body(body).unwrap()).await
            });
        }
        let stored = |url: &str| {
            let id = url.strip_prefix(road.url()).unwrap();
            std::fs::metadata(server.uploads().join(id)).unwrap().len() as usize
        };
        patient(async {
            // Nothing else signals this.
            while !urls.iter().all(|url| stored(url) == SENT) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;

        server.signal(Signal::TERM);
        for answer in patient(running.join_all()).await {
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{kind:?}");
            assert_eq!(code(&answer), "ERR_SERVER_SHUTDOWN");
        }
        assert_eq!(server.exit().await.code(), Some(0), "{kind:?}");

        let server = road.start(&[]).await;
        for (url, version) in urls.iter().zip(VERSIONS.repeat(UPLOADS)) {
            let mut client = road.connect(&server, version).await;
            let head = request(Method::HEAD, url).body(content("")).unwrap();
            let offset = number(client.send(head).await.headers(), "upload-offset");
            assert_eq!(offset, SENT as u64, "{kind:?} {version:?}");
            let rest = content(vec![b'a'; LENGTH - SENT]);
            let answer = client.send(patch(url, offset).body(rest).unwrap()).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
            assert_eq!(number(answer.headers(), "upload-offset"), LENGTH as u64);
        }
    }
}
