//! Lets something outside a request end its body.
//!
//! The layer puts an [`Interrupt`] into each request's
//! [`Context`](crate::context::Context). Others fire it: the lock when another
//! request waits for the upload, the server when it shuts down. Before its next
//! frame the body then returns that cause as an error, once, and the core only
//! sees that the body ended. A request that waits for a lock watches its
//! interrupt, too.
//!
//! # Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::interrupt::InterruptLayer;
//! use tower_tus_layers::protocol::{Body, Length, Metadata, NewUpload, Shutdown};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::{MemoryStore, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::default();
//! let upload = store.create(NewUpload::new(Some(Length::from(5)), Metadata::default())).await?;
//! let id = upload.info().id.clone();
//!
//! let shutdown = Shutdown::default();
//! let service = ServiceBuilder::new()
//!     .layer(InterruptLayer::new().shutdown(shutdown.clone()))
//!     .service(Core::new(store));
//!
//! shutdown.begin();
//! let request = Request::patch(format!("/{id}"))
//!     .header("Content-Type", "application/offset+octet-stream")
//!     .header("Upload-Offset", "0")
//!     .body(Body::from("hello"))?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
//! # Ok(())
//! # }
//! ```
//!
//! [`Interrupt`]: crate::protocol::Interrupt

mod body;
mod future;
mod layer;
mod service;

pub use self::future::ResponseFuture;
pub use self::layer::InterruptLayer;
pub use self::service::InterruptService;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::BodyExt;
    use tower::{Layer, ServiceExt, service_fn};

    use super::InterruptLayer;
    use crate::context::Context;
    use crate::protocol::{Body, Error, Shutdown};

    type Received = Vec<Result<Bytes, &'static str>>;

    async fn read_all(mut body: Body) -> Received {
        let mut received = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map(|frame| frame.into_data().unwrap());
            received.push(frame.map_err(|error| error.code()));
        }
        received
    }

    async fn receive(fire: bool) -> Received {
        let inner = service_fn(move |request: Request<Body>| async move {
            let interrupt = Context::of(request.extensions()).interrupt();
            if fire {
                interrupt.fire(Error::Interrupted);
            }
            let read = read_all(request.into_body()).await;
            Ok::<_, Infallible>(reply(read))
        });
        let request = Request::new(Body::from("hello"));
        let response = InterruptLayer::new().layer(inner).oneshot(request).await;
        response.unwrap().extensions_mut().remove().unwrap()
    }

    /// Builds a response that carries a value to the test.
    fn reply<T: Clone + Send + Sync + 'static>(value: T) -> Response<Body> {
        let mut response = Response::default();
        response.extensions_mut().insert(value);
        response
    }

    #[tokio::test]
    async fn a_body_that_nobody_interrupts_reads_as_it_is() {
        assert_eq!(receive(false).await, [Ok("hello".into())]);
    }

    #[tokio::test]
    async fn a_shutdown_ends_a_request_whose_body_is_gone() {
        let shutdown = Shutdown::default();
        let layer = InterruptLayer::new().shutdown(shutdown.clone());
        let inner = service_fn(move |request: Request<Body>| {
            let shutdown = shutdown.clone();
            async move {
                let (parts, body) = request.into_parts();
                drop(body);
                shutdown.begin();
                let interrupt = Context::of(&parts.extensions).interrupt();
                let cause = interrupt.cause().map_or("", |cause| cause.code());
                Ok::<_, Infallible>(reply(cause))
            }
        });
        let request = Request::new(Body::from("hello"));
        let response = layer.layer(inner).oneshot(request).await.unwrap();
        assert_eq!(response.extensions().get(), Some(&"ERR_SERVER_SHUTDOWN"));
    }

    #[tokio::test]
    async fn an_interrupted_body_errs_once_before_any_further_frame() {
        assert_eq!(receive(true).await, [Err("ERR_UPLOAD_INTERRUPTED")]);
    }
}
