//! Clients that close their half of an HTTP/1 connection and wait for the
//! response.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::tus::Version;
use crate::harness::{Server, patient};
use crate::road::{Io, KINDS, Road};

async fn send(client: &mut Box<dyn Io>, line: &str, rest: &str) {
    let request = format!("{line} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n{rest}");
    patient(client.write_all(request.as_bytes())).await.unwrap();
}

async fn to_its_end(client: &mut Box<dyn Io>) -> String {
    let mut answer = String::new();
    patient(client.read_to_string(&mut answer)).await.unwrap();
    answer
}

/// Sends a request, closes the sending side, and returns the response.
async fn last_answer(road: &Road, server: &Server, line: &str, rest: &str) -> String {
    let mut client = road.io(server, Version::Http1).await;
    send(&mut client, line, rest).await;
    patient(client.shutdown()).await.unwrap();
    to_its_end(&mut client).await
}

fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let mut lines = answer.lines();
    let value = lines.find_map(|line| line.strip_prefix(&prefix));
    value.unwrap_or_else(|| panic!("no {name} in {answer}"))
}

#[tokio::test]
async fn a_whole_request_before_it_is_answered_and_its_bytes_are_stored() {
    for kind in KINDS {
        let road = Road::new(kind);
        let server = road.start(&[]).await;
        for round in 0..8 {
            let answer = last_answer(&road, &server, "POST /files/", "Upload-Length: 5\r\n\r\n");
            let answer = answer.await;
            assert!(
                answer.starts_with("HTTP/1.1 201 "),
                "{kind:?} {round}: {answer}"
            );
            let path = header(&answer, "Location")
                .rsplit_once("localhost")
                .unwrap()
                .1;
            let bytes = "Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n\
                         Content-Length: 5\r\n\r\nhello";
            let answer = last_answer(&road, &server, &format!("PATCH {path}"), bytes).await;
            assert!(
                answer.starts_with("HTTP/1.1 204 "),
                "{kind:?} {round}: {answer}"
            );
            let answer = last_answer(&road, &server, &format!("HEAD {path}"), "\r\n").await;
            assert_eq!(header(&answer, "Upload-Offset"), "5");
        }
    }
}

#[tokio::test]
async fn in_the_middle_of_a_body_it_is_the_end_of_the_client() {
    for kind in KINDS {
        let road = Road::new(kind);
        let server = road.start(&[]).await;
        let head = "Upload-Length: 10\r\nContent-Type: application/offset+octet-stream\r\n\
                    Content-Length: 10\r\n\r\nhello";
        let answer = last_answer(&road, &server, "POST /files/", head).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{kind:?}: {answer}");
        assert!(answer.contains("ERR_UNEXPECTED_EOF"), "{kind:?}: {answer}");
        let path = header(&answer, "Location")
            .rsplit_once("localhost")
            .unwrap()
            .1;
        let answer = last_answer(&road, &server, &format!("HEAD {path}"), "\r\n").await;
        assert_eq!(header(&answer, "Upload-Offset"), "5", "what came is kept");
    }
}

#[tokio::test]
async fn between_two_requests_it_ends_the_connection() {
    for kind in KINDS {
        let road = Road::new(kind);
        let server = road.start(&["-network-timeout=0"]).await;
        let mut client = road.io(&server, Version::Http1).await;
        send(&mut client, "HEAD /files/missing", "\r\n").await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(patient(client.read_u8()).await.unwrap());
        }
        patient(client.shutdown()).await.unwrap();
        assert_eq!(to_its_end(&mut client).await, "");
    }
}
