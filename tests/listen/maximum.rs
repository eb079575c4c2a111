//! More connections than the server accepts.

use http::{Method, StatusCode};

use crate::harness::tus::{content, request};
use crate::road::{KINDS, Kind, Road, VERSIONS};

#[tokio::test]
async fn beyond_the_maximum_a_connection_waits_until_another_one_ends() {
    // A TLS handshake would wait for the server to accept.
    for kind in KINDS.into_iter().filter(|kind| *kind != Kind::Tls) {
        let road = Road::new(kind);
        // The harness itself briefly connects to a Unix socket.
        let server = road.start(&["-max-connections=2"]).await;
        for version in VERSIONS {
            let url = road.url();
            let options = move || request(Method::OPTIONS, url).body(content("")).unwrap();
            let mut open = Vec::new();
            for _ in 0..2 {
                let mut client = road.connect(&server, version).await;
                client.send(options()).await;
                open.push(client);
            }
            let mut late = road.connect(&server, version).await;
            let waiting = tokio::spawn(async move { late.send(options()).await });
            // Meanwhile, the open connections are served.
            for client in &mut open {
                assert_eq!(client.send(options()).await.status(), StatusCode::OK);
            }
            assert!(!waiting.is_finished(), "{kind:?} {version:?}");
            open.pop();
            let answer = waiting.await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{kind:?} {version:?}");
        }
    }
}
