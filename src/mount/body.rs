use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_tus_layers::protocol::{Body, BoxError};

pin_project! {
    /// The response body of [`TusMount`](super::TusMount): from the stack, or
    /// from the inner service.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProj]
    enum Kind<B> {
        Tus { #[pin] body: Body },
        Inner { #[pin] body: B },
    }
}

impl<B> ResponseBody<B> {
    pub(super) const fn tus(body: Body) -> Self {
        Self {
            kind: Kind::Tus { body },
        }
    }

    pub(super) const fn inner(body: B) -> Self {
        Self {
            kind: Kind::Inner { body },
        }
    }
}

impl<B> HttpBody for ResponseBody<B>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.project().kind.project() {
            KindProj::Tus { body } => {
                let frame = body.poll_frame(cx);
                frame.map(|frame| frame.map(|frame| frame.map_err(BodyError::new)))
            }
            KindProj::Inner { body } => {
                // This does not copy `Bytes`.
                let bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
                body.poll_frame(cx).map(|frame| {
                    frame.map(|frame| match frame {
                        Ok(frame) => Ok(frame.map_data(bytes)),
                        Err(error) => Err(BodyError::new(error)),
                    })
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Tus { body } => body.is_end_stream(),
            Kind::Inner { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Tus { body } => body.size_hint(),
            Kind::Inner { body } => body.size_hint(),
        }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::inner(B::default())
    }
}

/// An error of either body.
#[derive(Debug)]
pub struct BodyError(BoxError);

impl BodyError {
    fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}
