//! Several servers over one bucket, each with a gateway of its own.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, StatusCode};
use tokio::time::sleep;

use super::harness::gateway::Gateway;
use super::harness::tus::{Answer, code, patch, request, streamed};
use super::harness::{Server, Signal};
use super::{append, at, bytes, client, id};

const MIB: usize = 1 << 20;
/// Parts, a piece that fills none, and some bytes inside the state.
const LENGTH: usize = 12 * MIB + 100_000;

/// Sends the file slowly, in frames of 64 KiB, and returns the response.
async fn send_slowly(server: &Server, url: &str, from: usize) -> Option<Answer> {
    let frames = (from..LENGTH).step_by(64 << 10);
    let frames = stream::iter(frames).then(|at| async move {
        sleep(Duration::from_millis(5)).await;
        Bytes::from(bytes(at, (at + (64 << 10)).min(LENGTH)))
    });
    let request = patch(&at(server, url), from as u64).body(streamed(frames));
    client(server).try_send(request.unwrap()).await
}

/// Sends the rest, and checks that the bytes are those of the file.
async fn finish(server: &Server, gateway: &Gateway, url: &str) {
    let offset = client(server).offset(&at(server, url)).await;
    let from = usize::try_from(offset).unwrap();
    let answer = append(server, url, from, LENGTH).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    check(gateway, url);
}

fn check(gateway: &Gateway, url: &str) {
    let stored = gateway.bytes(id(url)).unwrap();
    assert!(stored == bytes(0, LENGTH), "other bytes");
}

/// Checks that nothing is left but the upload.
fn check_keys(gateway: &Gateway, url: &str) {
    let info = format!("{}.info", id(url));
    assert_eq!(gateway.keys(), [id(url).to_owned(), info]);
}

#[tokio::test]
async fn an_upload_goes_on_at_another_server() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let a = Server::start_over(&gateway, &[]).await;
    let another = gateway.another().await;
    let b = Server::start_over(&another, &[]).await;
    let url = client(&a).create(LENGTH as u64).await;
    let steps = [0, 1_000, 100_000, 6 * MIB, 9 * MIB, 11 * MIB];
    for (step, server) in steps.windows(2).zip([&a, &b, &a, &b, &a]) {
        let answer = append(server, &url, step[0], step[1]).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "CORE-25");
    }
    finish(&b, &gateway, &url).await;
    check_keys(&gateway, &url);
    assert_eq!(
        client(&a).offset(&at(&a, &url)).await,
        LENGTH as u64,
        "CORE-10"
    );
}

#[tokio::test]
async fn a_head_at_another_server_ends_the_writer_and_every_byte_is_kept() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let a = Server::start_over(&gateway, &[]).await;
    let another = gateway.another().await;
    let b = Server::start_over(&another, &[]).await;
    let url = client(&a).create(LENGTH as u64).await;
    let look = async {
        sleep(Duration::from_millis(600)).await;
        client(&b).offset(&at(&b, &url)).await
    };
    let (answer, offset) = tokio::join!(send_slowly(&a, &url, 0), look);
    let answer = answer.expect("the writer is told");
    assert_eq!(code(&answer), "ERR_UPLOAD_INTERRUPTED");
    assert!(offset > 1_000_000, "{offset}");
    assert_eq!(client(&a).offset(&at(&a, &url)).await, offset);
    finish(&b, &gateway, &url).await;
    check_keys(&gateway, &url);
}

#[tokio::test]
async fn an_upload_goes_on_when_its_server_is_killed_or_stopped() {
    for signal in [Signal::KILL, Signal::STOP] {
        let Some(gateway) = Gateway::start().await else {
            return;
        };
        let a = Server::start_over(&gateway, &[]).await;
        let another = gateway.another().await;
        let b = Server::start_over(&another, &[]).await;
        let url = client(&a).create(LENGTH as u64).await;
        let first = append(&a, &url, 0, MIB).await;
        assert_eq!(first.status(), StatusCode::NO_CONTENT);
        let end = async {
            sleep(Duration::from_millis(700)).await;
            a.signal(signal);
        };
        tokio::select! {
            _ = send_slowly(&a, &url, MIB) => {}
            () = async { end.await; sleep(Duration::from_millis(100)).await } => {}
        }
        let offset = client(&b).offset(&at(&b, &url)).await;
        assert!(offset >= MIB as u64, "{offset} was answered before");
        finish(&b, &gateway, &url).await;
        if signal == Signal::STOP {
            // What it does from now on changes nothing.
            a.signal(Signal::CONT);
            sleep(Duration::from_millis(500)).await;
            check(&gateway, &url);
        }
    }
}

#[tokio::test]
async fn a_termination_at_one_server_is_known_at_another() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let a = Server::start_over(&gateway, &["-s3-object-prefix=up"]).await;
    let another = gateway.another().await;
    let b = Server::start_over(&another, &["-s3-object-prefix=up/"]).await;
    let url = client(&a).create(LENGTH as u64).await;
    append(&b, &url, 0, 9 * MIB).await;
    let delete = request(Method::DELETE, &at(&b, &url));
    let answer = client(&b).ask(delete).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT, "TERM-03");
    let found = client(&a).head(&at(&a, &url)).await;
    assert_eq!(found.status(), StatusCode::NOT_FOUND, "TERM-04");
    assert!(gateway.is_empty("up"));
}
