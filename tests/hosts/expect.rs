//! `Expect: 100-continue` over HTTP/1.1 and a socket.

use std::net::SocketAddr;

use tower_tus::Stack;

use crate::host;
use crate::raw::Http1;
use crate::table::uploads;

/// Sends a request head that asks for permission to send five bytes.
async fn ask(address: SocketAddr, line: &str, header: (&'static str, &str)) -> Http1 {
    let mut client = Http1::connect(address).await;
    let headers = [
        header,
        ("Content-Type", "application/offset+octet-stream"),
        ("Content-Length", "5"),
        ("Expect", "100-continue"),
    ];
    let headers = headers.map(|(name, value)| (name, value.to_owned()));
    client.head(line, &headers).await;
    client
}

/// Returns the status of the next response.
async fn status(client: &mut Http1) -> String {
    let answer = client.answer().await;
    answer.split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn cwu_07_a_refusal_comes_without_a_word_to_go_on() {
    for host in host::all() {
        let peer = host.host(Stack::new(uploads().await));
        let Some(address) = peer.http_1() else {
            continue;
        };
        for (line, header, refusal) in [
            ("POST /files/", ("Upload-Length", "x"), "400"),
            ("PATCH /files/missing", ("Upload-Offset", "0"), "404"),
            ("PUT /files/part", ("Upload-Offset", "5"), "405"),
            ("PATCH /files/part", ("Upload-Offset", "4"), "409"),
            ("POST /files/", ("Upload-Length", "4"), "413"),
        ] {
            let mut client = ask(address, line, header).await;
            assert_eq!(status(&mut client).await, refusal, "{host}: {line}");
        }
    }
}

#[tokio::test]
async fn cwu_07_what_is_taken_is_asked_for_first() {
    for host in host::all() {
        let peer = host.host(Stack::new(uploads().await));
        let Some(address) = peer.http_1() else {
            continue;
        };
        for (line, header, success) in [
            ("PATCH /files/part", ("Upload-Offset", "5"), "204"),
            ("POST /files/", ("Upload-Length", "5"), "201"),
        ] {
            let mut client = ask(address, line, header).await;
            assert_eq!(status(&mut client).await, "100", "{host}: {line}");
            client.send(b"hello").await;
            assert_eq!(status(&mut client).await, success, "{host}: {line}");
        }
    }
}
