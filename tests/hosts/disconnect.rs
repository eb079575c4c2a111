//! Clients that disconnect in the middle of a body, on every host.

use axum::Router;
use bytes::Bytes;
use h2::{Ping, Reason};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower::service_fn;
use tower_tus::layers::protocol::{Body, BoxError, Error};

use crate::host::{Peer, hosted, routed};
use crate::patient;
use crate::raw::{Ends, Http1, Http2};
use crate::tus::Version;

/// Reads a body until it fails, even if nobody waits for the response, and
/// reports the error.
async fn read<B>(body: B, errors: UnboundedSender<Error>) -> Response<axum::body::Body>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut body = Body::new(body);
    let reading = tokio::spawn(async move {
        while let Some(frame) = body.frame().await {
            if let Err(error) = frame {
                errors.send(error).unwrap();
            }
        }
    });
    reading.await.unwrap();
    Response::default()
}

/// Returns hosts that read request bodies, with the errors that they encounter.
fn hosts(version: Version) -> Vec<(&'static str, Peer, UnboundedReceiver<Error>)> {
    let (errors, met) = unbounded_channel();
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = read(request.into_body(), errors.clone());
        async move { Ok(answer.await) }
    });
    let mut hosts = vec![("hyper", hosted(service, version), met)];
    for index in 0..2 {
        let (errors, met) = unbounded_channel();
        let handler = move |body: axum::body::Body| read(body, errors.clone());
        let router = Router::new().fallback(handler);
        let (name, peer) = routed(&router, version).into_iter().nth(index).unwrap();
        hosts.push((name, peer, met));
    }
    hosts
}

const UNEXPECTED_EOF: &[&str] = &["ERR_UNEXPECTED_EOF"];
/// Depends on the kernel.
const GONE: &[&str] = &["ERR_CONNECTION_RESET", "ERR_UNEXPECTED_EOF"];

async fn meets(name: &str, met: &mut UnboundedReceiver<Error>, codes: &[&str]) {
    let error = patient(met.recv()).await.unwrap();
    assert!(codes.contains(&error.code()), "{name}: {error:?}");
    assert!(error.is_interruption(), "{name}: {error:?}");
}

#[tokio::test]
async fn a_client_that_closes_its_connection_is_a_disconnect_in_http_1() {
    let length = ("Content-Length", "10".to_owned());
    let chunked = ("Transfer-Encoding", "chunked".to_owned());
    for (framing, bytes) in [(length, "hello"), (chunked, "5\r\nhello\r\n")] {
        for (name, peer, mut met) in hosts(Version::Http1) {
            for leave in [Http1::fin, Http1::rst] {
                let address = peer.address().unwrap();
                let mut client = Http1::connect(address).await;
                client.head("PATCH /", std::slice::from_ref(&framing)).await;
                client.send(bytes.as_bytes()).await;
                leave(client);
                meets(name, &mut met, GONE).await;
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_resets_its_stream_is_a_disconnect_in_http_2() {
    for (name, peer, mut met) in hosts(Version::Http2) {
        for reason in [Reason::CANCEL, Reason::INTERNAL_ERROR] {
            let mut client = Http2::connect(peer.address().unwrap()).await;
            let request = Request::patch("http://tus/").body(()).unwrap();
            let mut stream = client.begin(request, Ends::Later).await;
            stream.send(Bytes::from("hello"), Ends::Later).await;
            client.is_heard().await;
            stream.reset(reason);
            meets(name, &mut met, UNEXPECTED_EOF).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_closes_its_connection_is_a_disconnect_in_http_2() {
    for (name, peer, mut met) in hosts(Version::Http2) {
        let socket = tokio::net::TcpStream::connect(peer.address().unwrap());
        let handshake = h2::client::handshake(socket.await.unwrap());
        let (mut client, mut connection) = handshake.await.unwrap();
        let mut pings = connection.ping_pong().unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::patch("http://tus/").body(()).unwrap();
        let (_answer, mut body) = client.send_request(request, false).unwrap();
        body.send_data(Bytes::from("hello"), false).unwrap();
        // The pong shows that the server has seen the request.
        patient(pings.ping(Ping::opaque())).await.unwrap();
        connection.abort();
        meets(name, &mut met, UNEXPECTED_EOF).await;
    }
}
