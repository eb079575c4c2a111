//! Authentication in front of uploads. Its clients send the whole body, whatever the
//! server answers meanwhile, and then read. Like curl, they give up when they cannot
//! send.

use std::future::poll_fn;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::Request as AxumRequest;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response as AxumResponse};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use tower::ServiceBuilder;
use tower_http::auth::AsyncRequireAuthorizationLayer;
use tower_http::validate_request::ValidateRequestHeaderLayer;
use tower_tus::layers::context::Context;
use tower_tus::layers::detach::DetachLayer;
use tower_tus::layers::into_body::IntoBodyLayer;
use tower_tus::layers::protocol::{Body, Rejection};
use tower_tus::layers::store::MemoryStore;
use tower_tus::{Stack, TusLayer, TusService};

use crate::host::{Peer, hosted};
use crate::patient;
use crate::raw::{Ends, Http1, Http2};
use crate::tus::{Version, patch, request};

/// More than the buffers of the sockets hold.
const BODY: usize = 8 << 20;

fn unauthorized<B: Default>() -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}

async fn refuse(_: AxumRequest, _: Next) -> AxumResponse {
    StatusCode::UNAUTHORIZED.into_response()
}

/// Has the stack answer, which reads the rest of the body after that.
async fn reject(mut request: AxumRequest, next: Next) -> AxumResponse {
    let unauthorized = Rejection::new(StatusCode::UNAUTHORIZED).with_code("ERR_UNAUTHORIZED");
    Context::of_mut(request.extensions_mut()).reject(unauthorized.into());
    next.run(request).await
}

type Start = fn(Version) -> Peer;

/// Each kind of authentication, inside Detach.
const IN_FRONT: [(&str, Start); 3] = [
    ("axum's from_fn", |version| {
        let layers = ServiceBuilder::new()
            .layer(IntoBodyLayer::around(DetachLayer::new()))
            .map_request(|request: Request<Body>| request.map(axum::body::Body::new))
            .layer(from_fn(refuse))
            .layer(TusLayer::new(MemoryStore::default()));
        hosted(Router::new().layer(layers), version)
    }),
    ("ValidateRequestHeader", |version| {
        let validate = |_: &mut Request<Body>| Err(unauthorized::<Body>());
        let service = ServiceBuilder::new()
            .layer(IntoBodyLayer::around(DetachLayer::new()))
            .layer(ValidateRequestHeaderLayer::custom(validate))
            .service(TusService::new(MemoryStore::default()));
        hosted(service, version)
    }),
    ("AsyncRequireAuthorization", |version| {
        let authorize = |_: Request<Body>| async {
            let refused: Result<Request<Body>, _> = Err(unauthorized::<Body>());
            refused
        };
        let service = ServiceBuilder::new()
            .layer(IntoBodyLayer::around(DetachLayer::new()))
            .layer(AsyncRequireAuthorizationLayer::new(authorize))
            .service(TusService::new(MemoryStore::default()));
        hosted(service, version)
    }),
];

/// Large bodies in different requests.
const REQUESTS: [(&str, Length); 3] = [
    ("POST", Length::Known),
    ("PATCH", Length::Known),
    ("PATCH", Length::Unknown),
];

#[derive(Clone, Copy, Debug)]
enum Length {
    Known,
    Unknown,
}

static PIECE: [u8; 64 << 10] = [0; 64 << 10];

async fn over_http_1(address: SocketAddr, method: &str, length: Length) -> Option<u16> {
    let mut client = Http1::connect(address).await;
    let framing = match length {
        Length::Known => ("Content-Length", BODY.to_string()),
        Length::Unknown => ("Transfer-Encoding", "chunked".to_owned()),
    };
    let content_type = "application/offset+octet-stream".to_owned();
    let headers = [
        framing,
        ("Upload-Offset", "0".to_owned()),
        ("Upload-Length", BODY.to_string()),
        ("Content-Type", content_type),
    ];
    let path = match method {
        "PATCH" => "/files/part",
        _ => "/files/",
    };
    client.head(&format!("{method} {path}"), &headers).await;
    for _ in 0..BODY / PIECE.len() {
        let piece = match length {
            Length::Known => PIECE.to_vec(),
            Length::Unknown => [b"10000\r\n", &PIECE[..], b"\r\n"].concat(),
        };
        client.try_send(&piece).await?;
    }
    if matches!(length, Length::Unknown) {
        client.try_send(b"0\r\n\r\n").await?;
    }
    Some(client.response().await?.status().as_u16())
}

async fn over_http_2(address: SocketAddr, method: &str, length: Length) -> Option<u16> {
    let mut client = Http2::connect(address).await;
    let url = format!("http://{address}/files/");
    let mut request = match method {
        "PATCH" => patch(&(url + "part"), 0),
        _ => request(Method::POST, &url).header("Upload-Length", BODY),
    };
    if matches!(length, Length::Known) {
        request = request.header("Content-Length", BODY);
    }
    let request = request.body(()).unwrap();
    let stream = client.begin(request, Ends::Later).await;
    let (answer, mut stream) = stream.split();
    let mut left = Bytes::from(vec![0; BODY]);
    while !left.is_empty() {
        stream.reserve_capacity(left.len());
        let room = patient(poll_fn(|cx| stream.poll_capacity(cx))).await;
        // A server that wants no more says so.
        let Some(Ok(room)) = room else { break };
        let piece = left.split_to(room.min(left.len()));
        drop(stream.send_data(piece, left.is_empty()));
    }
    Some(patient(answer).await.ok()?.status().as_u16())
}

async fn statuses(start: Start) -> Vec<Option<u16>> {
    let mut statuses = Vec::new();
    for (method, length) in REQUESTS {
        let peer = start(Version::Http1);
        let address = peer.address().unwrap();
        statuses.push(patient(over_http_1(address, method, length)).await);
        let peer = start(Version::Http2);
        let address = peer.address().unwrap();
        statuses.push(patient(over_http_2(address, method, length)).await);
    }
    statuses
}

#[tokio::test]
async fn no_401_in_front_is_lost_inside_detach() {
    for (name, start) in IN_FRONT {
        assert_eq!(statuses(start).await, [Some(401); 6], "{name}");
    }
}

#[tokio::test]
async fn no_401_before_the_lock_is_lost() {
    let start: Start = |version| {
        let validate = |_: &mut Request<Body>| Err(unauthorized::<Body>());
        let stack = Stack::new(MemoryStore::default())
            .layer_before_lock(ValidateRequestHeaderLayer::custom(validate));
        hosted(stack.into_service(), version)
    };
    assert_eq!(statuses(start).await, [Some(401); 6]);
}

#[tokio::test]
async fn no_401_is_lost_that_the_stack_answers() {
    let start: Start = |version| {
        let layers = ServiceBuilder::new()
            .layer(from_fn(reject))
            .layer(TusLayer::new(MemoryStore::default()));
        hosted(Router::new().layer(layers), version)
    };
    assert_eq!(statuses(start).await, [Some(401); 6]);
}
