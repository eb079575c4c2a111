//! One request and its response.

use std::convert::Infallible;
use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use h2::Error;
use h2::server::SendResponse;
use http::{Method, Request, Response};
use http_body::Body as HttpBody;
use tokio::sync::OwnedSemaphorePermit;
use tower::{Service, ServiceExt};
use tower_tus::layers::protocol::{Body, BoxError};

use super::response::{head, send};
use crate::net::send_queue::{InFlight, QueuedBytes};

/// The stream of a request.
pub(super) struct Stream {
    pub(super) respond: SendResponse<QueuedBytes>,
    /// How long the client may read nothing of the response.
    pub(super) limit: Duration,
    pub(super) _head: OwnedSemaphorePermit,
    pub(super) _in_flight: InFlight,
}

impl Stream {
    /// Answers a request, unless its client resets the stream.
    pub(super) async fn run<S, B>(mut self, service: S, request: Request<Body>)
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let method = request.method().clone();
        let response = tokio::select! {
            biased;
            response = service.oneshot(request) => response,
            _ = poll_fn(|cx| self.respond.poll_reset(cx)) => return,
        };
        let Ok(response) = response;
        if let Err(error) = self.answer(&method, response).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "stream ended early"
            );
        }
    }

    async fn answer<B>(&mut self, method: &Method, response: Response<B>) -> Result<(), Error>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = response.into_parts();
        let head = head(parts, &body);
        if body.is_end_stream() || *method == Method::HEAD {
            return self.respond.send_response(head, true).map(drop);
        }
        let stream = self.respond.send_response(head, false)?;
        send(body, stream, self.limit).await
    }
}
