//! The settings of a stack, and the places for a user's layers, without a
//! socket.

mod access;
mod evicting;
mod expiration;
mod over;
mod places;
mod settings;
mod uploads;

use bytes::Bytes;
use futures_util::stream;
use http::request::Builder;
use http::{Method, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::mpsc;
use tower::ServiceExt;
use tower_tus::{Body, Error, TusService};

fn request(method: Method, url: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(url)
        .header("Tus-Resumable", "1.0.0")
}

fn creation() -> Builder {
    request(Method::POST, "/files/").header("Upload-Length", "5")
}

fn append(url: &str) -> Builder {
    request(Method::PATCH, url)
        .header("Upload-Offset", "0")
        .header("Content-Type", "application/offset+octet-stream")
}

async fn send(service: &TusService, request: Builder, body: impl Into<Body>) -> Response<Body> {
    let request = request.body(body.into()).unwrap();
    service.clone().oneshot(request).await.unwrap()
}

fn location(response: &Response<Body>) -> String {
    let location = &response.headers()["location"];
    location.to_str().unwrap().to_owned()
}

fn code(response: &Response<Body>) -> &'static str {
    response.extensions().get().map_or("", Error::code)
}

/// Returns a body that yields what is sent to the channel.
fn channel() -> (mpsc::UnboundedSender<&'static str>, Body) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let frames = stream::unfold(receiver, |mut receiver| async move {
        let text: &str = receiver.recv().await?;
        Some((Ok::<_, Error>(Frame::data(Bytes::from(text))), receiver))
    });
    (sender, Body::new(StreamBody::new(Box::pin(frames))))
}
