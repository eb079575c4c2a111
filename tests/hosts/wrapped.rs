//! A stack behind foreign layers whose bodies do not report their end in
//! advance.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::request::Builder;
use http::{Method, Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::Incoming;
use tower::{ServiceBuilder, ServiceExt};
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutBody, TimeoutError};
use tower_tus::layers::protocol::{Body, Concat, Error, Length, Metadata, NewUpload, Role};
use tower_tus::layers::store::Store;
use tower_tus::{Stack, TusService};

use crate::host::{Peer, hosted};
use crate::table::uploads;
use crate::tus::{Answer, Content, Version, chunked, content, patch, request};

const LONG: Duration = Duration::from_secs(60);

/// Rebuilds a body from the frames of another one, like many layers do.
fn from_stream(body: Incoming) -> StreamBody<BodyStream<Incoming>> {
    StreamBody::new(BodyStream::new(body))
}

/// Rebuilds a body from its data frames only.
fn from_data(
    body: Incoming,
) -> StreamBody<impl futures_util::Stream<Item = Result<Frame<Bytes>, hyper::Error>>> {
    StreamBody::new(body.into_data_stream().map(|data| data.map(Frame::data)))
}

/// Returns a stack with two finished partial uploads in addition to the usual
/// uploads.
async fn service() -> TusService {
    let store = uploads().await;
    for id in ["left", "right"] {
        let mut new = NewUpload::new(Some(Length::from(0)), Metadata::EMPTY);
        new.id = id.parse().unwrap();
        let role = Role::Partial { awaited_by: vec![] };
        new.concat = Some(Concat::new(role, None));
        store.create(new).await.unwrap();
    }
    Stack::new(store).into_service()
}

/// Returns the stack behind each of these layers, over both HTTP versions.
async fn peers() -> Vec<(String, Peer)> {
    let mut peers = Vec::new();
    for version in [Version::Http1, Version::Http2] {
        for (name, start) in WRAPPERS {
            let service = service().await;
            peers.push((format!("{name} in {version:?}"), start(service, version)));
        }
    }
    peers
}

type Start = fn(TusService, Version) -> Peer;

const WRAPPERS: [(&str, Start); 5] = [
    ("a body with a timeout", |service, version| {
        let layer = RequestBodyTimeoutLayer::new(LONG);
        hosted(ServiceBuilder::new().layer(layer).service(service), version)
    }),
    ("a body that may be compressed", |service, version| {
        let layer = RequestDecompressionLayer::new();
        hosted(ServiceBuilder::new().layer(layer).service(service), version)
    }),
    ("both", |service, version| {
        let service = ServiceBuilder::new()
            .layer(RequestBodyTimeoutLayer::new(LONG))
            .layer(RequestDecompressionLayer::new())
            .service(service);
        hosted(service, version)
    }),
    ("a body made of frames", |service, version| {
        let wrap = |request: Request<Incoming>| request.map(from_stream);
        hosted(service.map_request(wrap), version)
    }),
    ("a body made of data", |service, version| {
        let wrap = |request: Request<Incoming>| request.map(from_data);
        hosted(service.map_request(wrap), version)
    }),
];

fn post() -> Builder {
    request(Method::POST, "/files/")
}

/// Creations without bytes.
fn creations() -> Vec<Builder> {
    vec![
        post().header("Upload-Length", 5),
        post().header("Upload-Length", 0),
        post().header("Upload-Defer-Length", 1),
        post()
            .header("Upload-Length", 5)
            .header("Content-Type", "text/plain"),
        post()
            .header("Upload-Length", 5)
            .header("Content-Type", "application/offset+octet-stream"),
        post()
            .header("Upload-Length", 5)
            .header("Upload-Concat", "partial"),
        post().header("Upload-Concat", "final;/files/left /files/right"),
    ]
}

async fn send(peer: &Peer, request: Builder, body: Content) -> Answer {
    peer.send(request.body(body).unwrap()).await
}

#[tokio::test]
async fn a_creation_without_bytes_is_made_behind_layers_of_others() {
    for (name, peer) in peers().await {
        for creation in creations() {
            let what = format!("{name}: {:?}", creation.headers_ref());
            let answer = send(&peer, creation, content("")).await;
            assert_eq!(answer.status(), StatusCode::CREATED, "{what}");
        }
        for creation in creations() {
            let what = format!("{name}: {:?}", creation.headers_ref());
            let answer = send(&peer, creation, chunked(&[])).await;
            assert_eq!(answer.status(), StatusCode::CREATED, "{what} in chunks");
        }
        for creation in creations() {
            let what = format!("{name}: {:?}", creation.headers_ref());
            let creation = creation.header("Content-Length", 0);
            let answer = send(&peer, creation, chunked(&[])).await;
            assert_eq!(answer.status(), StatusCode::CREATED, "{what} of length 0");
        }
    }
}

