//! Bodies that must be empty, and how the core detects it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::request::{Builder, Parts};
use http::{Request, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::oneshot;
use tower::{Layer, ServiceExt};

use super::{chunked, code, create, empty, patch, send};
use crate::gate::Gate;
use crate::gate::GateLayer;
use crate::protocol::{Body, Error, NewUpload};
use crate::service::Core;
use crate::store::MemoryStore;

/// Header of a creation: a length of five bytes, a length of none, a deferred
/// length.
const LENGTHS: [(&str, &str); 3] = [
    ("Upload-Length", "5"),
    ("Upload-Length", "0"),
    ("Upload-Defer-Length", "1"),
];

fn post((name, value): (&str, &str)) -> Builder {
    Request::post("/").header(name, value)
}

/// A body that ends when its sender is dropped, without a size hint.
fn waiting() -> (oneshot::Sender<()>, Body) {
    let (sender, receiver) = oneshot::channel::<()>();
    let ended = stream::unfold(Some(receiver), async |receiver| {
        drop(receiver?.await);
        None::<(Result<Frame<Bytes>, Error>, _)>
    });
    (sender, Body::new(StreamBody::new(Box::pin(ended))))
}

/// A gate that counts its calls.
#[derive(Clone, Debug, Default)]
struct Counting(Arc<AtomicU32>);

#[async_trait]
impl Gate for Counting {
    async fn creating(&self, _: &Parts, _: &mut NewUpload) -> Result<(), Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn cre_14_a_creation_whose_body_ends_without_bytes_is_made() {
    for length in LENGTHS {
        for content_type in [None, Some("text/plain"), Some("application/octet-stream")] {
            for frames in [&[][..], &[""], &["", ""]] {
                let store = MemoryStore::default();
                let request = content_type
                    .iter()
                    .fold(post(length), |it, value| it.header("Content-Type", *value));
                let request = request.body(chunked(frames)).unwrap();
                let response = send(&store, request).await;
                assert_eq!(response.status(), StatusCode::CREATED, "{length:?}");
            }
        }
    }
}

#[tokio::test]
async fn amb_08_bytes_in_a_later_frame_are_refused_and_nobody_is_asked() {
    for length in LENGTHS {
        let (store, gate) = (MemoryStore::default(), Counting::default());
        let service = GateLayer::new(gate.clone()).layer(Core::new(store.clone()));
        let request = post(length).body(chunked(&["", "", "x"])).unwrap();
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(code(&response), "ERR_INVALID_CONTENT_TYPE", "{length:?}");
        assert_eq!(gate.0.load(Ordering::SeqCst), 0);
        assert_eq!(format!("{store:?}"), "MemoryStore { uploads: 0 }");
    }
}

#[tokio::test]
async fn nobody_is_asked_and_nothing_made_before_the_end_of_the_body_has_come() {
    let (store, gate) = (MemoryStore::default(), Counting::default());
    let service = GateLayer::new(gate.clone()).layer(Core::new(store.clone()));
    let (end, body) = waiting();
    let mut response = pin!(service.oneshot(post(LENGTHS[0]).body(body).unwrap()));
    poll_fn(|cx| {
        assert!(response.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    assert_eq!(gate.0.load(Ordering::SeqCst), 0);
    assert_eq!(format!("{store:?}"), "MemoryStore { uploads: 0 }");

    drop(end);
    assert_eq!(response.await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(gate.0.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_creation_whose_body_breaks_off_before_its_end_makes_nothing() {
    let store = MemoryStore::default();
    for error in [
        Error::UnexpectedEof(None),
        Error::ReadTimeout,
        Error::Shutdown,
    ] {
        let expected = error.code();
        let frames = [Ok(Frame::data(Bytes::new())), Err(error)];
        let body = Body::new(StreamBody::new(stream::iter(frames)));
        let response = send(&store, post(LENGTHS[0]).body(body).unwrap()).await;
        assert_eq!(code(&response), expected);
    }
    assert_eq!(format!("{store:?}"), "MemoryStore { uploads: 0 }");
}

#[tokio::test]
async fn a_content_length_of_0_spares_the_wait() {
    let store = MemoryStore::default();
    for length in LENGTHS {
        let (_open, body) = waiting();
        let request = post(length).header("Content-Length", "0");
        let response = send(&store, request.body(body).unwrap()).await;
        assert_eq!(response.status(), StatusCode::CREATED, "{length:?}");
    }
    let id = create(&store, 0).await;
    let (_open, body) = waiting();
    let request = patch(&id, "0").header("Content-Length", "0");
    let response = send(&store, request.body(body).unwrap()).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT, "AMB-04");
}

#[tokio::test]
async fn a_lenient_core_waits_for_no_end_of_bytes_that_it_ignores() {
    let core = Core::new(MemoryStore::default()).lenient();
    let (_open, body) = waiting();
    let request = post(LENGTHS[0]).header("Content-Type", "text/plain");
    let response = core.oneshot(request.body(body).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn what_the_head_tells_is_refused_before_the_body_is_polled() {
    let store = MemoryStore::default();
    let untouchable = || {
        let frames = stream::poll_fn(|_| -> Poll<Option<Result<Frame<Bytes>, Error>>> {
            panic!("the body was polled")
        });
        Body::new(StreamBody::new(frames))
    };
    for (request, expected) in [
        (post(("Upload-Length", "x")), "ERR_INVALID_UPLOAD_LENGTH"),
        (
            post(LENGTHS[0]).header("Upload-Metadata", "a !"),
            "ERR_INVALID_METADATA",
        ),
    ] {
        let response = send(&store, request.body(untouchable()).unwrap()).await;
        assert_eq!(code(&response), expected);
    }
    // A request without a body, like in HTTP/1.1.
    let response = send(&store, empty(post(LENGTHS[0]))).await;
    assert_eq!(response.status(), StatusCode::CREATED);
}
