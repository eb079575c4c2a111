use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::mpsc;
use tower::{Layer, ServiceExt, service_fn};

use super::{Events, EventsLayer, Subscription, Unfinished, UploadEvent};
use crate::context::{Context, Derived, Rollback, context};
use crate::protocol::{Body, FinishState, Interrupt, Outcome, Upload, UploadId};
use crate::service::Core;
use crate::store::{MemoryStore, WriteMode};

#[derive(Default)]
struct Scene {
    events: Events,
    store: MemoryStore,
}

impl Scene {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let layer = EventsLayer::new(self.events.clone());
        let service = layer.layer(Core::new(self.store.clone()));
        service.oneshot(request).await.unwrap()
    }

    /// Creates an upload and returns its path.
    async fn create(&self, length: u64) -> String {
        let request = Request::post("/").header("Upload-Length", length);
        let response = self.send(request.body(Body::default()).unwrap()).await;
        response.headers()["location"].to_str().unwrap().to_owned()
    }
}

fn append(path: &str, offset: u64) -> http::request::Builder {
    Request::patch(path)
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", offset)
}

/// A body that does not end before its sender is dropped.
fn slow() -> (mpsc::UnboundedSender<&'static str>, Body) {
    let (sender, mut texts) = mpsc::unbounded_channel();
    let frames = stream::poll_fn(move |cx| texts.poll_recv(cx));
    let frames = frames.map(|text: &str| Ok::<_, Infallible>(Frame::data(Bytes::from(text))));
    (sender, Body::new(StreamBody::new(frames)))
}

/// Returns the events that are there, as their kinds and offsets.
fn heard(subscription: &mut Subscription) -> Vec<String> {
    let mut heard = Vec::new();
    while let Some(Some(event)) = futures_util::FutureExt::now_or_never(subscription.next()) {
        let offset = event.upload().map(|upload| upload.offset);
        let kind = format!("{event:?}");
        let kind = kind.split('(').next().unwrap();
        heard.push(offset.map_or_else(|| format!("{event:?}"), |it| format!("{kind} {it}")));
    }
    heard
}

#[tokio::test]
async fn a_subscriber_hears_of_an_upload_from_its_beginning_to_its_end() {
    let scene = Scene::default();
    let mut subscription = scene.events.subscribe();
    let path = scene.create(11).await;
    assert_eq!(heard(&mut subscription), ["Created 0"]);

    scene
        .send(append(&path, 0).body("hello".into()).unwrap())
        .await;
    assert_eq!(heard(&mut subscription), ["Progress 5"]);

    scene
        .send(append(&path, 5).body(" world".into()).unwrap())
        .await;
    assert_eq!(heard(&mut subscription), ["Progress 11", "Finished 11"]);

    scene.send(append(&path, 3).body("?".into()).unwrap()).await;
    assert!(heard(&mut subscription).is_empty(), "it was refused");

    let delete = Request::delete(&path).body(Body::default()).unwrap();
    scene.send(delete).await;
    assert_eq!(heard(&mut subscription), ["Terminated 11"]);
}

#[tokio::test]
async fn an_upload_that_is_removed_for_its_age_is_expired_rather_than_terminated() {
    let scene = Scene::default();
    let path = scene.create(11).await;
    let mut subscription = scene.events.subscribe();
    let id: UploadId = path.trim_start_matches('/').parse().unwrap();
    let delete = Derived::Rollback(id, Rollback::Expired);
    let delete = delete.internal("/".parse().unwrap(), Interrupt::default());
    scene
        .send(Request::from_parts(delete, Body::default()))
        .await;
    assert_eq!(heard(&mut subscription), ["Expired 0"]);
}