#[tokio::test]
async fn amb_08_bytes_of_another_type_are_refused_behind_layers_of_others() {
    for (name, peer) in peers().await {
        for body in [content("x"), chunked(&["x"])] {
            let request = post().header("Upload-Length", 5);
            let answer = send(&peer, request, body).await;
            assert_eq!(
                answer.status(),
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn bytes_are_stored_behind_layers_of_others() {
    for (name, peer) in peers().await {
        for (offset, body, status) in [
            (5, content("wor"), StatusCode::NO_CONTENT),
            (8, chunked(&["l", "d"]), StatusCode::NO_CONTENT),
            (10, content(""), StatusCode::NO_CONTENT),
            (10, chunked(&[]), StatusCode::NO_CONTENT),
            (10, chunked(&["x"]), StatusCode::PAYLOAD_TOO_LARGE),
            (10, content("x"), StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let answer = send(&peer, patch("/files/part", offset), body).await;
            assert_eq!(answer.status(), status, "{name}: at {offset}");
        }
        let get = request(Method::GET, "/files/part");
        let answer = send(&peer, get, content("")).await;
        assert_eq!(answer.body(), "helloworld", "{name}");
    }
}

#[tokio::test]
async fn more_bytes_than_another_layer_lets_pass_are_413_and_the_first_are_kept() {
    for version in [Version::Http1, Version::Http2] {
        let layer = RequestBodyLimitLayer::new(3);
        let service = ServiceBuilder::new().layer(layer).service(service().await);
        let peer = hosted(service, version);
        let body = chunked(&["wor", "ld"]);
        let answer = send(&peer, patch("/files/part", 5), body).await;
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(
            answer.body(),
            "ERR_MAX_SIZE_EXCEEDED: maximum size exceeded\n"
        );
        let head = request(Method::HEAD, "/files/part");
        let answer = send(&peer, head, content("")).await;
        assert_eq!(answer.headers()["upload-offset"], "8");
    }
}

/// Starts a service behind a short timeout, whose error `name` may recognize.
async fn behind_a_timeout<F>(name: F, version: Version) -> Peer
where
    F: Fn(&(dyn std::error::Error + 'static)) -> Option<Error> + Copy + Send + 'static,
{
    let erase = move |request: Request<TimeoutBody<Incoming>>| {
        request.map(|body| Body::new_with(body, name))
    };
    let service = ServiceBuilder::new()
        .layer(RequestBodyTimeoutLayer::new(Duration::from_millis(50)))
        .map_request(erase)
        .service(service().await);
    hosted(service, version)
}

async fn stalled(peer: &Peer) -> Answer {
    let nothing_comes = BodyExt::boxed(StreamBody::new(stream::pending()));
    send(peer, patch("/files/part", 5), nothing_comes).await
}

#[tokio::test]
async fn a_timeout_of_another_layer_is_a_500_and_one_of_ours_when_it_is_named() {
    let name = |error: &(dyn std::error::Error + 'static)| {
        error.is::<TimeoutError>().then_some(Error::ReadTimeout)
    };
    for version in [Version::Http1, Version::Http2] {
        let answer = stalled(&behind_a_timeout(|_| None, version).await).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let text = "ERR_BODY_READ: failed to read the request body\n";
        assert_eq!(answer.body(), text);

        let answer = stalled(&behind_a_timeout(name, version).await).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let text = "ERR_READ_TIMEOUT: timeout while reading request body\n";
        assert_eq!(answer.body(), text);
    }
}

/// The empty string, compressed with gzip.
const NOTHING: &[u8] = &[
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

#[tokio::test]
async fn a_length_that_a_layer_has_changed_is_not_gone_by() {
    for version in [Version::Http1, Version::Http2] {
        let layer = RequestDecompressionLayer::new();
        let service = service().await;
        let peer = hosted(ServiceBuilder::new().layer(layer).service(service), version);
        for creation in creations() {
            let what = format!("{:?}", creation.headers_ref());
            let creation = creation.header("Content-Encoding", "gzip");
            let answer = send(&peer, creation, content(NOTHING)).await;
            assert_eq!(answer.status(), StatusCode::CREATED, "{version:?}: {what}");
        }
    }
}
