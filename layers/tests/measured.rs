//! Metrics inside Detach: a request is counted even if its client has gone.

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;
use metrics::with_local_recorder;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::sync::mpsc;
use tower::{Service, ServiceBuilder};
use tower_tus_layers::detach::DetachLayer;
use tower_tus_layers::metrics::MetricsLayer;
use tower_tus_layers::protocol::{Body, Error, Length, Metadata, NewUpload, Shutdown};
use tower_tus_layers::service::Core;
use tower_tus_layers::store::{MemoryStore, Store};

/// Returns the counters above 0, by name and last label.
fn counted(seen: &Snapshotter) -> Vec<(String, u64)> {
    let metrics = seen.snapshot().into_vec().into_iter();
    let counters = metrics.filter_map(|(key, _, _, value)| {
        let key = key.key();
        let label = key.labels().last().map_or("", |label| label.value());
        match value {
            DebugValue::Counter(value) if value > 0 => {
                Some((format!("{} {label}", key.name()), value))
            }
            _ => None,
        }
    });
    let mut counters: Vec<_> = counters.collect();
    counters.sort_unstable();
    counters
}

#[tokio::test]
async fn the_bytes_and_the_error_of_a_client_that_has_gone_are_counted() {
    let store = MemoryStore::default();
    let new = NewUpload::new(Some(Length::from(10)), Metadata::default());
    let upload = store.create(new).await.unwrap();
    let id = upload.info().id.clone();

    let recorder = DebuggingRecorder::new();
    let metrics = with_local_recorder(&recorder, MetricsLayer::new);
    let shutdown = Shutdown::default();
    let mut service = ServiceBuilder::new()
        .layer(DetachLayer::new().shutdown(shutdown.clone()))
        .layer(metrics)
        .service(Core::new(store));

    let (client, frames) = mpsc::unbounded_channel::<Result<_, Error>>();
    let body = stream::unfold(frames, |mut frames| async {
        frames.recv().await.map(|frame| (frame, frames))
    });
    let request = Request::patch(format!("/{id}"))
        .header("Upload-Offset", "0")
        .header("Content-Type", "application/offset+octet-stream")
        .body(Body::new(StreamBody::new(Box::pin(body))))
        .unwrap();
    let answer = service.call(request);
    client.send(Ok(Frame::data(Bytes::from("hello")))).unwrap();
    // The host drops the request, and its body fails.
    drop(answer);
    client.send(Err(Error::UnexpectedEof(None))).unwrap();
    shutdown.drained().await;

    let expected = [
        ("tus_bytes_received ", 5),
        ("tus_errors_total ERR_UNEXPECTED_EOF", 1),
        ("tus_requests_total PATCH", 1),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(counted(&recorder.snapshotter()), expected);
}