#[tokio::test]
async fn what_a_request_did_to_other_uploads_is_told_after_its_own() {
    let service = service_fn(|_: Request<Body>| {
        let mut outcome = Outcome::new(Upload::new("part".parse().unwrap()));
        outcome.finished = true;
        let mut other = Outcome::new(Upload::new("final".parse().unwrap()));
        other.finished = true;
        outcome.merge(other);
        let mut response = Response::new(Body::default());
        response.extensions_mut().insert(outcome);
        ready(Ok::<_, Infallible>(response))
    });
    let events = Events::default();
    let mut subscription = events.subscribe();
    let service = EventsLayer::new(events).layer(service);
    service.oneshot(Request::default()).await.unwrap();
    for id in ["part", "final"] {
        let Some(UploadEvent::Finished(upload)) = subscription.next().await else {
            panic!("{id} is finished");
        };
        assert_eq!(upload.id.as_str(), id);
    }
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_once_per_interval_and_only_if_bytes_have_arrived() {
    let scene = Scene::default();
    let path = scene.create(100).await;
    let mut subscription = scene.events.subscribe();
    let (sender, body) = slow();
    let client = tokio::spawn(async move {
        // Half an interval later than the ticks.
        tokio::time::sleep(Duration::from_millis(500)).await;
        for text in ["hello", " ", "", "world"] {
            sender.send(text).unwrap();
            sender.send(text).unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    scene.send(append(&path, 0).body(body).unwrap()).await;
    client.await.unwrap();
    let expected = ["Progress 10", "Progress 12", "Progress 22"];
    assert_eq!(heard(&mut subscription), expected);
}

#[tokio::test(start_paused = true)]
async fn progress_of_a_chunk_that_may_be_rolled_back_is_told_at_its_end() {
    let scene = Scene::default();
    let path = scene.create(100).await;
    let mut subscription = scene.events.subscribe();
    let (sender, body) = slow();
    let client = tokio::spawn(async move {
        sender.send("hello").unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    let request = append(&path, 0).extension(context(|it| it.set_write_mode(WriteMode::Atomic)));
    scene.send(request.body(body).unwrap()).await;
    client.await.unwrap();
    assert_eq!(heard(&mut subscription), ["Progress 5"]);
}

#[tokio::test]
async fn nothing_is_counted_while_nobody_subscribes() {
    let seen = service_fn(|request: Request<Body>| {
        let gates = Context::of(request.extensions()).gates().count();
        let mut response = Response::new(Body::default());
        response.extensions_mut().insert(gates);
        ready(Ok::<_, Infallible>(response))
    });
    let events = Events::default();
    let service = EventsLayer::new(events.clone()).layer(seen);
    let gates = async || {
        let request = append("/a", 0).body(Body::default()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        *response.extensions().get::<usize>().unwrap()
    };
    assert_eq!(gates().await, 0);
    let subscription = events.subscribe();
    assert_eq!(gates().await, 1);
    drop(subscription);
    assert_eq!(gates().await, 0);
}

#[tokio::test]
async fn a_slow_subscriber_learns_how_much_it_has_missed() {
    let scene = Scene::default();
    let mut subscription = scene.events.subscribe();
    for _ in 0..1_024 + 7 {
        scene.create(1).await;
    }
    assert!(matches!(
        subscription.next().await,
        Some(UploadEvent::Missed(7))
    ));
    for _ in 0..1_024 {
        assert!(matches!(
            subscription.next().await,
            Some(UploadEvent::Created(_))
        ));
    }
    assert!(heard(&mut subscription).is_empty());
}

#[tokio::test]
async fn a_subscription_ends_with_the_stack() {
    let scene = Scene::default();
    let mut subscription = scene.events.subscribe();
    scene.create(1).await;
    drop(scene);
    assert!(matches!(
        subscription.next().await,
        Some(UploadEvent::Created(_))
    ));
    assert!(subscription.next().await.is_none());
}

/// Returns the ids of the uploads that were reported as unfinished.
fn left(unfinished: &mut Unfinished) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(upload) = futures_util::FutureExt::now_or_never(unfinished.next()) {
        ids.push(upload.id.to_string());
    }
    ids
}

/// Returns a complete upload that is in this state.
fn complete(id: &str, finishing: FinishState) -> Outcome {
    let mut upload = Upload::new(id.parse().unwrap());
    upload.length = Some(0.into());
    upload.finishing = Some(finishing);
    Outcome::new(upload)
}

#[tokio::test]
async fn complete_uploads_that_a_request_leaves_unfinished_are_told_to_the_server() {
    let pending = FinishState::Pending { attempts: 1 };
    let mut outcome = complete("part", FinishState::Done);
    outcome.merge(complete("final", pending));
    let mut terminated = complete("terminated", pending);
    terminated.terminated = true;
    outcome.merge(terminated);
    outcome.merge(complete("failed", FinishState::Failed));
    let mut receiving = complete("receiving", pending);
    receiving.upload.length = None;
    outcome.merge(receiving);

    let events = Events::default();
    let mut unfinished = events.unfinished();
    let service = service_fn(move |_: Request<Body>| {
        let mut response = Response::new(Body::default());
        response.extensions_mut().insert(outcome.clone());
        ready(Ok::<_, Infallible>(response))
    });
    let service = EventsLayer::new(events.clone()).layer(service);
    let patch = append("/part", 0).body(Body::default()).unwrap();
    service.clone().oneshot(patch).await.unwrap();
    assert_eq!(left(&mut unfinished), ["final"]);

    // The server knows what it has left itself.
    let own = Derived::Head(None).internal("/".parse().unwrap(), Interrupt::default());
    let own = Request::from_parts(own, Body::default());
    service.oneshot(own).await.unwrap();
    assert!(left(&mut unfinished).is_empty());
}

#[tokio::test]
async fn the_oldest_of_too_many_unfinished_uploads_are_missed() {
    let events = Events::default();
    let mut unfinished = events.unfinished();
    for number in 0..300 {
        let outcome = complete(&number.to_string(), FinishState::Pending { attempts: 0 });
        events.tell_unfinished(&outcome);
    }
    for number in 44..300 {
        assert_eq!(unfinished.next().await.id.as_str(), number.to_string());
    }
}
