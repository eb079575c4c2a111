//! Clients that connect and send nothing.

use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::patient;
use crate::harness::tus::{content, request};
use crate::road::{KINDS, Kind, Road, VERSIONS};

#[tokio::test]
async fn a_handshake_that_stalls_is_cut_and_holds_nobody_up() {
    let road = Road::new(Kind::Tls);
    let server = road.start(&["-network-timeout=500ms"]).await;
    let mut stalled = Vec::new();
    // Nothing, and the beginning of a TLS hello.
    for begin in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut client = server.connect().await;
        client.write_all(begin).await.unwrap();
        stalled.push(client);
    }
    for version in VERSIONS {
        let mut client = road.connect(&server, version).await;
        let options = request(Method::OPTIONS, road.url());
        client.send(options.body(content("")).unwrap()).await;
    }
    for mut client in stalled {
        let mut said = Vec::new();
        patient(client.read_to_end(&mut said)).await.unwrap();
        assert!(said.is_empty(), "{said:?}");
    }
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    for kind in KINDS {
        let road = Road::new(kind);
        let server = road.start(&["-network-timeout=200ms"]).await;
        for version in VERSIONS {
            let mut client = road.connect(&server, version).await;
            let options = request(Method::OPTIONS, road.url());
            client.send(options.body(content("")).unwrap()).await;
            client.closed().await;
        }
    }
}
