//! `Expect: 100-continue`: clients that wait for permission to send the body.

use crate::harness::Server;
use crate::harness::raw::Http1;

const TYPE: (&str, &str) = ("Content-Type", "application/offset+octet-stream");

async fn ask(client: &mut Http1, line: &str, headers: &[(&'static str, &str)]) -> String {
    let mut headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    headers.push(("Expect", "100-continue".to_owned()));
    client.head(line, &headers).await;
    client.answer().await
}

#[tokio::test]
async fn cwu_07_a_refusal_comes_without_a_word_to_go_on() {
    let server = Server::start(&[]).await;
    for (line, headers, status) in [
        (
            "POST /files/",
            vec![TYPE, ("Upload-Length", "4"), ("Content-Length", "5")],
            "413",
        ),
        (
            "POST /files/",
            vec![TYPE, ("Upload-Length", "x"), ("Content-Length", "5")],
            "400",
        ),
        (
            "POST /files/",
            vec![("Upload-Length", "5"), ("Content-Length", "5")],
            "415",
        ),
        (
            "PATCH /files/missing",
            vec![TYPE, ("Upload-Offset", "0"), ("Content-Length", "5")],
            "404",
        ),
    ] {
        let mut client = Http1::connect(server.address()).await;
        let answer = ask(&mut client, line, &headers).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{line}: {answer}"
        );
    }
}

#[tokio::test]
async fn cwu_07_what_is_taken_is_asked_for_first() {
    let server = Server::start(&[]).await;
    let mut client = Http1::connect(server.address()).await;
    let headers = [TYPE, ("Upload-Length", "5"), ("Content-Length", "5")];
    let answer = ask(&mut client, "POST /files/", &headers).await;
    assert_eq!(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(b"hello").await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.contains("\r\nUpload-Offset: 5\r\n"), "{answer}");
}
