//! Responses: the head, and the body piece by piece.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use h2::{Error, Reason, SendStream};
use headers::{ContentLength, Date, HeaderMapExt};
use http::header::{CONNECTION, CONTENT_LENGTH, TE, TRANSFER_ENCODING, UPGRADE};
use http::response::Parts;
use http::{HeaderMap, Response};
use http_body::{Body, Frame};
use tower_tus::layers::protocol::BoxError;

use crate::net::send_queue::{QueuedBytes, SendQueue};

/// The head in the form of HTTP/2.
pub(super) fn head<B: Body>(mut parts: Parts, body: &B) -> Response<()> {
    let headers = &mut parts.headers;
    remove_connection_headers(headers);
    if headers.typed_get::<Date>().is_none() {
        headers.typed_insert(Date::from(SystemTime::now()));
    }
    if let Some(length) = body.size_hint().exact()
        && !body.is_end_stream()
        && !headers.contains_key(CONTENT_LENGTH)
    {
        headers.typed_insert(ContentLength(length));
    }
    Response::from_parts(parts, ())
}

/// Removes headers that HTTP/2 forbids. RFC 9113, section 8.2.2
fn remove_connection_headers(headers: &mut HeaderMap) {
    let named = headers.remove(CONNECTION);
    let named = named.as_ref().and_then(|names| names.to_str().ok());
    for name in named.unwrap_or_default().split(',') {
        headers.remove(name.trim());
    }
    for name in [TRANSFER_ENCODING, UPGRADE, TE] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

/// Sends the body, and resets the stream if its client reads nothing for `limit`,
/// whatever it does on other streams.
pub(super) async fn send<B>(
    body: B,
    mut stream: SendStream<QueuedBytes>,
    limit: Duration,
) -> Result<(), Error>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let queue = SendQueue::new();
    let mut ended = false;
    loop {
        let frame = tokio::select! {
            biased;
            reset = poll_fn(|cx| stream.poll_reset(cx)) => return reset.map(drop),
            () = queue.stalled(limit) => {
                stream.send_reset(Reason::CANCEL);
                return Ok(());
            }
            () = queue.drained(), if ended => return Ok(()),
            frame = next(&queue, body.as_mut()), if !ended => frame,
        };
        ended = match frame {
            Some(Ok(frame)) => queue_frame(frame, body.is_end_stream(), &queue, &mut stream)?,
            Some(Err(error)) => {
                let error = error.into();
                tracing::debug!(
                    error = &*error as &dyn std::error::Error,
                    "response body failed"
                );
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
            None => {
                stream.send_data(QueuedBytes::new(Bytes::new(), queue.clone()), true)?;
                true
            }
        };
    }
}

/// The next frame, as soon as the client has read most of the last one.
async fn next<B: Body>(
    queue: &SendQueue,
    mut body: Pin<&mut B>,
) -> Option<Result<Frame<B::Data>, B::Error>> {
    poll_fn(|cx| queue.poll_room(cx)).await;
    poll_fn(|cx| body.as_mut().poll_frame(cx)).await
}

/// Queues a frame, and returns whether it was the last.
fn queue_frame(
    frame: Frame<Bytes>,
    last: bool,
    queue: &SendQueue,
    stream: &mut SendStream<QueuedBytes>,
) -> Result<bool, Error> {
    match frame.into_data() {
        Ok(bytes) => {
            stream.send_data(QueuedBytes::new(bytes, queue.clone()), last)?;
            Ok(last)
        }
        Err(frame) => match frame.into_trailers() {
            Ok(trailers) => stream.send_trailers(trailers).map(|()| true),
            Err(_) => Ok(false),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Empty, Full};

    #[test]
    fn a_head_loses_connection_headers_and_gets_a_length_and_a_date() {
        let response = Response::builder()
            .header("Connection", "close, X-Hop")
            .header("X-Hop", "x")
            .header("Keep-Alive", "timeout=5")
            .header("Transfer-Encoding", "chunked")
            .header("X-Kept", "x")
            .body(Full::new(Bytes::from("hello")));
        let (parts, body) = response.unwrap().into_parts();
        let head = head(parts, &body);
        let mut names: Vec<_> = head.headers().keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "date", "x-kept"]);
        assert_eq!(head.headers()["content-length"], "5");
    }

    #[test]
    fn a_response_without_a_body_gets_no_length() {
        let (parts, body) = Response::new(Empty::<Bytes>::new()).into_parts();
        assert!(!head(parts, &body).headers().contains_key(CONTENT_LENGTH));
    }
}
