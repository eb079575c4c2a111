//! Bodies whose errors the caller maps.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{Body, BoxError, Error};

impl Body {
    /// Erases the type of a body like [`new`](Self::new), and maps its errors
    /// with
    /// [`Error::from_body_with`]: for errors of other middleware that
    /// [`Error::from_body`] does not know.
    ///
    /// ```
    /// use std::time::Duration;
    /// use http::Request;
    /// use tower::ServiceBuilder;
    /// use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutBody, TimeoutError};
    /// use tower_tus_layers::protocol::{Body, Error};
    /// use tower_tus_layers::service::Core;
    /// use tower_tus_layers::store::MemoryStore;
    /// # type HostBody = Body;
    ///
    /// let service = ServiceBuilder::new()
    ///     .layer(RequestBodyTimeoutLayer::new(Duration::from_secs(30)))
    ///     .map_request(|request: Request<TimeoutBody<HostBody>>| {
    ///         request.map(|body| {
    ///             Body::new_with(body, |error| {
    ///                 error.is::<TimeoutError>().then_some(Error::ReadTimeout)
    ///             })
    ///         })
    ///     })
    ///     .service(Core::new(MemoryStore::default()));
    /// ```
    pub fn new_with<B, F>(body: B, name: F) -> Self
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<BoxError>,
        F: Fn(&(dyn StdError + 'static)) -> Option<Error> + Send + 'static,
    {
        Self::new(NamedErrors { body, name })
    }
}

pin_project! {
    struct NamedErrors<B, F> {
        #[pin]
        body: B,
        name: F,
    }
}

impl<B, F> HttpBody for NamedErrors<B, F>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
    F: Fn(&(dyn StdError + 'static)) -> Option<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(cx));
        // Does not copy if the data is `Bytes` already.
        let bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(bytes)),
            Err(error) => Err(Error::from_body_with(error, &*this.name)),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
